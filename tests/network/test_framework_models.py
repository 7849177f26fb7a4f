"""Neuron models against what their frameworks recorded: same spikes, same membranes.

Each model is driven by the currents of the recorded events, layer by layer. Decays are those that
the framework really used, where they were recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from recorded_layers import DATA, Recording, recording

from chipletsim.engine.simulate import simulate
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.network.neurons import NEURON_MODELS, Event

f32 = np.float32
Parameters = Callable[[Recording, str], dict]


def snntorch(case: Recording, node: str) -> dict:
    """Decays as recorded; the threshold from the file."""
    found = {"v_threshold": _file(case, node)["v_threshold"]}
    for name in ("alpha", "beta"):
        if f"true_{name}__{node}" in case.arrays:
            found[name] = case.arrays[f"true_{name}__{node}"]
    return found


def spyx(case: Recording, node: str) -> dict:
    """As snnTorch; a threshold of ``PSU_LIF`` is a node of its own."""
    if f"{node}_threshold" not in case.nodes:
        return snntorch(case, node)
    threshold = case.nodes[f"{node}_threshold"]["threshold"]
    return {"beta": case.arrays[f"true_beta__{node}"], "v_threshold": threshold}


def norse(case: Recording, node: str) -> dict:
    """``dt * tau_inv`` in float32, as Norse multiplies."""
    dt, arrays, given = f32(case.about["dt"]), case.arrays, _file(case, node)
    mem, syn = (arrays.get(f"true_tau_{kind}_inv__{node}") for kind in ("mem", "syn"))
    if mem is None:  # IAFCell
        return {"v_threshold": given["v_threshold"]}
    found = {"v_leak": given["v_leak"]}
    if "v_threshold" in given:
        found["v_threshold"] = given["v_threshold"]
        found["v_reset"] = arrays[f"true_v_reset__{node}"]
    if syn is None:
        return {**found, "dt_tau_inv": dt * mem}
    return {**found, "dt_tau_mem_inv": dt * mem, "dt_tau_syn_inv": dt * syn}


def sinabs(case: Recording, node: str) -> dict:
    about = case.about["nodes"][node]
    alpha = case.arrays.get(f"true_alpha__{node}", f32(1))
    found = {"alpha": alpha, "gain": 1 - alpha if about.get("norm_input") else f32(1)}
    if "v_threshold" in _file(case, node):
        found["v_threshold"] = _file(case, node)["v_threshold"]
    least = about["min_v_mem"]
    return found if least is None else {**found, "v_min": least}


def rockpool(case: Recording, node: str) -> dict:
    """``exp(-dt / tau)`` of the time constants in the file."""
    given, dt = _file(case, node), case.about["dt"]
    found = {"v_threshold": given["v_threshold"]}
    if "tau_syn" in given:
        found["alpha"] = np.exp(-dt / given["tau_syn"].astype(float))
    tau = given["tau_mem" if "tau_mem" in given else "tau"]
    return {**found, "beta": np.exp(-dt / tau.astype(float))}


def _file(case: Recording, node: str) -> dict:
    return next(case.nodes[name] for name in (node, f"{node}.lif") if name in case.nodes)


@dataclass(frozen=True)
class Layer:
    """Neurons of a case, their model, and the weights and events that reach them.

    ``recurrent`` are the weights of their own events, those of the step before unless ``now``.
    ``apart`` is how far membranes may lie apart: 0 unless the framework adds the currents of a
    recurrent layer to the membrane one after the other, fuses products into sums, or its decays
    were not recorded.
    """

    case: str
    node: str
    model: str
    parameters: Parameters
    feeds: tuple[str, str]
    recurrent: str = ""
    now: bool = False
    apart: float = 0.0

    def __str__(self) -> str:
        return f"{self.case}-{self.node}-{self.model}"


def _chain(case: str, parameters: Parameters, *steps: str, apart: float = 0.0) -> list[Layer]:
    """Layers of a chain, each written ``weights>node: model``."""
    found, source = [], "input"
    for step in steps:
        (weights, _, node), model = step.split(": ")[0].partition(">"), step.split(": ")[1]
        found.append(Layer(case, node, model, parameters, (weights, source), apart=apart))
        source = node
    return found


LAYERS = [
    *_chain("snntorch_ties", snntorch, "fc1>lif1: leaky_subtract", "fc2>lif2: leaky_zero"),
    *_chain(
        "snntorch_leaky_resetnow_then_none",
        snntorch,
        "fc1>lif1: leaky_subtract_now",
        "fc2>lif2: leaky_zero_now",
        "fc3>lif3: leaky_none",
    ),
    *_chain(
        "snntorch_synaptic_zero",
        snntorch,
        "fc1>lif1: synaptic_zero",
        "fc2>lif2: synaptic_zero_now",
    ),
    *_chain(
        "snntorch_analog_input", snntorch, "fc1>lif1: leaky_subtract", "fc2>lif2: synaptic_none"
    ),
    # snnTorch adds the recurrent current to beta v + I, not to I.
    Layer(
        "snntorch_rleaky_onetoone_zero",
        "lif1",
        "rleaky_zero",
        snntorch,
        ("fc1", "input"),
        "lif1.w_rec",
        apart=1e-6,
    ),
    Layer(
        "snntorch_rsynaptic_zero",
        "lif1",
        "synaptic_zero",
        snntorch,
        ("fc1", "input"),
        "lif1.w_rec",
        apart=1e-6,
    ),
    Layer("snntorch_rsynaptic_zero", "lif2", "synaptic_subtract", snntorch, ("fc2", "lif1")),
    *_chain("norse_vleak", norse, "0>1: norse_lif", "2>3: norse_cubalif"),
    *_chain("norse_cuba_li", norse, "0>1: norse_cubalif", "2>3: norse_li"),
    *_chain("norse_iaf_conv", norse, "0>1: norse_if"),
    *_chain(
        "sinabs_lif_norm",
        sinabs,
        "fc1>lif1: sinabs_subtract_single",
        "fc2>lif2: sinabs_subtract_multi",
    ),
    *_chain("sinabs_iaf_clip_single", sinabs, "fc1>iaf1: sinabs_subtract_single"),
    *_chain(
        "sinabs_lif_unnormed_expleak",
        sinabs,
        "fc1>lif1: sinabs_zero_single",
        "fc2>li: sinabs_li",
    ),
    # Spyx runs under jit, where XLA fuses some products into sums.
    *_chain("spyx_cubalif_rlif", spyx, "layer_0>layer_1: spyx_cubalif", apart=4e-6),
    Layer(
        "spyx_cubalif_rlif",
        "layer_3",
        "spyx_lif",
        spyx,
        ("layer_2", "layer_1"),
        "layer_3.w_rec",
        now=True,
        apart=4e-6,
    ),
    Layer("spyx_conv_if_psu", "layer_7", "spyx_psu_lif", spyx, ("layer_6", "layer_5")),
    # The decays that Rockpool used were not recorded, those in the file are rounded.
    *_chain(
        "rockpool_lif_cuba",
        rockpool,
        "0_LinearTorch>1_LIFNeuronTorch: rockpool_lif",
        "2_LinearTorch>3_LIFTorch: rockpool_cubalif",
        apart=4e-6,
    ),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_gives_what_its_framework_recorded(layer: Layer) -> None:
    case, model = recording(layer.case), NEURON_MODELS[layer.model]
    events, states = driven(layer)
    membranes = np.array([state["v"][0] for state in states])
    if model.event is Event.VALUE:
        assert np.array_equal(events, case.arrays[f"v__{layer.node}"])
        return
    recorded = case.arrays[f"spk__{layer.node}"]
    assert recorded.sum() > 20, "a silent layer proves nothing"
    assert np.array_equal(events, recorded)
    mem = case.arrays[f"mem__{layer.node}"][:, 0]
    assert np.max(np.abs(membranes - mem)) <= layer.apart
    if f"syn__{layer.node}" in case.arrays and "i" in model.states:
        currents = np.array([state["i"][0] for state in states])
        assert np.max(np.abs(currents - case.arrays[f"syn__{layer.node}"][:, 0])) <= layer.apart


def test_a_count_is_more_than_one_spike() -> None:
    assert recording("sinabs_lif_norm").arrays["spk__lif2"].max() > 1
    assert recording("rockpool_lif_cuba").arrays["spk__1_LIFNeuronTorch"].max() > 1


def driven(layer: Layer) -> tuple[np.ndarray, list[dict]]:
    """Events [steps, batch, *shape] and states after each step, in NumPy."""
    case, model = recording(layer.case), NEURON_MODELS[layer.model]
    current = case.current(*layer.feeds)
    if layer.recurrent:
        current = current + case.current(layer.recurrent, layer.node, delay=int(not layer.now))
    constants = model.prepare(layer.parameters(case, layer.node), case.about["dt"])
    state = model.initial_state(constants, current.shape[1:])
    events, states = [], []
    for given in current:
        state, event = model.step(np, constants, state, given)
        events.append(event)
        states.append(state)
    return np.array(events), states


@pytest.mark.parametrize(
    "name",
    [
        "snntorch_leaky_resetnow_then_none",
        "snntorch_rsynaptic_zero",
        "norse_cuba_li",
        "sinabs_lif_norm",
        "rockpool_lif_cuba",
    ],
)
def test_networks_give_what_their_framework_recorded(name: str) -> None:
    """All layers together in the engine, fed the input alone."""
    case, layers = recording(name), [layer for layer in LAYERS if layer.case == name]
    inputs = np.moveaxis(case.events("input") > 0, 1, 0)
    builder = NetworkBuilder(name, dt=float(case.about["dt"])).input("input", inputs.shape[2:])
    for layer in layers:
        weights = [each for each in (layer.feeds[0], layer.recurrent) if each]
        bias = sum(case.nodes[each].get("bias", f32(0)) for each in weights)
        parameters = layer.parameters(case, layer.node)
        size = case.nodes[layer.feeds[0]]["weight"].shape[:1]
        builder.population(layer.node, size, layer.model, bias=bias, **parameters)
        for each, source in zip(weights, (layer.feeds[1], layer.node), strict=False):
            delay = int(source == layer.node)
            builder.project(source, layer.node, Dense(case.nodes[each]["weight"]), delay=delay)
    activity = simulate(builder.build(), inputs)
    for layer in layers:
        if NEURON_MODELS[layer.model].event is Event.VALUE:
            readout = np.moveaxis(case.arrays[f"v__{layer.node}"], 1, 0)
            error = np.abs(activity.values[layer.node] - readout).max()
            assert error <= 1e-5 * np.abs(readout).max()
        else:
            recorded = np.moveaxis(case.arrays[f"spk__{layer.node}"], 1, 0)
            assert np.array_equal(activity.counts(layer.node), recorded), layer.node


SINGLE = (
    "synaptic_subtract_now", "rleaky_zero_now", "norse_lif_subtract", "sinabs_zero_multi",
    "alpha_subtract", "alpha_zero", "alpha_none",
)  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_single_neurons_give_what_their_framework_recorded(name: str) -> None:
    with np.load(DATA.parent / "frameworks" / "single_neurons.npz") as arrays:
        recorded = {key.removeprefix(f"{name}/"): arrays[key] for key in arrays if name in key}
    prefix, model = "parameter/", NEURON_MODELS[name]
    given = {k.removeprefix(prefix): v for k, v in recorded.items() if k.startswith(prefix)}
    assert set(given) <= set(model.parameters)
    constants = model.prepare(given, 1e-3)
    state = model.initial_state(constants, recorded["current"].shape[1:])
    for current, events, v in zip(*(recorded[k] for k in ("current", "events", "v")), strict=True):
        state, event = model.step(np, constants, state, current)
        assert np.array_equal(event, events)
        assert np.array_equal(state["v"], v)


def test_every_model_of_a_framework_is_held_against_it() -> None:
    checked = {layer.model for layer in LAYERS} | set(SINGLE)
    prefixes = (
        "leaky_", "rleaky_", "synaptic_", "alpha_", "norse_", "sinabs_", "spyx_", "rockpool_",
    )  # fmt: skip
    named = {name for name in NEURON_MODELS if name.startswith(prefixes)}
    # Of recurrent layers, graphs and late biases: held against whole files of theirs.
    other = ("spyx_r", "norse_import")
    elsewhere = {name for name in named if name.startswith(other) or name.endswith("_late")}
    assert checked == named - elsewhere


@pytest.mark.parametrize("ratio", [0.4, 1.0, 3.0])
def test_exact_models_solve_their_equations(ratio: float) -> None:
    """Under a current that is held, against a fine forward Euler of NIR's CubaLI in float64."""
    tau_mem, tau_syn, dt, fine = 8e-3, 8e-3 * ratio, 2e-3, 20_000
    model = NEURON_MODELS["cubalif_exact"]
    parameters = {
        "tau_syn": tau_syn, "tau_mem": tau_mem, "r": 1.3, "w_in": 0.7, "v_leak": 0.1,
        "v_threshold": 100.0,
    }  # fmt: skip
    constants = model.prepare(parameters, dt)
    state = model.initial_state(constants, (1,))
    i, v = 0.0, 0.1
    for current in (2.0, 0.0, -1.0, 3.0, 3.0):
        state, _ = model.step(np, constants, state, f32(current))
        for _ in range(fine):
            i, v = (
                i + dt / fine / tau_syn * (0.7 * current - i),
                v + dt / fine / tau_mem * (0.1 - v + 1.3 * i),
            )
        assert state["v"][0] == pytest.approx(v, rel=1e-4, abs=0)
        assert state["i"][0] == pytest.approx(i, rel=1e-4, abs=0)


@pytest.mark.parametrize("name", ["lif_exact", "li_exact"])
def test_exact_leaky_neurons_follow_the_exponential(name: str) -> None:
    # v(t) = v_leak + r I (1 - exp(-t / tau)) from rest, whatever the step, even above tau.
    model = NEURON_MODELS[name]
    parameters = {"tau": 5e-3, "r": 2.0, "v_leak": 0.25}
    firing = {"v_threshold": 100.0} if name == "lif_exact" else {}
    constants = model.prepare({**parameters, **firing}, 7e-3)
    state = model.initial_state(constants, (1,))
    for step in range(1, 6):
        state, _ = model.step(np, constants, state, f32(1.5))
        expected = 0.25 + 3.0 * (1 - np.exp(-step * 7 / 5))
        assert state["v"][0] == pytest.approx(expected, rel=1e-6, abs=0)
