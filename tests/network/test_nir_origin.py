"""Whose numbers a NIR file holds: no framework's own file is doubted, others' mostly are."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_graphs import port, row

import chipletsim as cs
from chipletsim.errors import ConfigError
from chipletsim.network.nir.file import read_graph, read_outline, write_graph
from chipletsim.network.nir.graph import STATELESS, NirGraph, NirNode
from chipletsim.network.nir.nodes import TRANSFORMS
from chipletsim.network.nir.reader import network_of
from chipletsim.network.nir.understood import understood
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.origin import possible
from chipletsim.network.presets.scheme import Asked

RECORDED = Path(__file__).parents[1] / "data" / "nir"
SHARED = Path(__file__).parents[3] / "shared" / "references" / "nir" / "generated"
CASES = {
    path.parent.name: path.parent
    for folder in (RECORDED, SHARED)
    for path in sorted(folder.rglob("case.json"))
    if path.with_name("model.nir").exists()  # of presets that tell what their exporter writes
}
EXPORTERS = ("snntorch", "norse", "sinabs", "spyx", "rockpool")
ANY_ORIGIN = ("euler", "exact", "norse_import")

# Wrong presets that numbers do not tell: r = 1 is all that a file of Sinabs' IAF holds, and what
# Norse runs without having written it is such as Norse writes where r = 1 throughout.
ALIKE = {
    "sinabs_conv_sumpool_iaf": {"norse", "spyx"},
    "sinabs_iaf_clip_single": {"norse", "spyx"},
    "sinabs_iaf_multispike": {"norse", "spyx"},
    "norse_import_rlif": {"norse"},
}


def case(name):
    """The graph of a recorded case, its preset, its time step and options of the file."""
    about = json.loads((CASES[name] / "case.json").read_text())
    options = {"tau_scale": 1000.0} if about.get("export_dt_argument") == 0.001 else {}
    return read_outline(CASES[name] / "model.nir"), about["preset"], about["dt"], options


def verdict(graph, dt_s, preset, **options):
    try:
        return "doubted" if understood(graph, dt_s, Asked(preset, options)).doubts else "silent"
    except ConfigError:
        return "refused"


@pytest.mark.parametrize("name", CASES)
def test_no_framework_is_doubted_on_its_own_file(name):
    graph, own, dt, options = case(name)
    assert understood(graph, dt, Asked(own, options)).doubts == ()
    assert own in ANY_ORIGIN or own in possible(graph, dt)
    assert set(possible(graph, dt)) <= {own, *ALIKE.get(name, ())}


@pytest.mark.parametrize("name", CASES)
def test_other_frameworks_are_refused_or_doubted(name):
    graph, own, dt, _ = case(name)
    said = {preset: verdict(graph, dt, preset) for preset in EXPORTERS if preset != own}
    assert {preset for preset, word in said.items() if word == "silent"} == ALIKE.get(name, set())


# --- exporters by their formulas ------------------------------------------------------------

# Two that differ: of a single number the exporters' formulas may agree by chance, as those of Norse
# (r = 1) and Rockpool (r = exp(-x) / x) do at x = dt / tau = 0.567.
DECAYS = (
    st.lists(st.floats(0.05, 0.995), min_size=2, max_size=2)
    .filter(lambda values: abs(values[0] - values[1]) > 0.02)
    .map(lambda values: np.array(values, np.float32))
)
DT = {"snntorch": 1e-4, "norse": 1e-3, "sinabs": 1.0, "spyx": 5e-4, "rockpool": 2e-3}


def exported(framework, beta):
    """A leaky neuron as a framework's exporter writes it, in float32 as it computes."""
    dt, one, zero = np.float32(DT[framework]), np.ones(2, np.float32), np.zeros(2, np.float32)
    fields = {"v_leak": zero, "v_threshold": one, "r": one, "tau": dt / (one - beta)}
    if framework == "snntorch":
        fields["r"] = fields["tau"] / dt
    elif framework == "spyx":
        fields["r"] = beta
    elif framework in ("sinabs", "rockpool"):
        fields["tau"] = np.maximum(-dt / np.log(beta), dt)
    if framework == "rockpool":
        fields["r"] = fields["tau"] * np.exp(-dt / fields["tau"]) / dt
    return NirNode("LIF", fields)


def between_ports(node, metadata=None):
    graph = row(("in", port("Input", (2,))), ("n", node), ("out", port("Output", (2,))))
    return NirGraph(graph.nodes, graph.edges, metadata or {})


