"""A window of steps in NumPy, where there are no native kernels.

NumPy on the host keeps numbers below the least normal one, which XLA takes for zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.engine.outputs import Outputs
from chipletsim.engine.wide.compile import WideNetwork, WidePopulation
from chipletsim.network.neurons import NEURON_MODELS


class PlainState(NamedTuple):
    """What a window hands to the next.

    Attributes:
        neurons: For each population, state name to float64 [samples, neurons].
        history: bool [samples, longest delay, neurons], the last events, by rank.
    """

    neurons: tuple[dict[str, np.ndarray], ...]
    history: np.ndarray


class PlainWide:
    """A network in double precision, run by NumPy.

    Args:
        compiled: The network, in one block.
    """

    steps: int | None = None

    def __init__(self, compiled: WideNetwork) -> None:
        self._compiled = compiled

    def initial_state(self, samples: int) -> PlainState:
        """Return the state before the first step, with no events in the past."""
        neurons = tuple(
            {name: np.tile(start, (samples, 1)) for name, start in each.initial.items()}
            for each in self._compiled.populations
        )
        shape = (samples, self._compiled.past, self._compiled.network.neurons)
        return PlainState(neurons, np.zeros(shape, np.bool_))

    def run_window(
        self, state: PlainState, inputs: tuple[np.ndarray, ...], steps: int
    ) -> tuple[PlainState, Outputs]:
        """Run a window of steps.

        Args:
            state: State before the window.
            inputs: For each input population, bool [samples, steps, *shape].
            steps: Steps in the window.

        Returns:
            The state after the window, and its events.
        """
        window = _Window(self._compiled, state, inputs, steps)
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(steps):
                window.advance(step)
        return window.result()


class _Window:
    """The arrays of one window while it runs."""

    def __init__(
        self,
        compiled: WideNetwork,
        state: PlainState,
        inputs: tuple[np.ndarray, ...],
        steps: int,
    ) -> None:
        samples = len(state.history)
        self._compiled = compiled
        self._states = list(state.neurons)
        given = iter(inputs)
        self._inputs = [
            next(given).reshape(samples, steps, -1) if each.model == "input" else None
            for each in compiled.populations
        ]
        # Rows of events by rank, those of the past before those of the window.
        room = np.zeros((samples, steps, compiled.network.neurons), np.bool_)
        self._events = np.concatenate([state.history, room], axis=1)
        self._fired = np.zeros_like(room)
        self._updated = np.zeros_like(room)
        self._recorded: list[dict[str, np.ndarray]] = [
            {name: np.zeros((samples, steps, each.size)) for name in each.recorded}
            for each in compiled.populations
        ]

    def advance(self, step: int) -> None:
        """Advance all neurons by a step."""
        current, arrived = self._currents(step)
        for number, population in enumerate(self._compiled.populations):
            own = slice(population.first, population.first + population.size)
            given = self._inputs[number]
            if given is not None:
                self._fired[:, step, own] = self._updated[:, step, own] = given[:, step]
                continue
            state, fired, updated = NEURON_MODELS[population.model].step(
                np,
                population.constants,
                self._states[number],
                current[:, own],
                arrived[:, own],
            )
            self._states[number] = state
            self._fired[:, step, own] = fired
            self._updated[:, step, own] = updated
            for name, kept in self._recorded[number].items():
                kept[:, step] = state[name]
        rank = slice(None) if self._compiled.rank is None else self._compiled.rank
        self._events[:, self._compiled.past + step, rank] = self._fired[:, step]

    def _currents(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return float64 [samples, neurons], sums of synaptic events, and where there were any."""
        neurons = self._compiled.network.neurons
        current = np.zeros((len(self._events), neurons))
        arrived = np.zeros(current.shape, np.bool_)
        for sample, events in enumerate(self._events):
            target, weight = self._listed(events, step)
            # It adds one after the other, from zero.
            current[sample] = np.bincount(target, weight, minlength=neurons)
            arrived[sample, target] = True
        return current, arrived

    def _listed(self, events: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return targets and weights of the synaptic events of a step, in their order."""
        synapses = self._compiled.synapses
        places = [np.zeros(0, np.int64)]
        for number, delay in enumerate(synapses.delays):
            active = np.flatnonzero(events[self._compiled.past + step - delay])
            first = synapses.start[number, 0, active]
            count = synapses.start[number, 0, active + 1] - first
            shift = np.repeat(first - (np.cumsum(count) - count), count)
            places.append(shift + np.arange(shift.size))
        place = np.concatenate(places)
        return synapses.target[place], synapses.weight[place]

    def result(self) -> tuple[PlainState, Outputs]:
        """Return the state after the window, and its events."""
        steps, past = self._fired.shape[1], self._compiled.past
        outputs = Outputs(
            rasters=tuple(_bits(self._fired, each) for each in self._compiled.populations),
            values=(None,) * len(self._compiled.populations),
            updates=tuple(
                _bits(self._updated, each) if each.tells_updates else None
                for each in self._compiled.populations
            ),
            recorded=tuple(self._recorded),
        )
        history = self._events[:, steps : steps + past].copy()
        return PlainState(tuple(self._states), history), outputs


def _bits(events: np.ndarray, population: WidePopulation) -> Any:
    own = events[..., population.first : population.first + population.size]
    return np.packbits(own, axis=-1, bitorder="little")
