"""Models of neuroscience against closed forms, an ODE solver, and their published programs."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.neurons.neuroscience import exponential_gain

DT = 1e-4
HELD = {"v_threshold": -0.05, "v_reset": -0.06}
CUBA = {"tau": 20e-3, "v_leak": -0.06, "tau_excitatory": 5e-3, "tau_inhibitory": 10e-3, **HELD}
COBA = {
    "capacitance": 2e-10, "g_leak": 1e-8, "v_leak": -0.06, "v_excitatory": 0.0,
    "v_inhibitory": -0.08, "tau_excitatory": 5e-3, "tau_inhibitory": 10e-3, **HELD,
}  # fmt: skip


def run(model, parameters, currents, dt_s=DT):
    """Run currents (an array, or one by port), [steps] for one neuron; return spikes and v."""
    neuron = NEURON_MODELS[model]
    constants = neuron.prepare(parameters, dt_s)
    state = neuron.initial_state(constants, (1,))
    several = isinstance(currents, dict)
    steps = len(next(iter(currents.values()))) if several else len(currents)
    spikes, v = [], []
    for step in range(steps):
        now = (
            {port: np.float32([values[step]]) for port, values in currents.items()}
            if several
            else np.float32([currents[step]])
        )
        state, spike = neuron.step(np, constants, state, now)
        spikes.append(bool(spike[0]))
        v.append(float(state["v"][0]))
    return np.array(spikes), np.array(v)


def silent(steps, **events):
    """Currents of both ports, with events {port: (step, weight)}."""
    currents = {"excitatory": np.zeros(steps), "inhibitory": np.zeros(steps)}
    for port, (step, weight) in events.items():
        currents[port][step] = weight
    return currents


# --- delta synapses -------------------------------------------------------------------------


def test_delta_events_jump_and_decay_exponentially():
    # 5 mV in step 0, -2 mV in step 100: v is their decayed sum at the end of each step.
    events = np.zeros(300)
    events[0], events[100] = 5e-3, -2e-3
    _, v = run(
        "lif_refractory", {"tau": 20e-3, "v_leak": 0.0, "v_threshold": 1, "v_reset": 0}, events
    )
    t = DT * np.arange(300)
    second = np.where(t >= 0.00999, np.exp((0.01 - t) / 20e-3), 0)
    expected = 5e-3 * np.exp(-t / 20e-3) - 2e-3 * second
    np.testing.assert_allclose(v, expected, atol=2e-8)


def test_a_spike_holds_for_the_refractory_period_and_loses_what_arrives():
    # 3 ms at 1 ms are 3 steps of holding: a neuron that any event fires fires in every fourth.
    parameters = {"tau": 20e-3, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.25}
    spikes, v = run("lif_refractory", {**parameters, "refractory": 3e-3}, np.full(12, 2.0), 1e-3)
    assert np.flatnonzero(spikes).tolist() == [0, 4, 8]
    assert np.all(v == 0.25)
    spikes, _ = run("lif_refractory", parameters, np.full(5, 2.0), 1e-3)
    assert spikes.all(), "no refractory period: a spike in every step"


def test_a_start_is_at_rest_unless_given():
    parameters = {"tau": 20e-3, "v_leak": -0.06, **HELD}
    assert run("lif_refractory", parameters, np.zeros(1))[1][0] == np.float32(-0.06)
    _, v = run("lif_refractory", {**parameters, "v_init": -0.055}, np.zeros(1))
    assert v[0] == pytest.approx(-0.06 + 5e-3 * np.exp(-DT / 20e-3), abs=1e-8)


# --- exponential currents -------------------------------------------------------------------


@pytest.mark.parametrize("tau_ms", [5.0, 20.0])  # 20 ms: the same as the membrane's
def test_currents_give_the_exact_potential(tau_ms):
    # v after an event of w at t = 0: w tau_s / (tau - tau_s) (exp(-t/tau) - exp(-t/tau_s)),
    # and w t/tau exp(-t/tau) where both are the same.
    parameters = {**CUBA, "tau_excitatory": tau_ms * 1e-3, "v_threshold": 1.0}
    _, v = run("cuba_exp", parameters, silent(400, excitatory=(0, 8e-3)))
    t, tau, tau_s = DT * np.arange(400), 20e-3, tau_ms * 1e-3
    if tau == tau_s:
        expected = 8e-3 * t / tau * np.exp(-t / tau)
    else:
        expected = 8e-3 * tau_s / (tau - tau_s) * (np.exp(-t / tau) - np.exp(-t / tau_s))
    np.testing.assert_allclose(v + 0.06, expected, atol=3e-7)


def test_currents_of_both_ports_add_with_their_own_time_constants():
    _, both = run("cuba_exp", CUBA, silent(200, excitatory=(3, 5e-3), inhibitory=(9, -9e-3)))
    _, first = run("cuba_exp", CUBA, silent(200, excitatory=(3, 5e-3)))
    _, second = run("cuba_exp", CUBA, silent(200, inhibitory=(9, -9e-3)))
    np.testing.assert_allclose(both + 0.06, first + second + 0.12, atol=1e-7)
    assert second.min() < -0.061 < -0.06 < first.max()


def test_the_gain_has_no_gap_where_time_constants_meet():
    near = [float(exponential_gain(np.array(0.01), np.array(0.01 * x))) for x in (1, 1 + 1e-9)]
    assert near[0] == pytest.approx(0.01 * np.exp(-0.01), rel=1e-12, abs=0)
    assert near[1] == pytest.approx(near[0], rel=1e-8, abs=0)


# --- exponential conductances ---------------------------------------------------------------


def solved(times, e, i):
    """Potential of a neuron whose conductances start at e and i, by a solver."""

    def slope(t, v):
        g_e, g_i = e * np.exp(-t / 5e-3), i * np.exp(-t / 10e-3)
        return (1e-8 * (-0.06 - v) + g_e * (0 - v) + g_i * (-0.08 - v)) / 2e-10

    return solve_ivp(slope, (0, times[-1]), [-0.06], t_eval=times, rtol=1e-10, atol=1e-13).y[0]


@pytest.mark.parametrize(("e", "i"), [(60e-9, 0.0), (0.0, 670e-9), (30e-9, 200e-9)])
def test_conductances_follow_the_equation_to_second_order(e, i):
    worst = []
    for dt_s in (2e-4, 1e-4, 0.5e-4):
        steps = round(20e-3 / dt_s)
        parameters = {**COBA, "v_threshold": 1.0, "e_init": e, "i_init": i}
        _, v = run("coba_exp", parameters, silent(steps), dt_s)
        worst.append(np.abs(v - solved(dt_s * np.arange(1, steps + 1), e, i)).max())
    assert worst[0] < 5e-4
    assert worst[0] / worst[1] > 3, "halving the step quarters the error"
    assert worst[1] / worst[2] > 3


def test_conductances_pull_to_their_potential_and_no_further():
    # However large a conductance is, v stays between the potentials around it.
    parameters = {**COBA, "v_threshold": 1.0, "i_init": 1e-3}
    _, v = run("coba_exp", parameters, silent(2000))
    assert np.all((v > -0.1) & (v < -0.0599))


def test_a_constant_current_settles_where_ohm_says():
    # 50 pA over 10 nS are 5 mV.
    _, v = run("coba_exp", {**COBA, "current": 50e-12}, silent(3000))
    assert v[-1] == pytest.approx(-0.055, abs=1e-6)


# --- adaptive models ------------------------------------------------------------------------


def test_adaptive_thresholds_as_in_the_published_program():
    """Bellec et al.: new_b, then thr, then new_v with the reset of the last spike, then z."""
    tau, tau_a, beta, threshold = 20e-3, 100e-3, 1.8, 0.5
    rng = np.random.default_rng(0)
    currents = rng.uniform(0, 3, 400)
    alpha, rho = np.exp(-1e-3 / tau), np.exp(-1e-3 / tau_a)
    v = b = z = 0.0
    expected, margin = [], np.inf
    for current in np.float32(currents).astype(float):
        b = rho * b + (1 - rho) * z
        raised = threshold + beta * b
        v = alpha * v + (1 - alpha) * current - z * raised
        z = float(v > raised)
        margin = min(margin, abs(v - raised))
        expected.append(bool(z))
    assert margin > 1e-5, "the case is too close to its threshold to be compared in float32"
    given = {"tau": tau, "tau_adaptation": tau_a, "beta": beta, "v_threshold": threshold}
    spikes, _ = run("alif", given, currents, 1e-3)
    assert spikes.tolist() == expected
    first, last = np.sum(expected[:100]), np.sum(expected[-100:])
    assert first > last > 0, "spikes become rarer as the threshold rises"


IZHIKEVICH = {  # a, b, c, d of figure 2 of the paper
    "regular": (0.02, 0.2, -65.0, 8.0),
    "intrinsically bursting": (0.02, 0.2, -55.0, 4.0),
    "chattering": (0.02, 0.2, -50.0, 2.0),
    "fast": (0.1, 0.2, -65.0, 2.0),
}


def izhikevich_program(a, b, c, d, current, steps, real):
    """The published program for one neuron: steps in which it finds v >= 30, and then resets."""
    a, b, c, d, current = (real(x) for x in (a, b, c, d, current))
    v, u, fired = real(-65), b * real(-65), []
    for t in range(steps):
        if v >= 30:
            fired.append(t)
            v, u = c, u + d
        for _ in range(2):
            v = v + real(0.5) * (real(0.04) * (v * v) + 5 * v + 140 - u + current)
        u = u + a * (b * v - u)
    return fired


@pytest.mark.parametrize("name", IZHIKEVICH)
def test_izhikevich_fires_as_his_program(name):
    a, b, c, d = IZHIKEVICH[name]
    expected = izhikevich_program(a, b, c, d, 10, 300, np.float32)
    spikes, _ = run("izhikevich", {"a": a, "b": b, "c": c, "d": d}, np.full(299, 10.0), 1e-3)
    # The program finds a spike at the start of the step after the one that makes it.
    assert (np.flatnonzero(spikes) + 1).tolist() == expected
    assert len(expected) > 5
    # In double precision it parts from that after some spikes: steps of 1 ms overshoot the peak
    # by amounts that grow.
    assert izhikevich_program(a, b, c, d, 10, 300, float)[:3] == expected[:3]


def test_izhikevich_spikes_at_the_peak_itself():
    # dt 1 ms, v = -65, b = u = 0, I = -(0.04 v^2 + 5 v + 140) + 0: slope 0, so v stays; with
    # v_peak = v it spikes, with the next float above it does not.
    current = -(0.04 * 65.0**2 - 5 * 65.0 + 140)
    given = {"b": 0.0, "a": 0.0}
    spikes, v = run("izhikevich", {**given, "v_peak": -60.0}, [current + 5.0], 1e-3)
    peak = v[0]
    assert not spikes[0]
    assert run("izhikevich", {**given, "v_peak": peak}, [current + 5.0], 1e-3)[0][0]
    above = float(np.nextafter(np.float32(peak), np.float32(0)))
    assert not run("izhikevich", {**given, "v_peak": above}, [current + 5.0], 1e-3)[0][0]
