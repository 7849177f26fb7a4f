"""Networks in the fixed point of Lava: what lava-nc gave, bit for bit, and the NIR paper's neuron.

Networks were run by ``lava.proc.lif.PyLifModelBitAcc``; their files have the fields that Lava-DL's
``convert_to_nir`` writes. Of SLAYER itself there is a port in SpikingJelly, which was run, too.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_graphs import DT, port, row

from benchmarks.fidelity.nir import SHARED, read_case
from chipletsim.engine.simulate import simulate
from chipletsim.errors import ConfigError
from chipletsim.network.load import load_network
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import network_of
from chipletsim.network.presets.scheme import Asked

FOLDER = Path(__file__).parents[1] / "data" / "nir" / "lava"
CASES = sorted(path.parent for path in FOLDER.glob("*/case.json"))
FEW = ("random_3",)
PAPER = SHARED / "paper" / "01_lif"
other_files = pytest.mark.skipif(
    not PAPER.is_dir(), reason=f"needs the files of others in {PAPER}, which are not ours to copy"
)
f32 = np.float32


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path, marks=[] if path.name in FEW else pytest.mark.slow) for path in CASES],
    ids=lambda path: path.name,
)
def test_every_bit_that_lava_gave(folder: Path) -> None:
    case = read_case(folder)
    assert case.network.scheme.startswith("lava_dl")
    activity = simulate(case.network, case.inputs, record=("v", "i"))
    with np.load(folder / "io.npz") as stored:
        for name, spikes in case.spikes.items():
            assert spikes.sum() > 20
            assert np.array_equal(activity.spikes(name), spikes), name
            for state, key in (("v", "mem"), ("i", "syn")):
                found = activity.recorded[name][state].reshape(spikes.shape)
                assert np.array_equal(found, np.moveaxis(stored[f"{key}__{name}"], 0, 1)), name


def test_the_cases_reach_both_ends_of_24_bits_and_hold_loops() -> None:
    with np.load(FOLDER / "random_100" / "io.npz") as stored:
        assert abs(stored["mem__2"]).max() == 2**23 - 1  # where membranes stop
        assert abs(np.diff(stored["syn__2"], axis=0)).max() > 2**23  # where currents wrap
    loops = [p for p in read_case(FOLDER / "random_1").network.projections if p.name == "loop"]
    assert [p.delay for p in loops] == [1]
    decays = [p.parameters["current_decay"][0] for case in CASES
              for p in read_case(case).network.populations if p.parameters]  # fmt: skip
    assert min(decays) == 1
    assert any(100 < decay < 4096 for decay in decays)
    assert 4096 in decays


def test_slayer_as_spikingjelly_ports_it() -> None:
    """Real-valued currents, decays and thresholds, of which SLAYER makes fixed point."""
    with np.load(FOLDER / "slayer_port.npz") as stored:
        count = len(stored["scale"])
        for number in range(count):
            network = of_slayer({key: stored[key][number] for key in stored})
            neuron = NEURON_MODELS["lava_cubalif"]
            constants = neuron.prepare(network.population("n").parameters, DT)
            state = neuron.initial_state(constants, stored["current"].shape[2:])
            units = f32(64 * stored["scale"][number])
            for step, current in enumerate(stored["current"][number]):
                state, spikes = neuron.step(np, constants, state, current)
                assert np.array_equal(spikes, stored["spikes"][number, step])
                assert np.array_equal(state["v"] / units, stored["voltage"][number, step])
        assert stored["spikes"].sum() > 100


def of_slayer(given: dict):
    """The network of a neuron of gain 1, as the paper's readers take it."""
    dt, size = 1e-4, given["current"].shape[-1]
    tau_syn, tau_mem = (
        np.full(size, dt / given[f"{name}_decay"]) for name in ("current", "voltage")
    )
    fields = {"tau_syn": tau_syn, "tau_mem": tau_mem, "r": tau_mem / dt, "w_in": tau_syn / dt}
    fields |= {"v_leak": np.zeros(size), "v_threshold": np.full(size, given["threshold"])}
    return read(NirNode("CubaLIF", fields), size, options={"scale": int(given["scale"])})


