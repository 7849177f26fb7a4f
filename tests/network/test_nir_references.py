"""Models that others wrote, with the spikes that others recorded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chipletsim.engine.simulate import simulate
from chipletsim.errors import ConfigError
from chipletsim.network.connections import Conv2d, Pool2d
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir_file import read_graph
from chipletsim.network.nir_nodes import explicit_padding
from chipletsim.network.nir_reader import read_nir
from chipletsim.network.nir_writer import write_nir

RECORDED = Path(__file__).parents[1] / "data" / "nir"
REFERENCES = Path(__file__).parents[3] / "shared" / "references" / "nir"
other_files = pytest.mark.skipif(
    not REFERENCES.is_dir(), reason=f"needs the files of others in {REFERENCES}"
)


def run(network, spikes, late_bias=None):
    """Run a network of dense projections in NumPy, populations in order.

    Args:
        network: The network.
        spikes: Inputs [steps, batch, channels].
        late_bias: Population to a bias that is missing in step 0, as Norse skips a
            recurrent node there.

    Returns:
        Population name to events [steps, batch, neurons], and to state v likewise.
    """
    constants = {
        p.name: NEURON_MODELS[p.model].prepare(p.parameters, network.dt_s)
        for p in network.populations
    }
    batch = spikes.shape[1]
    state = {
        p.name: NEURON_MODELS[p.model].initial_state(constants[p.name], (batch, *p.shape))
        for p in network.populations
    }
    events = {p.name: [] for p in network.populations}
    potentials = {p.name: [] for p in network.populations}
    for step, given in enumerate(spikes.astype(np.float32)):
        for population in network.populations:
            name = population.name
            current = given if population.model == "input" else np.float32(0)
            for p in (p for p in network.projections if p.target == name):
                if step >= p.delay:
                    sent = events[p.source][step - p.delay].astype(np.float32)
                    current = current + sent @ p.connection.weight.T
            if population.bias is not None:
                late = (late_bias or {}).get(name, 0) if step == 0 else 0
                current = current + (population.bias - late)
            model = NEURON_MODELS[population.model]
            state[name], event = model.step(np, constants[name], state[name], current)
            events[name].append(event)
            potentials[name].append(state[name].get("v", event))
    stack = {name: np.array(values) for name, values in events.items()}
    return stack, {name: np.array(values) for name, values in potentials.items()}


@pytest.mark.parametrize("case", ["norse_import_rlif", "norse_import_rcubalif"])
def test_norse_reads_and_runs_these_graphs_spike_for_spike(case):
    folder = RECORDED / case
    dt_s = json.loads((folder / "case.json").read_text())["dt"]
    recorded = np.load(folder / "io.npz")
    network = read_nir(folder / "model.nir", dt_s)
    # Norse does not evaluate a recurrent node in step 0, so its bias is missing there.
    rec = read_graph(folder / "model.nir").nodes["rec"].fields
    late = {"neu": rec["bias"]} if "bias" in rec else None
    events, potentials = run(network, recorded["input"], late)
    for name in ("neu", "out_n"):
        assert np.array_equal(events[name], recorded[f"spk__{name}"])
        assert recorded[f"spk__{name}"].any()
        np.testing.assert_allclose(potentials[name][:, :1], recorded[f"mem__{name}"], atol=1e-5)
    assert np.array_equal(events["out_n"], recorded["output"])


@other_files
@pytest.mark.parametrize("model", ["bias_zero", "noBias_subtract"])
def test_braille_network_as_norse_runs_it(model):
    folder = REFERENCES / "paper" / "03_rnn"
    path = folder / f"braille_noDelay_{model}.nir"
    network = read_nir(path, 1e-4)
    recorded = np.load(folder / f"expected_braille_noDelay_{model}.npz")
    rec = read_graph(path).nodes["lif1.w_rec"].fields
    late = {"lif1.lif": rec["bias"]} if "bias" in rec else None
    events, _ = run(network, recorded["input"][:, None], late)
    assert np.array_equal(events["lif1.lif"][:, 0], recorded["norse__lif1"])
    assert np.array_equal(events["lif2"][:, 0], recorded["norse__lif2"])
    events, _ = run(network, recorded["random__input"], late)
    assert np.array_equal(events["lif1.lif"], recorded["random__norse__lif1"])
    assert np.array_equal(events["lif2"], recorded["random__norse__lif2"])


@other_files
def test_one_neuron_of_the_paper():
    folder = REFERENCES / "paper" / "01_lif"
    network = read_nir(folder / "lif_norse.nir", 1e-4)
    given, potential, spikes = np.loadtxt(folder / "lif_norse.csv", delimiter=",").T
    events, potentials = run(network, given[:, None, None])
    assert np.array_equal(events["1"].ravel(), spikes > 0)
    assert np.flatnonzero(spikes).tolist() == [460, 510, 710, 760]
    np.testing.assert_allclose(potentials["1"].ravel(), potential, atol=1e-6)


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


AS_RECORDED = {
    # NIR's equations, and v_reset in the same step: all neurons, or those named, agree.
    "norse_import_rlif": (5e-4, ("neu", "out_n")),
    "norse_lifbox": (1e-3, ("1", "3")),
    # Its time constants stand in thousands of seconds, hence the step too.
    "norse_lifbox_default_export": (1e-6, ("1",)),
    # Node 3 is Norse's LIFCell, whose current decays after it has been used.
    "norse_vleak": (1e-3, ("1",)),
    # A reset one step late, before the membrane decays, is one in the same step.
    "snntorch_leaky_zero_nobias_float": (1e-4, ("lif1", "lif2")),
}


@pytest.mark.parametrize("case", AS_RECORDED)
def test_the_engine_spikes_as_recorded(case):
    dt_s, nodes = AS_RECORDED[case]
    folder = RECORDED / case
    recorded = np.load(folder / "io.npz")
    activity = simulate(read_nir(folder / "model.nir", dt_s), np.moveaxis(recorded["input"], 0, 1))
    for node in nodes:
        expected = np.moveaxis(recorded[f"spk__{node}"], 0, 1) == 1
        assert expected.any()
        assert np.array_equal(activity.spikes(node), expected.reshape(*expected.shape[:2], -1))


def test_a_convolution_and_if_as_norse_runs_them():
    # Norse adds I itself to an IF, where NIR says dt r I.
    folder = RECORDED / "norse_iaf_conv"
    recorded, network = np.load(folder / "io.npz"), read_nir(folder / "model.nir", 1e-3)
    cells = network.population("1")
    gained = replace(cells, parameters={**cells.parameters, "r": cells.parameters["r"] * 1000})
    populations = tuple(gained if p.name == "1" else p for p in network.populations)
    activity = simulate(
        replace(network, populations=populations), np.moveaxis(recorded["input"], 0, 1)
    )
    for node in ("1", "3"):
        expected = np.moveaxis(recorded[f"spk__{node}"], 0, 1)
        assert np.array_equal(activity.spikes(node), expected.reshape(3, 60, -1) == 1)


def files():
    return sorted(REFERENCES.rglob("*.nir"))


REFUSED = {
    "generated/graph_nested_rleaky/model.nir": "nodes.rec: is a nested graph",
    "generated/norse_lifbox_default_export/model.nir": "shorter than the time step",
    "generated/spyx_conv_if_psu/model.nir": "node type Threshold is not supported",
    "generated/spyx_cubalif_rlif/model.nir": "nodes.layer_3: is a nested graph",
    "paper/03_rnn/braille_noDelay_bias_zero_subgraph.nir": "nodes.lif1: is a nested graph",
    "paper/03_rnn/braille_noDelay_noBias_subtract_subgraph.nir": "is a nested graph",
    "schema/all_dense_nodes.nir": "nodes.cl: node type CubaLI is not supported",
    "schema/conv1d.nir": "nodes.c1: node type Conv1d is not supported",
    "schema/conv2d.nir": "nodes.ap: follows 'c2' without a neuron",
    "schema/conv2d_groups_asym.nir": "nodes.ap: follows 'c2' without a neuron",
    "schema/nested_three_deep.nir": "is a nested graph",
}


@other_files
@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(REFERENCES)))
def test_every_reference_is_read_or_refused_with_a_reason(path, tmp_path):
    words = REFUSED.get(str(path.relative_to(REFERENCES)))
    if words:
        with pytest.raises(ConfigError) as caught:
            read_nir(path, 1e-4)
        assert words in str(caught.value)
        return
    network = read_nir(path, 1e-4)
    assert sum(population.output for population in network.populations) == 1
    write_nir(network, tmp_path / "again.nir")
    assert fingerprint(read_nir(tmp_path / "again.nir", 1e-4)) == fingerprint(network)
