"""Products of a dense network as JAX computes them, against counts and against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.baseline.network_graph import network_graph
from chipletsim.errors import UsageError
from chipletsim.measure.products import products
from chipletsim.models import build_model
from chipletsim.models.builder import Builder
from chipletsim.network.connections import Conv2d, OneToOne
from chipletsim.network.model import Network, Population, Projection

NAMES = ["resnet18", "efficientnet_b0", "gpt2_small", "llama3_8b", "vit_s16", "spikformer_8_384"]
NAMES += ["rwkv4_169m", "plif_cifar10net", "shd_rsnn_128", "spike_driven_transformer_8_384"]


def shaped(product):
    return [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (*product.inputs, *product.own)]


@pytest.mark.parametrize("name", NAMES)
def test_shapes_fit_and_hold_the_multiply_accumulates_of_the_model(name):
    """Counted from shapes: two operands of a product share the axis that it sums over."""
    options = {"tokens": 16} if name in {"gpt2_small", "llama3_8b"} else {}
    model, macs = build_model(name, **options), 0
    for product in products(model, 2):
        result = jax.eval_shape(product.function, *shaped(product))
        assert result.shape == product.outputs
        size, arrays = np.prod(result.shape, dtype=np.int64), [*product.inputs, *product.own]
        if len(arrays) == 3:  # attention: queries by keys, and what comes of it by values
            macs += 2 * product.launches * np.prod(arrays[0]) * arrays[1][-2]
        elif len(arrays[1]) == 4 and product.own:  # channels of a group times a window
            macs += product.launches * size * np.prod(arrays[1][1:])
        elif len(arrays[0]) > 1:  # not an embedding, which only reads
            macs += product.launches * size * arrays[0][-1]
    assert macs == 2 * model.macs


def test_attention_is_that_of_the_textbook():
    """Two queries of four heads over six keys of two heads, one head at a time."""
    model = build_model("llama3_8b", tokens=2, context=6)
    product = next(each for each in products(model, 1) if len(each.own) == 2)
    assert product.inputs == ((1, 8, 4 * 2, 128),)
    generator = np.random.default_rng(0)
    query = generator.normal(size=(1, 2, 2 * 2, 3)).astype(np.float32)
    key, value = (generator.normal(size=(1, 2, 6, 3)).astype(np.float32) for _ in range(2))
    found = np.asarray(product.function(query, key, value))
    for head in range(2):
        for row in range(4):
            weight = np.exp([query[0, head, row] @ key[0, head, at] for at in range(6)])
            expected = (weight / weight.sum()) @ value[0, head]
            np.testing.assert_allclose(found[0, head, row], expected, rtol=1e-5, atol=1e-6)


def test_a_depthwise_convolution_keeps_its_groups():
    builder = Builder("depthwise", "test")
    builder.convolution("c", builder.input((4, 6, 6)), 4, 3, 2, groups=4)
    (product,) = products(builder.model(), 3)
    assert (product.inputs, product.own) == (((3, 4, 6, 6),), ((4, 1, 3, 3),))
    assert product.outputs == (3, 4, 3, 3)


def test_layers_of_a_network():
    a, b = Population("a", (2, 6, 6), "input"), Population("b", (2, 6, 6), "if")
    one = Projection("one", "a", "b", OneToOne(np.ones((2, 6, 6), np.float32)))
    (product,) = products(network_graph(Network("n", (a, b), (one,), 1e-3), 5), 2)
    assert (product.inputs, product.own) == (((10, 72),), ((72,),))
    kernel = Conv2d(np.ones((2, 2, 3, 1), np.float32), padding=((1, 1), (0, 0)))
    tall = Network("n", (a, b), (Projection("tall", "a", "b", kernel),), 1e-3)
    with pytest.raises(UsageError, match="no square convolution"):
        products(network_graph(tall), 1)
