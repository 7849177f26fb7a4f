"""Networks that SpikingJelly exported and ran: its spikes and membranes, bit for bit."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from nir_graphs import DT, port, row

from benchmarks.fidelity import spikingjelly_live
from benchmarks.fidelity.nir import Case, read_case
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate
from chipletsim.errors import ConfigError
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir.delays import against_queue
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import network_of
from chipletsim.network.presets.scheme import Asked

FOLDER = Path(__file__).parents[1] / "data" / "nir" / "spikingjelly"
CASES = sorted(path.parent for path in FOLDER.glob("*/case.json"))
FEW = ("layers_24", "planes_5", "loops_10003")
f32 = np.float32


def test_the_cases_hold_what_matters() -> None:
    abouts = [json.loads((case / "case.json").read_text()) for case in CASES]
    found = {
        (each["model"].partition(".")[2], each.get("decay_input"))
        for about in abouts
        for each in about["nodes"].values()
    }
    leaky = {(kind, way) for kind in ("LIFNode", "ParametricLIFNode") for way in (True, False)}
    assert found >= {("IFNode", None), ("CUBALIFNode", None), *leaky}
    resets = {each.get("v_reset") for about in abouts for each in about["nodes"].values()}
    assert {0.0, -0.3, 0.15} <= resets
    models = {p.model for case in CASES for p in read_case(case).network.populations}
    known = {name for name in NEURON_MODELS if name.startswith("spikingjelly_")}
    assert models - {"input"} >= {name for name in known if not name.endswith("_late")}
    assert any(name.endswith("_late") for name in models), "a loop whose bias begins in step 1"


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_every_recorded_spike(folder: Path) -> None:
    case = read_case(folder)
    activity = simulate_reference(case.network, next(iter(case.inputs.values())))
    assert sum(spikes.sum() for spikes in case.spikes.values()) > 10
    for name, spikes in case.spikes.items():
        assert np.array_equal(activity.spikes(name), spikes), name


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path, marks=[] if path.name in FEW else pytest.mark.slow) for path in CASES],
    ids=lambda path: path.name,
)
def test_every_recorded_membrane(folder: Path) -> None:
    demand_membranes(read_case(folder), folder)


def demand_membranes(case: Case, folder: Path) -> None:
    """Demand spikes of all samples, and every bit of the membranes of the first."""
    activity = simulate(case.network, case.inputs, record=("v",))
    with np.load(folder / "io.npz") as stored:
        for name, spikes in case.spikes.items():
            assert np.array_equal(activity.spikes(name), spikes), name
            membranes = stored[f"mem__{name}"].reshape(spikes.shape[1:])
            found = activity.recorded[name]["v"][0].reshape(membranes.shape)
            assert np.array_equal(found, membranes), name


def test_random_networks_run_by_spikingjelly_itself() -> None:
    try:
        printed = spikingjelly_live.run("rows", "700", "3")
    except RuntimeError as missing:
        if "make peers" not in str(missing):
            raise
        pytest.skip(str(missing))
    rows = json.loads(printed)
    assert len(rows) >= 12
    assert all(row["difference"] == 0 for row in rows), rows


def test_peers_without_it_say_how_to_get_it(tmp_path, monkeypatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("")
    monkeypatch.setattr(spikingjelly_live, "ENVIRONMENTS", {"peers": tmp_path})
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(RuntimeError, match="with spikingjelly is not there: run `make peers`"):
        spikingjelly_live.rows(quick=True)


# --- reading ---------------------------------------------------------------------------------

ONES = np.ones(2)


def lif(tau_steps=3.0, dt=1e-4, **fields):
    given = {
        "tau": tau_steps * dt * ONES, "r": ONES, "v_leak": 0 * ONES, "v_threshold": ONES,
        "v_reset": 0 * ONES,
    }  # fmt: skip
    return NirNode("LIF", {**given, **fields})


def cubalif(c_decay=0.5, v_decay=0.75, dt=1e-4, **fields):
    tau_syn, tau_mem = dt / (1 - c_decay) * ONES, dt / (1 - v_decay) * ONES
    given = {
        "tau_syn": tau_syn, "tau_mem": tau_mem, "r": tau_mem / dt, "w_in": tau_syn / dt,
        "v_leak": 0 * ONES, "v_threshold": ONES, "v_reset": 0 * ONES,
    }  # fmt: skip
    return NirNode("CubaLIF", {**given, **fields})


def integrator(dt=1e-4):
    return NirNode("IF", {"r": ONES / dt, "v_threshold": ONES, "v_reset": 0 * ONES})


def read(*nodes, **asked):
    named = [(f"n{number}", node) for number, node in enumerate(nodes)]
    ends = ("in", port("Input", (2,))), ("out", port("Output", (2,)))
    graph = row(ends[0], *named, ends[1])
    return network_of(graph, "x", DT, Asked("spikingjelly", **asked))


def test_parameters_are_those_of_the_module() -> None:
    network = read(lif(), lif(r=3.0 * ONES), cubalif(), integrator())
    models = [p.model for p in network.populations][1:]
    assert models == [
        "spikingjelly_lif", "spikingjelly_lif_whole_input", "spikingjelly_cubalif",
        "spikingjelly_if",
    ]  # fmt: skip
    assert network.population("n0").parameters["tau_steps"].tolist() == [3, 3]
    cuba = network.population("n2").parameters
    assert (cuba["alpha"].tolist(), cuba["beta"].tolist()) == ([0.5] * 2, [0.75] * 2)
    (learned,) = read(lif(4.0), nodes={"n0": {"parametric": True}}).populations[1:]
    assert (learned.model, learned.parameters["rate"].tolist()) == ("spikingjelly_plif", [0.25] * 2)


@pytest.mark.parametrize("teller", [integrator, cubalif, lambda dt: lif(5.0, dt, r=5.0 * ONES)])
def test_gains_tell_the_time_step_of_the_export(teller) -> None:
    network = read(lif(3.0, 2.5e-4), teller(dt=2.5e-4))
    assert network.population("n0").parameters["tau_steps"].tolist() == [3, 3]
    assert "assumed" not in network.scheme


def test_a_time_step_that_nothing_tells_is_named() -> None:
    assert read(lif()).scheme.endswith("export_dt of 0.0001 s assumed, the exporter's own: no gain"
                                       " tells it")  # fmt: skip
    told = read(lif(3.0, 1e-3), options={"export_dt_s": 1e-3})
    assert told.population("n0").parameters["tau_steps"].tolist() == [3, 3]
    assert "assumed" not in told.scheme


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([lif(r=2.0 * ONES), integrator()], "gains of 'n0' say a time step|gains of"),
        ([lif(r=2.0 * ONES), lif(4.0, r=3.0 * ONES)], "SpikingJelly did not write this file"),
        ([lif(1.0), integrator()], "tau must be more than one time step"),
        ([lif(v_leak=0.5 * ONES)], "`v_leak` must be `v_reset`"),
        ([cubalif(v_leak=0.5 * ONES)], "`v_leak` must be 0"),
        ([cubalif(w_in=ONES), integrator()], "say a time step of"),
        (
            [NirNode("LI", {"tau": ONES, "r": ONES, "v_leak": ONES})],
            "node type LI is not supported",
        ),
    ],
)
def test_what_it_did_not_write_is_refused(nodes, words) -> None:
    with pytest.raises(ConfigError, match=words):
        read(*nodes)


def test_gains_that_a_time_step_contradicts_are_refused() -> None:
    for node, name in ((integrator(), "r"), (cubalif(), "r"), (lif(r=3.0 * ONES), "r")):
        with pytest.raises(ConfigError, match=f"`{name}` must be .* check `export_dt`"):
            read(node, options={"export_dt_s": 5e-5})


def one_step(model: str, v: float, current: float, **parameters: float) -> tuple[float, bool]:
    """The membrane after a step from v, and whether it spiked."""
    neuron = NEURON_MODELS[model]
    constants = neuron.prepare({"v_threshold": 1.0, **parameters}, 1e-3)
    state = {name: f32([v if name == "v" else 0.5]) for name in neuron.states}
    after, spike = neuron.step(np, constants, state, f32([current]))
    return float(after["v"][0]), bool(spike[0])


@pytest.mark.parametrize(
    ("model", "parameters", "v", "current", "expected"),
    [
        # The threshold itself spikes: 0.5 + 0.5 = 1.
        ("spikingjelly_if", {"v_reset": 0.25}, 0.5, 0.5, (0.25, True)),
        ("spikingjelly_if", {}, 0.25, 0.5, (0.75, False)),
        # 0.5 + (1 - (0.5 - (-0.5))) / 4 = 0.5, and 0.5 - 1 / 4 + 0.25 = 0.5.
        ("spikingjelly_lif", {"tau_steps": 4, "v_reset": -0.5}, 0.5, 1, (0.5, False)),
        ("spikingjelly_lif_whole_input", {"tau_steps": 4, "v_reset": -0.5}, 0.5, 0.25, (0.5, 0)),
        # The same with a rate of 1/2: 0.5 + (3 - 1) / 2 = 1.5, and 0.5 - 1 / 2 + 0.25 = 0.25.
        ("spikingjelly_plif", {"rate": 0.5, "v_reset": -0.5}, 0.5, 3, (-0.5, True)),
        ("spikingjelly_plif_whole_input", {"rate": 0.5, "v_reset": -0.5}, 0.5, 0.25, (0.25, False)),
        # i = 0.5 / 2 + 0.25 = 0.5; v = 0.5 * 0.5 + 0.5 = 0.75.
        ("spikingjelly_cubalif", {"alpha": 0.5, "beta": 0.5}, 0.5, 0.25, (0.75, False)),
    ],
)  # fmt: skip
def test_a_step_by_hand(model, parameters, v, current, expected) -> None:
    assert one_step(model, v, current, **parameters) == expected


def test_dividing_is_not_multiplying() -> None:
    # 1 / 41 in float32 times 49 is less than 1: the learned neuron does not reach its threshold.
    assert f32(1) / f32(41) * f32(41) < 1
    assert one_step("spikingjelly_lif", 0, 41, tau_steps=41)[1]
    assert not one_step("spikingjelly_plif", 0, 41, rate=float(f32(1) / f32(41)))[1]


# --- loops -----------------------------------------------------------------------------------


def unnamed(names: str) -> dict[str, NirNode]:
    return {name: port("Input" if name == "i" else "Output", (1,)) for name in names}


@pytest.mark.parametrize(
    ("names", "edges", "late"),
    [
        # No loop, whatever the order: nothing is late, not even the skip.
        ("iabc", "ia ab bc ic", ""),
        ("icba", "ia ab bc ic", ""),
        # a waits for i alone; w is not there yet, and its value is of the step before.
        ("iaw", "ia aw wa", "wa"),
        # w, with one source, waits for a.
        ("iwa", "ia aw wa", "wa"),
        # Two on a loop, both fed: the one that comes first does not wait for the other ...
        ("iabxy", "ia ib ax xb by ya", "ya xb"),
        # ... unless what lies between comes before the second.
        ("iaxbyc", "ia ib ax xb by ya", "ya"),
        # What stands in front of the input comes last: b runs first.
        ("aibxy", "ia ib ax xb by ya", "xb"),
    ],
)  # fmt: skip
def test_edges_against_the_order_of_a_queue(names, edges, late) -> None:
    pairs = [tuple(edge) for edge in edges.split()]
    assert against_queue(unnamed(names), pairs) == {tuple(edge) for edge in late.split()}


def test_a_file_of_ours_states_its_delays() -> None:
    nodes = {"in": port("Input", (2,)), "n": integrator(), "out": port("Output", (2,))}
    nodes["w"] = NirNode("Affine", {"weight": np.eye(2, dtype=f32), "bias": f32([1, 1])})
    edges = (("in", "n"), ("n", "w"), ("w", "n"), ("n", "out"))
    network = network_of(NirGraph(nodes, edges), "x", DT, Asked("spikingjelly"))
    assert {p.name: p.delay for p in network.projections} == {"in>n": 0, "w": 1}
    assert network.population("n").parameters["late_steps"].tolist() == [1, 1]
