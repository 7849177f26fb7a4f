"""Standard networks of neuroscience: Brian2's spikes, mean-field rates, Brunel's states."""

import json
from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from benchmarks.fidelity.neuroscience import STATES, brunel_network, inputs_of
from benchmarks.fidelity.siegert import brunel_rate_hz, siegert_rate_hz
from chipletsim.engine.activity import Activity
from chipletsim.engine.statistics import spike_statistics
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import OneToOne
from chipletsim.network.draw import listed_by_source
from chipletsim.network.load import load_network

RECORDED = Path(__file__).parents[1] / "data" / "neuroscience"


def recorded_network(given, plan):
    """The network of a recording: one population, driven by values that add up as they come."""
    size = plan["neurons"]
    start = {
        name: given[key] for name, key in (("v_init", "v"), ("e_init", "e"), ("i_init", "i"))
        if key in given
    }  # fmt: skip
    parameters = {name: value for name, (value, _) in plan["parameters"].items()}
    parameters["refractory"] = plan["refractory_steps"] * plan["dt_s"]
    build = NetworkBuilder("recorded", plan["dt_s"]).input("drive", (size,), value_bits=32)
    build.population("cells", (size,), plan["model"], **parameters, **start)
    one = OneToOne(np.ones(size, np.float32))
    build.project("drive", "cells", one, port=plan["drive_port"])
    for k, each in enumerate(plan["projections"]):
        source, target = given[f"source_{k}"], given[f"target_{k}"]
        synapses, order = listed_by_source(source, target, size, size)
        synapses = synapses.with_weights(given[f"weight_{k}"][order])
        build.project(
            "cells", "cells", synapses, delay=each["delay"], port=each["port"], name=f"p{k}"
        )
    return build.build()


@pytest.mark.parametrize("name", ["vogels_abbott_coba", "vogels_abbott_cuba", "brunel"])
def test_every_spike_is_that_of_brian2(name):
    given = dict(np.load(RECORDED / f"{name}.npz"))
    plan = json.loads(str(given["plan"]))
    network = recorded_network(given, plan)
    activity = cs.simulate(network, {"drive": given["drive"][None]})
    step, neuron = np.nonzero(activity.spikes("cells")[0])
    order = np.lexsort((given["neuron"], given["step"]))
    assert step.tolist() == given["step"][order].tolist()
    assert neuron.tolist() == given["neuron"][order].tolist()
    assert step.size > 250


# --- mean-field theory ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def driven():
    """Neurons of Brunel's network, each under Poisson inputs of its own."""
    build = NetworkBuilder("driven", "0.1 ms")
    for name in ("up", "down"):
        build.input(name, (500,), value_bits=6)
    parameters = {
        "tau": "20 ms", "v_leak": "0 mV", "v_threshold": "20 mV", "v_reset": "10 mV",
        "refractory": "2 ms",
    }  # fmt: skip
    build.population("cells", (500,), "lif_refractory", **parameters)
    for name, sign in (("up", 1), ("down", -1)):
        build.project(name, "cells", OneToOne(np.full(500, sign * 1e-4, np.float32)))
    network = build.build()
    return network, cs.Simulator(network)


@pytest.mark.parametrize(("up_khz", "down_khz"), [(20.0, 10.0), (60.0, 52.0), (12.0, 0.0)])
def test_neurons_fire_as_siegert_says(driven, up_khz, down_khz):
    """Mean J tau (up - down), fluctuations J sqrt(tau (up + down)): a formula for white noise.

    Time steps of 0.1 ms and events of 0.1 mV make it differ by some percent.
    """
    network, simulator = driven
    steps = 6000
    inputs = {
        "up": cs.poisson_source(network, "up", up_khz * 1e3, steps=steps, seed=1),
        "down": cs.poisson_source(network, "down", down_khz * 1e3, steps=steps, seed=2),
    }
    found = spike_statistics(simulator.run(inputs, 2000), network.dt_s, skip_s=0.1)["cells"]
    mean = 1e-4 * 20e-3 * (up_khz - down_khz) * 1e3
    spread = 1e-4 * (20e-3 * (up_khz + down_khz) * 1e3) ** 0.5
    expected = siegert_rate_hz(mean, spread)
    counting = 3 / (expected * 500 * 0.5) ** 0.5
    assert found.rate_hz == pytest.approx(expected, rel=0.05 + counting)
    assert found.synchrony < 2 / 500**0.5, "independent neurons"


