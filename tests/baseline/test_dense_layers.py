"""Work of dense layers against published counts and closed forms."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.baseline.layers import dense_layers
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection

REFERENCE = Path(__file__).parents[3] / "shared/references/models/models.yaml"


def network(source: tuple, connection, target: tuple, pool=None) -> Network:
    populations = (Population("in", source, "input"), Population("out", target, "if"))
    projection = Projection("layer", "in", "out", connection, pool=pool)
    return Network("one", populations, (projection,), 1e-3)


def zeros(*shape: int) -> np.ndarray:
    """Weights of any size that take no memory."""
    return np.broadcast_to(np.float32(0), shape)


def reference(name: str) -> dict:
    if not REFERENCE.exists():
        pytest.skip("the reference counts of published networks are not at hand")
    models = yaml.load(REFERENCE.read_text(), Loader=yaml.CSafeLoader)["models"]
    return next(model for model in models if model["name"] == name)


def layer_network(row: list) -> Network:
    _, kind, c_in, c_out, kernel, stride, groups, h_out, w_out, *_ = row
    if kind == "fc":
        return network((c_in,), Dense(zeros(c_out, c_in)), (c_out,))
    pad = kernel // 2
    h_in, w_in = stride * (h_out - 1) + 1, stride * (w_out - 1) + 1
    connection = Conv2d(
        zeros(c_out, c_in // groups, kernel, kernel),
        (stride, stride), ((pad, pad), (pad, pad)), groups=groups,
    )  # fmt: skip
    return network((c_in, h_in, w_in), connection, (c_out, h_out, w_out))


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "vgg16", "plif_cifar10net"])
def test_layers_of_published_networks(name):
    total = 0
    model = reference(name)
    for row in model["layers"]:
        (layer,) = dense_layers(layer_network(row))
        assert layer.macs == row[-1], row[0]
        total += layer.macs
    macs = model["macs"]
    assert total == macs.get("total", macs.get("dense_one_step"))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
)
def test_convolution_counts_every_tap_of_every_window(size, kernel, stride, pads, dilation, groups):
    connection = Conv2d(
        zeros(4, 2 // groups, *kernel), stride, (pads[:2], pads[2:]), (dilation, dilation), groups
    )
    counts = []
    for axis in range(2):
        padded = size[axis] + sum(connection.padding[axis])
        reach = dilation * (kernel[axis] - 1)
        counts.append(len([i for i in range(0, padded, stride[axis]) if i + reach < padded]))
    windows = counts[0] * counts[1]
    (layer,) = dense_layers(network((2, *size), connection, (4, *counts)))
    assert layer.outputs == 4 * windows
    assert layer.macs == windows * 4 * (2 // groups) * kernel[0] * kernel[1]
    assert layer.flops == 2 * layer.macs


def test_pooling_in_front_is_a_layer_without_macs():
    # 2 planes of 6 x 6, pooled 2 x 2 to 3 x 3, then 5 neurons: 18 x 5 products.
    pooled, dense = dense_layers(
        network((2, 6, 6), Dense(zeros(5, 18)), (5,), pool=Pool2d((2, 2), (2, 2)))
    )
    assert (pooled.name, pooled.macs, pooled.flops) == ("layer.pool", 0, 18 * 4)
    assert (pooled.inputs, pooled.outputs, pooled.weights) == (72, 18, 0)
    assert (dense.macs, dense.inputs, dense.outputs, dense.weights) == (90, 18, 5, 90)


def test_sparse_is_run_as_its_full_matrix():
    sparse = Sparse(np.array([0, 1, 1, 2]), np.array([3, 0], np.int32), zeros(2), 4)
    (layer,) = dense_layers(network((3,), sparse, (4,)))
    assert (layer.macs, layer.weights, layer.outputs) == (12, 12, 4)


def test_one_to_one_and_pool_projection():
    (layer,) = dense_layers(network((7,), OneToOne(zeros(7)), (7,)))
    assert (layer.macs, layer.flops, layer.weights, layer.outputs) == (7, 14, 7, 7)
    (layer,) = dense_layers(network((1, 4, 4), Pool2d((3, 3), (1, 1), (1, 1)), (1, 4, 4)))
    assert (layer.macs, layer.flops, layer.outputs) == (0, 16 * 9, 16)
