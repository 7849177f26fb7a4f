"""Every file that others wrote is read and written again, or refused with a reason."""

from pathlib import Path

import nir
import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.connections import Conv2d, Pool2d
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.make_connection import explicit_padding
from chipletsim.network.nir.file import read_graph
from chipletsim.network.nir.reader import read_nir
from chipletsim.network.nir.writer import write_nir
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.scheme import Asked

RECORDED = Path(__file__).parents[1] / "data" / "nir"
REFERENCES = Path(__file__).parents[3] / "shared" / "references" / "nir"
other_files = pytest.mark.skipif(
    not REFERENCES.is_dir(), reason=f"needs the files of others in {REFERENCES}"
)


@other_files
@pytest.mark.parametrize("name", ["conv2d", "conv2d_groups_asym"])
def test_convolution_shapes_are_those_of_torch(name):
    outputs = np.load(REFERENCES / "schema" / "conv_io.npz")
    nodes = read_graph(REFERENCES / "schema" / f"{name}.nir").nodes
    shape = outputs[f"{name}__input"].shape[1:]
    for key in ("c2", "ap", "same", "sp"):
        node = nodes[key]
        if node.type == "Conv2d":
            weight = node.array("weight")
            stride, dilation = node.pair("stride", 1), node.pair("dilation", 1)
            given = node.fields["padding"]
            padding = explicit_padding(
                given if isinstance(given, str) else node.pair("padding", 0),
                weight.shape[2:],
                stride,
                dilation,
            )
            groups = int(node.fields["groups"])
            layer = Conv2d(weight, stride, padding, dilation, groups)
        else:
            pairs = [node.pair(field, 0) for field in ("kernel_size", "stride", "padding")]
            layer = Pool2d(*pairs)
        shape = layer.target_shape(shape)
        assert shape == outputs[f"{name}__{key}"].shape[1:], key


REFUSED = {
    "generated/norse_lifbox_default_export/model.nir": "shorter than the time step",
    "paper/03_rnn/braille_noDelay_bias_zero_subgraph.nir": "rename that to 'lif'",
    "paper/03_rnn/braille_noDelay_noBias_subtract_subgraph.nir": "rename that to 'lif'",
}


@other_files
@pytest.mark.parametrize("path", sorted(REFERENCES.rglob("*.nir")), ids=lambda path: path.stem)
def test_every_reference_is_read_or_refused_with_a_reason(path, tmp_path):
    words = REFUSED.get(str(path.relative_to(REFERENCES)))
    if words:
        with pytest.raises(ConfigError) as caught:
            read_nir(path, 1e-4)
        assert words in str(caught.value)
        return
    network = read_nir(path, 1e-4)
    assert sum(population.output for population in network.populations) == 1
    same_again(network, tmp_path)


FEW = ("norse_vleak", "rockpool_lif_cuba")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.parent.name in FEW else pytest.mark.slow)
        for path in sorted(RECORDED.rglob("*.nir"))
    ],
    ids=lambda path: path.parent.name,
)
def test_reading_what_is_written_as_any_framework_does(path, tmp_path):
    read = 0
    for preset in PRESETS:
        try:
            network = read_nir(path, 1e-4, Asked(preset=preset))
        except ConfigError:
            continue  # a node that the framework does not know, or time constants in another unit
        same_again(network, tmp_path)
        read += 1
    assert read


def same_again(network, folder):
    """Demand that what is written is the same network, and that the nir package takes it."""
    write_nir(network, folder / "again.nir")
    again = read_nir(folder / "again.nir", network.dt_s)
    assert fingerprint(again) == fingerprint(network)
    assert again.scheme.split()[0] == network.scheme.split()[0]
    graph = nir.read(folder / "again.nir", type_check=False)
    assert set(again.index) - {p.name for p in again.populations if p.model == "current"} <= set(
        graph.nodes
    )


@other_files
def test_pooled_convolutions_compute_what_torch_computed():
    from chipletsim.engine.reference import simulate_reference
    from chipletsim.network.model import Network

    stored = np.load(REFERENCES / "schema" / "conv_io.npz")
    for name in ("conv2d", "conv2d_groups_asym"):
        network = read_nir(REFERENCES / "schema" / f"{name}.nir", 1e-4)
        (source,) = (p for p in network.populations if p.model == "input")
        given = stored[f"{name}__input"]
        populations = [source.__class__(**{**vars(source), "value_bits": 32})]
        populations += [p for p in network.populations if p is not source]
        graded = Network(network.name, tuple(populations), network.projections, network.dt_s)
        found = simulate_reference(graded, given.reshape(1, len(given), -1))
        for node, population in (("ap", "ap"), ("same", "same"), ("sp", "output")):
            if population in found.values:
                expected = stored[f"{name}__{node}"].reshape(len(given), -1)
                np.testing.assert_allclose(found.values[population][0], expected, atol=2e-4)