def test_siegert_far_above_the_threshold_is_the_clock_of_a_leaky_neuron():
    # Without noise: 1 / rate = refractory + tau ln((mu - reset) / (mu - threshold)).
    exact = 1 / (2e-3 + 20e-3 * np.log((60 - 10) / (60 - 20)))
    assert siegert_rate_hz(60e-3, 1e-5) == pytest.approx(exact, rel=1e-3, abs=0)


def test_theory_of_the_states_is_that_of_the_paper():
    # Brunel's table of mean-field rates in Hz (recalled): 55.8, 38.0 and 6.5.
    rates = [brunel_rate_hz(*STATES[name][:2]) for name in ("SI, fast", "AI", "SI, slow")]
    assert np.round(rates, 1).tolist() == [55.8, 37.9, 6.5]


def test_a_balanced_network_of_a_tenth_settles_near_the_theory():
    """1,250 neurons, 100 + 25 synapses of 1 mV: coarse events, so within a fifth."""
    network = brunel_network(5.0, neurons=1250)
    drive = {name: (2000.0, None) for name in ("drive_e", "drive_i")}
    activity = cs.Simulator(network).run(inputs_of(network, drive, 4000), 2000)
    found = spike_statistics(activity, network.dt_s, skip_s=0.1)
    both = [found[name].rate_hz for name in ("excitatory", "inhibitory")]
    assert both[0] == pytest.approx(both[1], rel=0.2), "both kinds get the same input"
    # Fluctuations are sqrt(10) times those of 1,000 synapses, and rates are higher.
    assert both[0] == pytest.approx(brunel_rate_hz(5.0, 2.0, 100), rel=0.2)
    assert found["excitatory"].cv > 0.3


# --- the full networks ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", STATES)
def test_brunel_states(name):
    """Rates and global frequency of figure 8 of the paper (recalled), and of its theory."""
    g, ratio, rate_hz, frequency_hz = STATES[name]
    network = brunel_network(g)
    drive = {each: (ratio * 10_000, None) for each in ("drive_e", "drive_i")}
    parts = cs.Simulator(network).windows(inputs_of(network, drive, 12_000), 500)
    found = spike_statistics(Activity.concatenate(list(parts)), network.dt_s, skip_s=0.2)
    cells = found["excitatory"]
    assert cells.regime == name[:2] or not cells.regime
    assert cells.rate_hz == pytest.approx(brunel_rate_hz(g, ratio), rel=0.2)
    if rate_hz:
        assert cells.rate_hz == pytest.approx(rate_hz, rel=0.07)
    if frequency_hz:
        assert cells.oscillation_hz == pytest.approx(frequency_hz, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "low", "high"), [("coba", 12, 25), ("cuba", 4, 8)])
def test_vogels_abbott_activity_sustains_itself(kind, low, high):
    """A second of irregular, asynchronous activity, 0.9 s after the stimulus has ended.

    Brian2's rates of the same networks are 18 Hz and 5.3 Hz (`benchmarks.fidelity`).
    """
    network = load_network(f"networks/vogels_abbott_{kind}")
    activity = cs.simulate(network, inputs_of(network, {"stimulus": (300.0, 0.05)}, 10_000))
    found = spike_statistics(activity, network.dt_s, skip_s=0.5)
    for name in ("excitatory", "inhibitory"):
        assert low < found[name].rate_hz < high
        assert found[name].modulation < 0.7
    if kind == "coba":
        assert found["excitatory"].cv > 0.8