@pytest.mark.parametrize("framework", EXPORTERS)
@settings(max_examples=40)
@given(beta=DECAYS)
def test_whatever_its_decays_a_framework_is_told_from_the_others(framework, beta):
    graph = between_ports(exported(framework, beta))
    dt_s = DT[framework]
    assert possible(graph, dt_s) == [framework]
    among = (*EXPORTERS, *ANY_ORIGIN)
    silent = {preset for preset in among if verdict(graph, dt_s, preset) == "silent"}
    assert silent == {framework, *ANY_ORIGIN}


# --- what is said ---------------------------------------------------------------------------

FOREIGN = {"tau": np.full(2, 2.5e-3), "r": np.ones(2), "v_leak": np.zeros(2),
           "v_threshold": np.ones(2)}  # fmt: skip


def doubts(node, preset, metadata=None, dt_s=1e-3, **options):
    graph = between_ports(node, metadata)
    return understood(graph, dt_s, Asked(preset, options)).doubts


def test_a_doubt_names_node_number_and_who_could_have_written_it():
    # 2.5 ms over snnTorch's 0.1 ms is 25.
    (said,) = doubts(NirNode("LIF", FOREIGN), "snntorch")
    assert said == (
        "snntorch did not write this file, or not with a time step of 0.0001: node n: r is 1,"
        " where snntorch writes tau / dt = 25; norse could have written this file"
    )
    # Spyx: beta = 1 - 1 ms / 2.5 ms.
    (said,) = doubts(NirNode("LIF", FOREIGN), "spyx")
    assert "r is 1, where spyx writes 1 - dt / tau = 0.6;" in said


@pytest.mark.parametrize(
    ("kind", "fields", "preset", "words"),
    [
        ("LIF", {"r": np.full(2, 2.0)}, "norse", "r is 2, where norse writes 1"),
        ("LIF", {"v_reset": np.full(2, -0.5), "r": np.full(2, 25.0)}, "snntorch",
         "v_reset is -0.5, where snntorch writes 0"),
        ("LIF", {"tau": np.array([8.0, 20.0])}, "norse", "tau is 20, where norse writes seconds"),
        ("LIF", {"tau": np.array([8.0, 20.0]), "r": np.array([1.0, 3.0])}, "sinabs",
         "r is 3, where sinabs writes 1"),
        ("IF", {"r": np.full(2, 0.5)}, "sinabs", "r is 0.5, where sinabs writes 1"),
        ("IF", {"r": np.ones(2), "v_reset": np.ones(2)}, "norse", "v_reset is 1, where norse"),
        ("IF", {"r": np.full(2, 7.0)}, "spyx", "r is 7, where spyx writes 1"),
    ],
)  # fmt: skip
def test_what_exporters_do_not_write(kind, fields, preset, words):
    base = {key: FOREIGN[key] for key in ("r", "v_threshold")} if kind == "IF" else FOREIGN
    (said,) = doubts(NirNode(kind, {**base, **fields}), preset)
    assert words in said


@pytest.mark.parametrize(
    ("field", "value", "preset", "words"),
    [
        ("w_in", 2.0, "norse", "w_in is 2, where norse writes 1"),
        ("w_in", 2.0, "snntorch", "w_in is 2, where snntorch writes tau_syn / dt = 10"),
        ("w_in", 2.0, "spyx", "w_in is 2, where spyx writes 1"),
    ],
)
def test_gains_of_inputs(field, value, preset, words):
    dt = 1e-4
    tau, tau_syn = np.full(2, 2.5e-3), np.full(2, 1e-3)
    r = {"norse": np.ones(2), "snntorch": tau / dt, "spyx": 1 - dt / tau}[preset]
    node = NirNode(
        "CubaLIF",
        {"tau_mem": tau, "tau_syn": tau_syn, "r": r, "v_leak": np.zeros(2),
         "v_threshold": np.ones(2), field: np.full(2, value)},
    )  # fmt: skip
    (said,) = doubts(node, preset, dt_s=dt)
    assert words in said


def test_rockpools_gain_is_compared_where_its_time_step_is_given():
    # Told or given, the step is 2 ms; r = tau exp(-dt / tau) / dt.
    tau, dt = np.array([8e-3, 20e-3]), 2e-3
    node = NirNode("LIF", {**FOREIGN, "tau": tau, "r": tau * np.exp(-dt / tau) / dt})
    assert doubts(node, "rockpool", dt_s=dt) == doubts(node, "rockpool", export_dt_s=dt) == ()
    (said,) = doubts(node, "rockpool", export_dt_s=1e-3)
    # 4 exp(-1 / 4) = 3.1152 is there; 8 exp(-1 / 8) = 7.05998 would be.
    assert "r is 3.1152, where rockpool writes tau exp(-dt / tau) / dt = 7.05998" in said


