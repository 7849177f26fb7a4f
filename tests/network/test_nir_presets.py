"""Presets: which one reads a file, what its options do, and what is refused."""

import json

import numpy as np
import pytest
from nir_graphs import DT, neuron, port, row

import chipletsim as cs
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.nir.file import write_graph
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.reader import network_of
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.scheme import Asked, choose
from chipletsim.spec.nir import NIR_PRESETS

TAU = np.array([2e-3, 5e-3])


def lif(**fields):
    given = {"tau": TAU, "r": np.ones(2), "v_leak": np.zeros(2), "v_threshold": np.ones(2)}
    return NirNode("LIF", {**given, **fields})


def one(node, metadata=None, **asked):
    """The population that a node becomes, between an input and an output."""
    return whole(node, metadata, **asked).population("n")


def whole(node, metadata=None, **asked):
    graph = row(("in", port("Input", (2,))), ("n", node), ("out", port("Output", (2,))))
    graph = NirGraph(graph.nodes, graph.edges, metadata or {})
    return network_of(graph, "x", DT, Asked(**asked))


def test_every_preset_has_a_line_in_the_listing():
    assert list(PRESETS) == list(NIR_PRESETS)


def test_without_a_word_it_is_forward_euler():
    network = whole(lif())
    assert network.population("n").model == "lif"
    assert network.scheme == "euler (no preset given)"


@pytest.mark.parametrize(
    ("metadata", "preset"),
    [
        ({"framework": "snnTorch 1.0.0"}, "snntorch"),
        ({"source": "Norse"}, "norse"),
        ({"exporter": "norse_import"}, "norse_import"),
        ({"generator": "Sinabs 3.1"}, "sinabs"),
        ({"framework": "SpikingJelly 2.0.0"}, "spikingjelly"),
        ({"framework": "SNN Torch"}, "snntorch"),
        ({"exporter": "Lava-DL 0.5"}, "lava_dl"),
        ({"framework": "a framework like snntorch"}, "euler"),
        ({"note": "snntorch"}, "euler"),
        ({"framework": 3.5}, "euler"),
    ],
)
def test_the_origin_of_a_file_chooses(metadata, preset):
    assert choose(metadata, Asked()).preset.name == preset
    assert choose(metadata, Asked(preset="spyx")).preset.name == "spyx"


def test_decays_are_those_of_the_exporter():
    # snnTorch: beta = 1 - 0.1 ms / tau, whatever the step; threshold over r dt / tau.
    population = one(lif(r=TAU / 1e-4), preset="snntorch")
    assert population.parameters["beta"].tolist() == np.float32([0.95, 0.98]).tolist()
    assert population.parameters["v_threshold"].tolist() == [1, 1]
    foreign = one(lif(), preset="snntorch")
    np.testing.assert_allclose(foreign.parameters["v_threshold"], TAU / 1e-4, rtol=1e-6)
    # Sinabs: exp(-1 / tau) with tau in steps.
    steps = one(lif(tau=np.array([2.0, 5])), preset="sinabs")
    np.testing.assert_allclose(steps.parameters["alpha"], np.exp([-0.5, -0.2]), rtol=1e-6)
    np.testing.assert_allclose(steps.parameters["gain"], 1 - np.exp([-0.5, -0.2]), rtol=1e-6)
    # Norse: dt / tau.
    np.testing.assert_allclose(one(lif(), preset="norse").parameters["dt_tau_inv"], [0.5, 0.2])


def test_float32_time_constants_give_back_exact_decays():
    # Written as float32(1e-4) / float32(0.5): only the float32 of 1e-4 divides to one half.
    tau = np.full(2, np.float32(1e-4) / np.float32(0.5))
    assert one(lif(tau=tau), preset="snntorch").parameters["beta"].tolist() == [0.5, 0.5]


def test_rockpool_tells_its_time_step():
    dt = 2.5e-4  # r = tau exp(-dt / tau) / dt
    told = lif(r=TAU * np.exp(-dt / TAU) / dt)
    with pytest.raises(ConfigError, match=r"says a time step of 0\.00025 s, but `dt` is 0\.001 s"):
        one(told, preset="rockpool")
    population = one(told, preset="rockpool", options={"export_dt_s": dt})
    np.testing.assert_allclose(population.parameters["beta"], np.exp(-dt / TAU), rtol=1e-5)
    r = np.array([TAU[0] * np.exp(-dt / TAU[0]) / dt, 1.0])
    graph = row(
        ("in", port("Input", (2,))), ("a", told), ("b", lif(r=r[1] * np.ones(2))),
        ("out", port("Output", (2,))),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="Rockpool did not write this file"):
        network_of(graph, "x", DT, Asked(preset="rockpool"))


