"""Spikes of SANA-FE's input neurons: given trains, regular rates, and random ones."""

from __future__ import annotations

import numpy as np

from chipletsim.exchange.sanafe.convert import Layout
from chipletsim.exchange.sanafe.snn import Snn
from chipletsim.exchange.sanafe.source import Notes

DEFAULT_STEPS = 100
"""Steps where a file says nothing."""


def default_steps(snn: Snn) -> int:
    """Return the steps of a network that nobody gives: those of its file or longest train."""
    longest = max((train.size for train in snn.trains.values()), default=0)
    return snn.steps or longest or DEFAULT_STEPS


def make_inputs(
    snn: Snn, layout: Layout, steps: int, seed: int, notes: Notes
) -> dict[str, np.ndarray]:
    """Return the spikes of each input population, bool [1, steps, neurons].

    A neuron fires in step t = 1, 2, ... where its train says so, where ``t`` is a multiple of
    ``int(1 / rate)``, or with the probability ``poisson``.

    Args:
        snn: The network.
        layout: Its populations.
        steps: Number of steps; trains that end before are silent from there on.
        seed: Seed of random spikes, which are drawn in the order of the neurons.
        notes: Takes what comes out otherwise.
    """
    spikes = np.zeros((snn.neurons, steps), np.bool_)
    inputs = np.zeros(snn.neurons, np.bool_)
    for model, members in zip(layout.models, layout.members, strict=True):
        inputs[members] = model == "input"
    cut = 0
    for neuron, train in snn.trains.items():
        if inputs[neuron]:
            spikes[neuron, : train.size] |= train[:steps]
            cut += int(train[steps:].sum())
    _note_trains(snn, inputs, cut, notes)
    _add_regular(spikes, snn, inputs)
    _add_random(spikes, snn, inputs, seed, notes)
    return {
        name: spikes[members].T[None]
        for name, model, members in zip(layout.names, layout.models, layout.members, strict=True)
        if model == "input"
    }


def _note_trains(snn: Snn, inputs: np.ndarray, cut: int, notes: Notes) -> None:
    others = sum(not inputs[neuron] for neuron in snn.trains)
    if others:
        notes.leave(f"`spikes` of {others:,} neurons", "only neurons on input units have them")
    if cut:
        notes.leave(f"{cut:,} spikes of inputs", "they come after the last step; see --steps")


def _add_regular(spikes: np.ndarray, snn: Snn, inputs: np.ndarray) -> None:
    rate = _given(snn, "rate", inputs)
    for neuron in np.flatnonzero(rate > 0).tolist():
        period = int(1.0 / rate[neuron])
        spikes[neuron, period - 1 :: period] = True


def _add_random(spikes: np.ndarray, snn: Snn, inputs: np.ndarray, seed: int, notes: Notes) -> None:
    probability = _given(snn, "poisson", inputs)
    drawn = np.flatnonzero(probability > 0)
    if drawn.size:
        random = np.random.default_rng(seed).random((drawn.size, spikes.shape[1]))
        spikes[drawn] |= random < probability[drawn, None]
        notes.differ(
            f"random spikes of {drawn.size:,} input neurons are drawn with seed {seed}; SANA-FE "
            "draws others, from a generator for each unit that depends on the process"
        )


def _given(snn: Snn, name: str, inputs: np.ndarray) -> np.ndarray:
    values = snn.values.get(name, np.zeros(snn.neurons))
    return np.where(inputs, np.nan_to_num(values), 0.0)
