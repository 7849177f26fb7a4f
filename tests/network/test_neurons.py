"""Neuron steps against hand-computed values, NIR's solutions, and each other under JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from chipletsim.network.neurons import NEURON_MODELS, exact_product
from chipletsim.network.neurons.base import exact_quotient
from chipletsim.network.neurons.late import LATE_NAMES

HELD = {"v_threshold": -0.05, "v_reset": -0.065, "refractory": 3e-3, "v_init": -0.055}
SCALE = {"lif_refractory": 0.01, "cuba_exp": 0.01, "coba_exp": 1e-8, "izhikevich": 10.0}
"""Size of a current that makes a model spike, where it is not 1."""
FULL = {
    "input": {},
    "if": {"r": 800.0, "v_threshold": 0.9, "v_reset": 0.1},
    "lif": {"tau": 7e-3, "r": 1.3, "v_leak": 0.05, "v_threshold": 0.6, "v_reset": -0.1},
    "cubalif": {
        "tau_syn": 3e-3, "tau_mem": 7e-3, "r": 1.3, "v_leak": 0.05, "w_in": 0.7,
        "v_threshold": 0.4, "v_reset": -0.1,
    },
    "li": {"tau": 7e-3, "r": 1.3, "v_leak": 0.05},
    "alif": {"tau": 7e-3, "tau_adaptation": 40e-3, "r": 1.3, "v_threshold": 0.4, "beta": 1.7},
    "izhikevich": {"a": 0.1, "b": 0.2, "c": -60.0, "d": 2.0, "v_peak": 30.0, "v_init": -50.0},
    "lif_refractory": {"tau": 7e-3, "v_leak": -0.06, **HELD},
    "cuba_exp": {
        "tau": 7e-3, "v_leak": -0.06, "tau_excitatory": 7e-3, "tau_inhibitory": 5e-3, **HELD,
        "e_init": 0.01, "i_init": -0.01,
    },
    "coba_exp": {
        "capacitance": 2e-10, "g_leak": 1e-8, "v_leak": -0.06, "v_excitatory": 0.0,
        "v_inhibitory": -0.08, "tau_excitatory": 5e-3, "tau_inhibitory": 10e-3, **HELD,
        "current": 1e-11, "e_init": 1e-8, "i_init": 2e-8,
    },
    "i": {"r": 800.0},
    "cubali": {"tau_syn": 3e-3, "tau_mem": 7e-3, "r": 1.3, "v_leak": 0.05, "w_in": 0.7},
    "threshold": {"threshold": 0.4},
    "lif_exact": {"tau": 7e-3, "r": 1.3, "v_leak": 0.05, "v_threshold": 0.6, "v_reset": -0.1},
    "cubalif_exact": {
        "tau_syn": 3e-3, "tau_mem": 7e-3, "r": 1.3, "v_leak": 0.05, "w_in": 0.7,
        "v_threshold": 0.4, "v_reset": -0.1,
    },
    "li_exact": {"tau": 7e-3, "r": 1.3, "v_leak": 0.05},
    **{
        name: {"beta": 0.83, "v_threshold": 0.9}
        for name in (
            "leaky_subtract", "leaky_zero", "leaky_none", "rleaky_zero", "leaky_subtract_now",
            "leaky_zero_now", "rleaky_zero_now", "spyx_lif", "spyx_psu_lif", "rockpool_lif",
        )
    },
    **{
        name: {"alpha": 0.71, "beta": 0.83, "v_threshold": 0.9}
        for name in (
            "synaptic_subtract", "synaptic_zero", "synaptic_none", "synaptic_subtract_now",
            "synaptic_zero_now", "spyx_cubalif", "spyx_rcubalif", "rockpool_cubalif",
        )
    },
    **{
        name: {"alpha": 0.83, "beta": 0.71, "gain": 2.2, "v_threshold": 0.5}
        for name in ("alpha_subtract", "alpha_zero", "alpha_none")
    },
    "norse_lif": {"dt_tau_inv": 0.13, "v_leak": 0.05, "v_threshold": 0.6, "v_reset": -0.1},
    "norse_lif_subtract": {"dt_tau_inv": 0.13, "v_leak": 0.05, "v_threshold": 0.6},
    "norse_cubalif": {
        "dt_tau_mem_inv": 0.13, "dt_tau_syn_inv": 0.21, "v_leak": 0.05, "v_threshold": 0.6,
        "v_reset": -0.1,
    },
    "norse_import_cubalif": {
        "dt_tau_mem_inv": 0.13, "dt_tau_syn_inv": 0.21, "r": 1.3, "w_in": 0.7, "v_leak": 0.05,
        "v_threshold": 0.6,
    },
    "norse_li": {"dt_tau_inv": 0.13, "v_leak": 0.05},
    "norse_if": {"v_threshold": 0.6},
    **{
        f"sinabs_{reset}_{spikes}": {
            "alpha": 0.83, "gain": 0.7, "v_threshold": 0.3, "v_min": -0.45,
        }
        for reset in ("subtract", "zero")
        for spikes in ("multi", "single")
    },
    "sinabs_li": {"alpha": 0.83, "gain": 0.7},
    "spikingjelly_if": {"v_threshold": 0.9, "v_reset": -0.1},
    **{
        f"spikingjelly_{kind}": {factor: value, "v_threshold": 0.6, "v_reset": -0.1}
        for kinds, factor, value in (
            (("lif", "lif_whole_input"), "tau_steps", 3.7),
            (("plif", "plif_whole_input"), "rate", 0.27),
        )
        for kind in kinds
    },
    "spikingjelly_cubalif": {"alpha": 0.71, "beta": 0.83, "v_threshold": 0.9, "v_reset": -0.1},
    "lava_cubalif": {
        "current_decay": 1024.0, "voltage_decay": 300.0, "reach": 6401.0, "units": 4096.0,
    },
    "relu": {"step": 0.3},
    "linear": {"step": 0.3},
    "encode_rate": {"ceiling": 1.7},
    "encode_lif": {"tau": 7e-3, "r": 1.3, "v_leak": 0.05, "v_threshold": 0.6, "v_reset": -0.1},
    "encode_latency": {"ceiling": 1.7},
    "encode_delta": {"threshold": 0.4, "step": 0.3},
    "decode_rate": {"gain": 0.7, "step": 0.3},
    "decode_latency": {"gain": 0.7, "step": 0.3},
    "decode_delta": {"step": 0.3},
}  # fmt: skip
FULL |= {"current": {}, "spyx_rlif": FULL["spyx_lif"]}
FULL |= {f"{name}_late": {**FULL[name], "late_bias": 0.3, "late_steps": 3.0} for name in LATE_NAMES}
LATE = {f"{name}_late" for name in LATE_NAMES if name != "lif"}
"""Models that differ from others by what is put in front; one of them stands for all."""

SINGLE_PRECISION = [name for name, m in NEURON_MODELS.items() if m.precision == "float32"]


def run(model, parameters, currents, dt_s=1e-3, value_bits=8):
    """Run float32 currents [steps, ...] in NumPy; return events and final state."""
    neuron = NEURON_MODELS[model]
    constants = neuron.prepare(parameters, dt_s, steps=len(currents), value_bits=value_bits)
    state = neuron.initial_state(constants, currents.shape[1:])
    events = []
    for current in currents:
        state, event = neuron.step(np, constants, state, given(model, current))
        events.append(event)
    return np.array(events), state


def given(model, currents):
    """Currents as a model takes them: one, or one for each port, the second at half strength."""
    ports = NEURON_MODELS[model].ports
    if len(ports) == 1:
        return currents
    return {port: currents / np.float32(number + 1) for number, port in enumerate(ports)}


def constant(value, steps, neurons=1):
    return np.full((steps, neurons), value, np.float32)


def test_if_counts_up_to_its_threshold():
    # r = 1/dt makes each input add itself: 0.25 a step passes 1 (strictly) in step 4.
    spikes, state = run("if", {"r": 1000.0}, constant(0.25, 10))
    assert np.flatnonzero(spikes[:, 0]).tolist() == [4, 9]
    assert state["v"][0] == 0


def test_threshold_itself_does_not_spike():
    spikes, state = run("if", {"r": 1000.0, "v_threshold": 0.5}, constant(0.25, 2))
    assert not spikes.any()
    assert state["v"][0] == 0.5


def test_reset_value_is_taken_in_the_same_step():
    _, state = run("if", {"r": 1000.0, "v_reset": -2.0}, constant(1.5, 1))
    assert state["v"][0] == -2


@pytest.mark.parametrize(
    ("reset", "membranes"),
    [
        # e is 4, 2, 1, 1/2 and i -4, -1, -1/4, -1/16; v = 2 (e + i).
        ("none", [0, 2, 1.5, 0.875]),
        # Step 2 is reset: e = 1 - 1, v = 1.5 + i of the step before, i = 0.
        ("subtract", [0, 2, 0.5, 0]),
        ("zero", [0, 2, 0, 0]),
    ],
)
def test_alpha_neurons_by_hand(reset, membranes):
    parameters = {"alpha": 0.5, "beta": 0.25, "gain": 2.0}
    currents = np.array([[4], [0], [0], [0]], np.float32)
    spikes, _ = run(f"alpha_{reset}", parameters, currents)
    found = [run(f"alpha_{reset}", parameters, currents[:n])[1]["v"][0] for n in range(1, 5)]
    assert found == membranes
    assert spikes[:, 0].tolist() == [v > 1 for v in membranes]


def test_li_follows_the_closed_form_of_forward_euler():
    # v[n] = r I (1 - (1 - dt/tau)^n) + v_leak (starting at v_leak, towards v_leak + r I).
    values, _ = run("li", {"tau": 4e-3, "r": 2.0, "v_leak": 0.5}, constant(0.75, 50))
    n = np.arange(1, 51)
    expected = 0.5 + 1.5 * (1 - 0.75**n)
    np.testing.assert_allclose(values[:, 0], expected, rtol=1e-6)


def test_lif_below_threshold_is_li():
    currents = np.random.default_rng(0).uniform(-1, 1, (40, 3)).astype(np.float32)
    values, _ = run("li", {"tau": 8e-3}, currents)
    spikes, state = run("lif", {"tau": 8e-3, "v_threshold": 10.0}, currents)
    assert not spikes.any()
    assert np.array_equal(state["v"], values[-1])


def test_lif_interval_matches_the_logarithm():
    # Spikes every n steps, n the least with I (1 - (1 - dt/tau)^n) > v_threshold.
    current, ratio = 1.7, 0.1
    spikes, _ = run("lif", {"tau": 1e-2}, constant(current, 100))
    interval = int(np.floor(np.log(1 - 1 / current) / np.log(1 - ratio))) + 1
    assert np.flatnonzero(spikes[:, 0]).tolist() == list(range(interval - 1, 100, interval))


def test_cubalif_by_hand():
    # dt/tau = 1/2 throughout, w_in = 2, I = 1 in step 0 only:
    # i: 1, 0.5, 0.25; v: 0.5, 0.5, 0.375.
    parameters = {"tau_syn": 2e-3, "tau_mem": 2e-3, "w_in": 2.0}
    currents = np.array([[1], [0], [0]], np.float32)
    for steps, (i, v) in enumerate([(1, 0.5), (0.5, 0.5), (0.25, 0.375)], start=1):
        _, state = run("cubalif", parameters, currents[:steps])
        assert (state["i"][0], state["v"][0]) == (i, v)


def test_states_start_at_the_leak_potential():
    constants = NEURON_MODELS["cubalif"].prepare({**FULL["cubalif"], "v_leak": [0.5, 1]}, 1e-3)
    state = NEURON_MODELS["cubalif"].initial_state(constants, (3, 2))
    assert state["v"].tolist() == [[0.5, 1]] * 3
    assert state["i"].tolist() == [[0, 0]] * 3


def test_factors_are_rounded_once():
    constants = NEURON_MODELS["lif"].prepare({"tau": np.float32(0.007)}, 1e-3)
    assert constants["dt_over_tau"] == np.float32(1e-3 / float(np.float32(0.007)))
    assert all(value.dtype == np.float32 for value in constants.values())


def test_missing_parameter_without_default():
    with pytest.raises(KeyError, match="tau"):
        NEURON_MODELS["lif"].prepare({}, 1e-3)


@pytest.mark.parametrize("name", SINGLE_PRECISION)
def test_every_model_is_complete(name):
    model = NEURON_MODELS[name]
    assert set(FULL[name]) == set(model.parameters)
    constants = model.prepare(FULL[name], 1e-3)
    state, event = model.step(
        np, constants, model.initial_state(constants, (2,)), given(name, np.ones(2, np.float32))
    )
    assert set(state) == set(model.states)
    assert event.shape == (2,)
    if name != "input":
        assert event.dtype == (bool if model.spiking else np.float32)
        assert all(value.dtype == np.float32 for value in state.values())


@pytest.mark.parametrize(
    "name", [name for name in SINGLE_PRECISION if name != "input" and name not in LATE]
)
def test_jax_agrees_bit_for_bit(name):
    """A compiled scan gives NumPy's bits, though XLA would fuse multiplies and adds."""
    model = NEURON_MODELS[name]
    constants = model.prepare(FULL[name], 1e-3, steps=64, value_bits=8)
    currents = np.random.default_rng(1).normal(0.5, 1.5, (64, 1000)) * SCALE.get(name, 1.0)
    currents = currents.astype(np.float32)
    if name == "coba_exp":
        currents = abs(currents)
    events, state = run(name, FULL[name], currents)
    if model.spiking:
        assert 0 < events.sum() < events.size, "a silent model proves nothing"

    def step(carry, current):
        return model.step(jnp, constants, carry, given(name, current))

    initial = model.initial_state(constants, (1000,))
    end, found = jax.jit(lambda state, currents: jax.lax.scan(step, state, currents))(
        initial, currents
    )
    assert np.array_equal(found, events)
    for key in state:
        assert np.array_equal(end[key], state[key])


def test_a_divisor_that_the_compiler_knows_is_divided_by():
    # Multiples of 0.3 hold so many of it; times the reciprocal some would hold one less.
    divisor = np.float32(0.3)
    multiples = divisor * np.arange(1, 2000, dtype=np.float32)
    expected = multiples / divisor
    assert np.any(multiples * (np.float32(1) / divisor) != expected)
    found = jax.jit(lambda values: exact_quotient(jnp, values, divisor))(multiples)
    assert np.array_equal(found, expected)
    assert np.isnan(exact_quotient(np, np.float32(np.nan), divisor))


def test_exact_product_keeps_nan_and_infinity():
    a = np.array([np.nan, np.inf, 2.0], np.float32)
    result = exact_product(np, a, np.float32(3))
    assert result.dtype == np.float32
    assert np.array_equal(result, [np.nan, np.inf, 6.0], equal_nan=True)