OPTIONS = [
    ("snntorch", {"reset": "zero"}, "leaky_zero"),
    ("snntorch", {"reset": "none", "reset_delay": False}, "leaky_none"),
    ("snntorch", {"reset": "zero", "reset_delay": False, "recurrent": True}, "rleaky_zero_now"),
    ("norse", {"reset": "subtract"}, "norse_lif_subtract"),
    ("sinabs", {"spikes": "single", "reset": "zero"}, "sinabs_zero_single"),
    ("spyx", {"recurrent": True}, "spyx_rlif"),
    ("exact", {}, "lif_exact"),
]


@pytest.mark.parametrize(("preset", "options", "model"), OPTIONS)
def test_options_choose_the_model(preset, options, model):
    fields = {"tau": np.array([2.0, 5])} if preset == "sinabs" else {}
    assert one(lif(**fields), preset=preset, options=options).model == model
    by_node = one(lif(**fields), preset=preset, nodes={"n": options})
    assert by_node.model == model


def test_least_potentials_of_sinabs():
    cell = NirNode("IF", {"r": np.ones(2), "v_threshold": np.array([1.0, 2])})
    assert "v_min" not in one(cell, preset="sinabs").parameters
    assumed = one(cell, preset="sinabs", options={"from_nir": True})
    assert assumed.parameters["v_min"].tolist() == [-1, -2]
    given = one(cell, preset="sinabs", options={"from_nir": True, "v_min": -0.5})
    assert given.parameters["v_min"].tolist() == [-0.5, -0.5]


def test_time_constants_that_norse_writes_too_small():
    with pytest.raises(ConfigError, match=r"give the preset `tau_scale: 1000`"):
        one(lif(tau=TAU / 1000), preset="norse")
    found = one(lif(tau=TAU / 1000), preset="norse", options={"tau_scale": 1000.0})
    np.testing.assert_allclose(found.parameters["dt_tau_inv"], [0.5, 0.2])


def test_neurons_without_leak_have_infinite_time_constants():
    # beta = 1: tau = dt / (1 - beta) and r = tau / dt are infinite, the gain r dt / tau is 1.
    endless = np.full(2, np.inf, np.float32)
    found = one(lif(tau=endless, r=endless), preset="snntorch")
    assert found.parameters["beta"].tolist() == [1, 1]
    assert found.parameters["v_threshold"].tolist() == [1, 1]
    fields = lif().fields | {"tau_mem": endless, "tau_syn": TAU, "r": endless, "w_in": TAU / 1e-4}
    node = NirNode("CubaLIF", {key: value for key, value in fields.items() if key != "tau"})
    found = one(node, preset="snntorch")
    assert found.parameters["beta"].tolist() == [1, 1]
    assert found.parameters["v_threshold"].tolist() == [1, 1]


@pytest.mark.parametrize("option", [{"reset": "subtract"}, {"v_reset": 0.25}])
def test_norses_integrator_knows_one_reset(option):
    node = NirNode("IF", {"r": np.ones(2), "v_threshold": np.ones(2)})
    with pytest.raises(ConfigError, match=r"IAFCell knows the reset `zero`"):
        one(node, preset="norse", options=option)


def test_options_of_a_graph_inside_reach_its_neurons():
    inner = row(("i", port("Input", (2,))), ("lif", lif()), ("o", port("Output", (2,))))
    graph = row(
        ("in", port("Input", (2,))),
        ("rec", NirNode("NIRGraph", graph=inner)),
        ("out", port("Output", (2,))),
    )
    network = network_of(graph, "x", DT, Asked(preset="snntorch", nodes={"rec": {"reset": "none"}}))
    assert network.population("rec.lif").model == "leaky_none"


@pytest.mark.parametrize(
    ("asked", "path", "words"),
    [
        ({"preset": "sinabs", "options": {"reset_delay": False}}, "network.preset.reset_delay",
         "did you mean `reset`?"),
        ({"preset": "euler", "options": {"reset": "zero"}}, "network.preset.reset",
         "there is no option of euler called `reset`; there are: export_dt"),
        ({"preset": "snntorch", "nodes": {"m": {"reset": "zero"}}}, "network.nodes.m",
         "there is no neuron node `m`; there are: n"),
        ({"preset": "snntorch", "nodes": {"n": {"spikes": "multi"}}}, "network.nodes.n.spikes",
         "no option of snntorch"),
        ({"preset": "spyx", "nodes": {"n": {"export_dt_s": 1.0}}}, "network.nodes.n.export_dt",
         "no option of spyx"),
        ({"delayed_edges": (("n", "on"),)}, "network.delayed_edges.0",
         "there is no edge 'n -> on'; did you mean 'in -> n'?"),
        ({"preset": "norse", "options": {"reset": "none"}}, "nodes.n", "Norse knows the resets"),
        ({"preset": "rockpool"}, "network.preset", "Rockpool did not write this file"),
    ],
)  # fmt: skip
def test_what_is_refused(asked, path, words):
    with pytest.raises(ConfigError) as caught:
        one(lif(), **asked)
    faults = {fault.path: fault.message for fault in caught.value.problems}
    assert words in faults[path]