def read(node, size=2, **asked):
    graph = row(("in", port("Input", (size,))), ("n", node), ("out", port("Output", (size,))))
    return network_of(graph, "x", DT, Asked("lava_dl", **asked))


# --- the NIR paper's neuron ------------------------------------------------------------------


def graded(network):
    """The same network with an input of values."""
    populations = tuple(
        replace(p, value_bits=32) if p.model == "input" else p for p in network.populations
    )
    return replace(network, populations=populations)


@other_files
@pytest.mark.parametrize("record", ["lava_cpu_float", "lava_cpu_fixed", "lava_loihi_fixed"])
def test_one_neuron_of_the_paper(record: str) -> None:
    given, _, spikes = np.loadtxt(PAPER / f"lif_{record}.csv", delimiter=",").T
    network = graded(load_network(PAPER / "lif_norse.nir", dt="0.1 ms", preset="lava_dl"))
    assert "LIF is none of Lava-DL's" in network.scheme
    activity = simulate(network, given.astype(f32).reshape(1, -1, 1))
    assert np.flatnonzero(activity.spikes("1")).tolist() == [461, 511, 711, 761]
    assert np.flatnonzero(spikes).tolist() == [461, 511, 711, 761]


@other_files
def test_the_papers_fixed_point_in_every_step() -> None:
    """Its notebook's numbers: weight int(0.04 * 256), dv int(0.04 * 4095), vth 13107 >> 9."""
    given, membrane, spikes = np.loadtxt(PAPER / "lif_lava_cpu_fixed.csv", delimiter=",").T
    taus = {"tau_syn": np.array([1 / 4096]), "tau_mem": np.array([1 / 163])}
    fields = {**taus, "r": np.ones(1), "w_in": taus["tau_syn"], "v_leak": np.zeros(1)}
    weights = NirNode("Linear", {"weight": f32([[10]])})
    cuba = NirNode("CubaLIF", {**fields, "v_threshold": np.array([25.0])})
    ends = ("in", port("Input", (1,))), ("out", port("Output", (1,)))
    graph = row(ends[0], ("w", weights), ("n", cuba), ends[1])
    network = graded(network_of(graph, "x", 1e-4, Asked("lava_dl")))
    activity = simulate(network, given.astype(f32).reshape(1, -1, 1), record=("v",))
    assert np.array_equal(activity.spikes("n").ravel(), spikes == 1)
    assert np.array_equal(activity.recorded["n"]["v"].ravel(), membrane)


# --- the model -------------------------------------------------------------------------------


def stepped(v: int, i: int, current: float, **parameters: float) -> tuple[int, int, bool]:
    neuron = NEURON_MODELS["lava_cubalif"]
    constants = neuron.prepare({"reach": 6401, "units": 64, **parameters}, DT)
    state = {"v": f32([v]), "i": f32([i])}
    after, spike = neuron.step(np, constants, state, f32([current]))
    return int(after["v"][0]), int(after["i"][0]), bool(spike[0])


def test_a_step_by_hand() -> None:
    # i = cut(-999 * 3072 / 4096) + 64 * 3 = -749 + 192; v = cut(1001 * 3796 / 4096) - 557 = 370.
    decays = {"current_decay": 1024, "voltage_decay": 300}
    assert stepped(1001, -999, 3, **decays) == (927 - 557, -557, False)
    # The threshold of 100 * 64 itself does not spike, one more does.
    assert stepped(0, 0, 100) == (6400, 6400, False)
    assert stepped(1, 0, 100) == (0, 6400, True)
    # Currents are cut towards zero: 64 * 0.11 = 7.04, 64 * -0.11 = -7.04.
    assert stepped(0, 0, 0.11) == (7, 7, False)
    assert stepped(0, 0, -0.11) == (-7, -7, False)


WHOLE = st.integers(1 - 2**23, 2**23 - 1)


