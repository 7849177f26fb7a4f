"""Experiments whose inputs are Poisson processes, by population."""

import pytest

import chipletsim as cs
from chipletsim.inputs.make import make_inputs
from chipletsim.stages import load_experiment, make_network

pytestmark = pytest.mark.usefixtures("quick_programs")

NETWORK = {
    "name": "n",
    "dt": "0.1 ms",
    "populations": {
        "spikes": {"shape": [20], "model": "input"},
        "counts": {"shape": [2, 10], "model": "input", "value_bits": 4},
        "cells": {
            "shape": [20],
            "model": "lif_refractory",
            "output": True,
            "parameters": {
                "tau": "20 ms",
                "v_leak": "0 mV",
                "v_threshold": "2 mV",
                "v_reset": "0 mV",
            },
        },
    },
    "projections": [
        {
            "source": "spikes",
            "target": "cells",
            "connection": {"kind": "one_to_one", "weight": "0.5 mV"},
        },
        {
            "source": "counts",
            "target": "cells",
            "connection": {"kind": "dense", "weight": "0.02 mV"},
        },
    ],
}


def experiment(**inputs):
    return {
        "name": "e",
        "package": {"use": "packages/two_dies"},
        "network": NETWORK,
        "inputs": {"steps": 300, "seed": 4} | inputs,
    }


BOTH = {"spikes": "1 kHz", "counts": {"rate": "10 kHz", "start": "5 ms", "stop": "20 ms"}}


def test_a_run_draws_its_events_window_by_window(tmp_path):
    result = cs.run(experiment(poisson=BOTH), out=tmp_path)
    loaded = load_experiment(experiment(poisson=BOTH))
    network = make_network(loaded)
    inputs = make_inputs(loaded, network)
    assert (inputs.samples, inputs.steps) == (1, 300)
    activity = cs.simulate(network, inputs.events)
    # 20 channels x 300 steps x 0.1, and 20 x 150 x P(at least one of a mean of 1).
    assert activity.totals["spikes"].sum() == pytest.approx(600, abs=5 * 540**0.5)
    assert activity.totals["counts"].sum() == pytest.approx(1896, abs=5 * 700**0.5)
    assert activity.values["counts"].sum() == pytest.approx(3000, abs=5 * 3000**0.5)
    assert not activity.values["counts"][:, :50].any()
    assert not activity.values["counts"][:, 200:].any()
    assert activity.totals["cells"].sum() > 20
    assert result.summary["provenance"]["input_seed"] == 4


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"poisson": {"spikes": "1 kHz"}}, "inputs.poisson.counts: missing"),
        ({"poisson": {**BOTH, "cells": "1 Hz"}}, "no input population 'cells'; there are: spikes"),
        ({"poisson": {**BOTH, "spikes": "20 kHz"}}, "are 2 spikes a step of 0.0001 s; give the"),
        ({"poisson": {**BOTH, "counts": "40 kHz"}}, "do not fit 4 bit; give the population"),
        (
            {"poisson": {**BOTH, "spikes": {"rate": "1 kHz", "start": "5 ms", "stop": "2 ms"}}},
            "inputs.poisson.spikes: must stop after its start at 0.005 s, not at 0.002 s",
        ),
        ({"poisson": {**BOTH, "spikes": "1 ms"}}, "wrong dimension"),
        ({"poisson": BOTH, "rate_per_step": 0.1}, "give one of `rate_per_step` and `poisson`"),
        ({}, "give one of `rate_per_step` and `poisson`"),
    ],
)
def test_faults(inputs, says):
    def made():
        loaded = load_experiment(experiment(**inputs))
        return make_inputs(loaded, make_network(loaded))

    with pytest.raises(cs.ConfigError, match=says):
        made()