def test_a_time_constant_too_short_for_euler_points_at_the_presets():
    with pytest.raises(ConfigError, match="name the `preset` of the framework that wrote a NIR"):
        one(lif(tau=np.full(2, 0.5 * DT)))


def test_nodes_that_a_framework_does_not_write():
    with pytest.raises(ConfigError, match="node type I is not supported by preset snntorch"):
        one(NirNode("I", {"r": np.ones(2)}), preset="snntorch")
    with pytest.raises(ConfigError, match="`v_leak` must be 0"):
        one(lif(v_leak=np.ones(2)), preset="spyx")


def test_edges_named_by_the_user_are_delayed_instead_of_the_implied_ones():
    square = NirNode("Linear", {"weight": np.ones((2, 2))})
    nodes = {"in": port("Input", (2,)), "a": lif(), "b": lif(), "ab": square, "ba": square}
    nodes["out"] = port("Output", (2,))
    edges = [("in", "a"), ("a", "ab"), ("ab", "b"), ("b", "ba"), ("ba", "a"), ("b", "out")]
    graph = NirGraph(nodes, tuple(edges))
    implied = network_of(graph, "x", DT, Asked())
    assert {p.name: p.delay for p in implied.projections} == {"in>a": 0, "ab": 0, "ba": 1}
    assert implied.scheme.endswith("one step later in loops: b > a")
    asked = network_of(graph, "x", DT, Asked(delayed_edges=(("a", "ab"),)))
    assert {p.name: p.delay for p in asked.projections} == {"in>a": 0, "ab": 1, "ba": 0}


def test_spyx_recurrent_neurons_take_all_a_step_later():
    nodes = {"in": port("Input", (2,)), "n": lif(), "out": port("Output", (2,))}
    nodes["fc"] = NirNode("Affine", {"weight": np.ones((2, 2)), "bias": np.ones(2)})
    nodes["w"] = NirNode("Linear", {"weight": np.ones((2, 2))})
    edges = [("in", "fc"), ("fc", "n"), ("n", "w"), ("w", "n"), ("n", "out")]
    network = network_of(NirGraph(nodes, tuple(edges)), "x", DT, Asked(preset="spyx"))
    assert {p.name: p.delay for p in network.projections} == {"fc": 1, "w": 1}
    assert network.population("n").model == "spyx_rlif_late"
    assert network.population("n").parameters["late_steps"].tolist() == [1, 1]


def test_the_public_call_checks_what_it_is_given(tmp_path):
    graph = row(("in", port("Input", (2,))), ("n", lif()), ("out", port("Output", (2,))))
    write_graph(graph, tmp_path / "x.nir")
    given = {"dt": "1 ms", "options": {"reset": "none"}}
    network = cs.load_network(tmp_path / "x.nir", preset="snntorch", **given)
    assert network.population("n").model == "leaky_none"
    with pytest.raises(ConfigError, match="did you mean `snntorch`"):
        cs.load_network(tmp_path / "x.nir", preset="sntorch", dt=1e-3)
    with pytest.raises(ConfigError, match="did you mean `reset`"):
        cs.load_network(tmp_path / "x.nir", preset="snntorch", dt=1e-3, options={"rest": "none"})
    with pytest.raises(UsageError, match="name one, such as preset='snntorch'"):
        cs.load_network(tmp_path / "x.nir", **given)
    with pytest.raises(UsageError, match="this is none"):
        cs.load_network("networks/recurrent", preset="snntorch")


EXPERIMENT = """\
name: x
package: {use: packages/two_dies}
network:
  nir: x.nir
  dt: 1 ms
  preset: {name: snntorch, reset: zero}
  nodes:
    n: {reset: subtract}
inputs: {rate_per_step: 0.5, steps: 4}
"""


def test_experiments_choose_a_preset(tmp_path, capsys):
    from chipletsim.cli.main import execute

    graph = row(("in", port("Input", (2,))), ("n", lif()), ("out", port("Output", (2,))))
    write_graph(graph, tmp_path / "x.nir")
    file = tmp_path / "x.yaml"
    file.write_text(EXPERIMENT)
    assert execute(["validate", str(file)]) == 0
    assert "snntorch (as asked): reset=zero" in capsys.readouterr().out
    file.write_text(EXPERIMENT.replace("n: {reset", "n: {norm_input: true, reset"))
    assert execute(["validate", str(file)]) == 3
    said = capsys.readouterr().err
    assert "x.yaml:8" in said
    assert "network.nodes.n.norm_input: there is no option of snntorch" in said
    file.write_text(EXPERIMENT.replace("reset: zero", "rest: zero"))
    assert execute(["validate", str(file)]) == 3
    assert "unknown key `rest`; did you mean `reset`?" in capsys.readouterr().err