@settings(max_examples=300, deadline=None)
@given(WHOLE, WHOLE, st.integers(-(2**16), 2**16), st.integers(0, 4096), st.integers(0, 4096))
def test_float32_is_as_exact_as_whole_numbers(v, i, weights, current_decay, voltage_decay) -> None:
    def kept(whole: int, decay: int) -> int:
        size = abs(whole) * (4096 - decay) // 4096
        return -size if whole < 0 else size

    most = 2**23
    u = kept(i, current_decay) + 64 * weights
    u = u - 2 * most if u > most else u + 2 * most if u <= -most else u
    expected = min(max(kept(v, voltage_decay) + u, 1 - most), most - 1)
    spike = expected > 6400
    found = stepped(v, i, weights, current_decay=current_decay, voltage_decay=voltage_decay)
    assert found == (0 if spike else expected, u, spike)


# --- reading ---------------------------------------------------------------------------------


def device(i_decay=1024, v_decay=300, threshold=100.0):
    """As ``convert_to_nir`` writes it."""
    tau_syn, tau_mem = np.full(2, 1 / i_decay), np.full(2, 1 / v_decay)
    fields = {"tau_syn": tau_syn, "tau_mem": tau_mem, "r": np.ones(2), "w_in": tau_syn}
    fields |= {"v_leak": np.zeros(2), "v_threshold": np.full(2, threshold)}
    return NirNode("CubaLIF", fields)


def test_numbers_of_the_device_are_told_by_their_gains() -> None:
    network = read(device())
    found = {name: each[0] for name, each in network.population("n").parameters.items()}
    assert found == {"current_decay": 1024, "voltage_decay": 300, "reach": 6401, "units": 64}
    assert [p.delay for p in network.projections] == [1]
    assert "states in 24 bits" in network.scheme
    sooner = read(device(), options={"delay_shift": False})
    assert [p.delay for p in sooner.projections] == [0]


def test_thresholds_are_cut_as_slayer_cuts_them() -> None:
    node = NirNode("IF", {"r": np.ones(2), "v_threshold": np.array([0.51, 100.0])})
    population = read(node).population("n")
    # int(0.51 * 64) = 32; of 100 the hundredth above is lost in float32: the threshold spikes.
    assert population.parameters["reach"].tolist() == [32 * 64 + 1, 100 * 4096]
    with pytest.raises(ConfigError, match=r"cut to a multiple of 1/1 .* a greater `scale`"):
        read(node, options={"scale": 1})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"r": np.full(2, 2.0), "tau_mem": np.full(2, 5e-4)}, "say a time step|must be tau_mem"),
        ({"v_leak": np.ones(2)}, "`v_leak` must be 0"),
        ({"v_reset": np.ones(2)}, "`v_reset` must be 0"),
    ],
)
def test_what_its_neurons_are_not_is_refused(fields, words) -> None:
    node = device()
    with pytest.raises(ConfigError, match=words):
        read(replace(node, fields={**node.fields, **fields}), options={"export_dt_s": 1e-4})


def test_loops_act_one_step_later_in_all() -> None:
    square = NirNode("Linear", {"weight": np.ones((2, 2))})
    nodes = {"in": port("Input", (2,)), "a": device(), "b": device(), "ab": square, "ba": square}
    nodes["out"] = port("Output", (2,))
    edges = (("in", "a"), ("a", "ab"), ("ab", "b"), ("b", "ba"), ("ba", "a"), ("b", "out"))
    network = network_of(NirGraph(nodes, edges), "x", DT, Asked("lava_dl"))
    assert {p.name: p.delay for p in network.projections} == {"in>a": 1, "ab": 1, "ba": 1}


def test_biases_are_said_to_differ() -> None:
    affine = NirNode("Affine", {"weight": np.eye(2), "bias": np.ones(2)})
    ends = ("in", port("Input", (2,))), ("out", port("Output", (2,)))
    graph = row(ends[0], ("w", affine), ("n", device()), ends[1])
    network = network_of(graph, "x", DT, Asked("lava_dl"))
    assert "netx adds them to membranes" in network.scheme
    assert network.population("n").parameters["late_steps"].tolist() == [1, 1]


def test_the_versions_are_noted() -> None:
    about = json.loads((FOLDER / "random_0" / "case.json").read_text())
    assert about["versions"]["lava-nc"] == "0.10.0"