@pytest.mark.parametrize("preset", ["snntorch", "spyx", "norse", "rockpool"])
def test_neurons_without_leak_are_no_reason_to_doubt(preset):
    endless = np.full(2, np.inf, np.float32)
    r = np.ones(2, np.float32) if preset in ("spyx", "norse") else endless
    node = NirNode("LIF", {**FOREIGN, "tau": endless, "r": r})
    options = {"export_dt_s": 1e-3} if preset == "rockpool" else {}
    assert doubts(node, preset, **options) == ()


def test_options_for_files_of_others_are_believed():
    assert doubts(NirNode("LIF", FOREIGN), "spyx", gain="nir") == ()
    steps = NirNode("LIF", {**FOREIGN, "tau": np.full(2, 25.0), "r": np.full(2, 3.0)})
    assert doubts(steps, "sinabs") != ()
    assert doubts(steps, "sinabs", gain="nir") == doubts(steps, "sinabs", from_nir=True) == ()


def test_what_the_metadata_says_counts():
    node = exported("norse", np.float32([0.9, 0.8]))
    (said,) = doubts(node, "norse", {"framework": "Sinabs 3.1"})
    assert said == "the file's metadata says that it is of sinabs, but it is read as norse"
    assert doubts(node, "norse", {"framework": "Norse 1.1"}) == ()
    # What chipletsim wrote and reads as it was written is not doubted, whatever it holds.
    own = {"chipletsim_preset": "snntorch"}
    assert doubts(NirNode("LIF", FOREIGN), "snntorch", own) == ()
    assert "says that it is of snntorch" in doubts(node, "norse", own)[0]


def test_without_a_preset_a_telling_file_is_said_to_be_one():
    (said,) = doubts(exported("snntorch", np.float32([0.9, 0.8])), None)
    assert said == "no preset is given, but snntorch could have written this file"
    assert doubts(NirNode("LIF", FOREIGN), None) == ()


def test_what_a_preset_refuses_names_who_could_have_written_it():
    graph = between_ports(exported("norse", np.float32([0.9, 0.8])))
    with pytest.raises(ConfigError, match=r"below the time step .*; norse could have written"):
        network_of(graph, "x", 1e-3, Asked("sinabs"))
    with pytest.raises(ConfigError, match=r"give `export_dt`; norse could have written"):
        network_of(graph, "x", 1e-3, Asked("rockpool"))
    whole = between_ports(NirNode("IF", {"r": np.ones(2), "v_threshold": np.ones(2)}))
    words = r"or choose another preset; norse or sinabs or spyx could have written this file"
    with pytest.raises(ConfigError, match=words):
        network_of(whole, "x", 1e-3, Asked("snntorch"))


# --- how it is read -------------------------------------------------------------------------


def test_names_of_stateless_nodes_are_those_that_have_a_meaning():
    assert {*STATELESS, "Port"} == set(TRANSFORMS)


@pytest.mark.parametrize("name", ["snntorch_rleaky_onetoone_zero", "spyx_conv_if_psu"])
def test_an_outline_is_the_file_without_weights(name):
    whole, outline = (read(CASES[name] / "model.nir") for read in (read_graph, read_outline))
    assert outline.edges == whole.edges
    assert list(outline.nodes) == list(whole.nodes)
    kinds = set()
    for key, node in outline.nodes.items():
        full = whole.nodes[key]
        assert node.type == full.type
        kinds.add(node.type)
        if node.type in ("Affine", "Linear", "Conv2d"):
            assert not node.fields
        else:
            assert set(node.fields) == set(full.fields)
            for field, value in full.fields.items():
                assert np.array_equal(node.fields[field], value)
    assert kinds & {"Affine", "Linear", "Conv2d"}


def test_a_network_keeps_its_doubts(tmp_path):
    write_graph(between_ports(NirNode("LIF", FOREIGN)), tmp_path / "x.nir")
    network = cs.load_network(tmp_path / "x.nir", dt="1 ms", preset="snntorch")
    assert len(network.doubts) == 1
    assert cs.load_network(tmp_path / "x.nir", dt="1 ms", preset="norse").doubts == ()
    told = {name for name, preset in PRESETS.items() if preset.exports is not None}
    assert told == set(EXPORTERS)