LOOP = """\
name: x
package: {use: packages/two_dies}
network:
  nir: x.nir
  dt: 0.1 ms
  preset: snntorch
  nodes:
    rec: {reset: zero}
    rec.lfi: {reset: subtract}
    rec.lif: {reset: none}
    n: {reset: zero}
  delayed_edges:
    - [rec.lif, rec.w]
    - [rec.w, rec.lfi]
    - [rec.lif, rec.ww]
inputs: {rate_per_step: 0.5, steps: 4}
"""
# Faults of names of nodes are said first, then those of edges.
SAID_OF_NODES = [
    "x.yaml:9:5 network.nodes.rec.lfi: there is no neuron node `rec.lfi`; did you mean `rec.lif`?",
    "x.yaml:11:5 network.nodes.n: there is no neuron node `n`; there are: rec.lif",
]
SAID_OF_EDGES = [
    "x.yaml:14:7 network.delayed_edges.1: there is no edge 'rec.w -> rec.lfi'; did you mean"
    " 'rec.w -> rec.lif'?",
    "x.yaml:15:7 network.delayed_edges.2: there is no edge 'rec.lif -> rec.ww'; did you mean"
    " 'rec.lif -> rec.w'?",
]


@pytest.mark.parametrize(
    ("left_out", "said"), [((), SAID_OF_NODES), (("lfi: {", " n: {"), SAID_OF_EDGES)]
)
def test_validate_says_of_nodes_and_edges_what_map_says(
    left_out, said, tmp_path, monkeypatch, capsys
):
    from chipletsim.cli.main import execute

    monkeypatch.chdir(tmp_path)
    inner = row(("i", port("Input", (2,))), ("lif", lif(r=TAU / 1e-4)), ("o", port("Output", (2,))))
    nodes = {**inner.nodes, "w": NirNode("Linear", {"weight": np.ones((2, 2))})}
    inner = NirGraph(nodes, (*inner.edges, ("lif", "w"), ("w", "lif")))
    rec = NirNode("NIRGraph", graph=inner)
    graph = row(("in", port("Input", (2,))), ("rec", rec), ("out", port("Output", (2,))))
    write_graph(graph, tmp_path / "x.nir")
    lines = ["" if any(part in line for part in left_out) else line for line in LOOP.split("\n")]
    (tmp_path / "x.yaml").write_text("\n".join(lines))
    for command in ("validate", "map"):
        assert execute([command, "x.yaml"]) == 3
        error = capsys.readouterr().err
        assert error.removeprefix("error: ").splitlines() == said
    sound = "\n".join(line for line in lines if not any(x in line for x in ("lfi", " n:", "ww")))
    (tmp_path / "x.yaml").write_text(sound)
    assert execute(["validate", "x.yaml"]) == 0


def test_validate_refuses_and_doubts_what_run_would(tmp_path, monkeypatch, capsys):
    from chipletsim.cli.main import execute

    monkeypatch.chdir(tmp_path)
    graph = row(("in", port("Input", (2,))), ("n", lif()), ("out", port("Output", (2,))))
    write_graph(graph, tmp_path / "x.nir")
    (tmp_path / "x.yaml").write_text(EXPERIMENT)
    sweep = "name: s\nexperiment: {use: ./x.yaml}\ngrid: {network.dt: [1 ms, 2 ms]}\n"
    (tmp_path / "sweep.yaml").write_text(sweep)
    # r = 1 of 2 ms, which is 20 times snnTorch's 0.1 ms.
    for file in ("x.yaml", "sweep.yaml"):
        assert execute(["validate", file]) == 0
        assert "note: snntorch did not write this file" in capsys.readouterr().out
        assert execute(["validate", file, "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)["files"]
        assert "r is 1, where snntorch writes tau / dt = 20" in found["notes"][0]
    (tmp_path / "x.yaml").write_text(EXPERIMENT.replace("name: snntorch", "name: sinabs"))
    assert execute(["validate", "x.yaml"]) == 3
    assert "x.nir nodes.n: the least tau is 0.002, below" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold"])
def test_euler_keeps_every_field(kind):
    node = neuron(np.random.default_rng(1), kind, (2,))
    found = one(node).parameters
    assert set(found) == set(node.fields)
    for name, values in node.fields.items():
        assert np.array_equal(found[name], values.astype(np.float32))
