"""Simulate a network: who spikes when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.activity_arrays import MOST_COUNT
from chipletsim.engine.buffers import Buffers, named
from chipletsim.engine.compile import Schedule, is_counted
from chipletsim.engine.inputs import (
    Events,
    Inputs,
    input_populations,
    prepare_inputs,
    prepared_fingerprint,
)
from chipletsim.engine.memory import Batching, batching, require_memory
from chipletsim.engine.outputs import Outputs
from chipletsim.engine.record import RecordedStates, recorded_bytes, recorded_states
from chipletsim.engine.runner import Runner, make_runner
from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS, Event
from chipletsim.network.precision import is_wide

Part = tuple[slice, slice]
"""Samples and steps."""


def simulate(
    network: Network,
    inputs: Inputs,
    *,
    mapping: Mapping | None = None,
    window_steps: int | None = None,
    schedule: Schedule = "layers",
    steps: int | None = None,
    record: Sequence[str] = (),
) -> Activity:
    """Return who spikes when.

    Currents of spikes are exact sums, rounded once (``chipletsim.engine.exact``): batch,
    window and schedule change no bit. Currents of graded events (values of LI neurons, graded
    inputs) and of counts are sums in whatever order, in float64 on the native kernels and in
    float32 elsewhere: where they are not exact, another batch, window or schedule may change the
    last bit of a membrane behind them, and so, next to its threshold, a spike. Quantised weights
    times counts or values of few bits are exact.

    Networks of models in double precision (such as ``loihi_lif``) add currents one after the
    other, in the order that ``chipletsim.engine.wide`` says.

    Args:
        network: The network.
        inputs: Population name to [samples, steps, *shape] (or [samples, steps, neurons]):
            spikes as bool or 0 and 1, or values of graded inputs. The array itself where
            there is one input population. An empty mapping where there is none, which only
            networks in double precision may have.
        mapping: A mapping of this network, to lower it to what its tiles can represent.
        window_steps: Steps to compute at once; as many as memory holds if None.
        schedule: ``layers`` runs what is in no cycle over all steps at once, ``steps``
            runs everything step by step; the spikes are the same.
        steps: Steps to run, of a network without inputs.
        record: Names of states, such as ``v``, to keep after each step, in
            ``Activity.recorded``. In single precision XLA then computes in place of the native
            kernels, more slowly; the spikes are the same.

    Raises:
        ConfigError: The network or the inputs have a fault, a graded value overflows, a count
            does not fit its bits, or the activity is larger than memory.
        UsageError: The mapping is of another network, a window has no step, no population has
            a state to record, or ``steps`` are missing or are those of the inputs.
    """
    simulator = Simulator(network, mapping=mapping, schedule=schedule)
    return simulator.run(inputs, window_steps, steps=steps, record=record)


def simulate_windows(
    network: Network,
    inputs: Inputs,
    window_steps: int,
    *,
    mapping: Mapping | None = None,
    schedule: Schedule = "layers",
    steps: int | None = None,
    record: Sequence[str] = (),
) -> Iterator[Activity]:
    """Return the activity window by window, so that the whole need not fit in memory.

    Membranes and delayed spikes are carried from window to window: concatenated, the
    windows are what ``simulate`` returns.

    Args:
        network: The network.
        inputs: As for ``simulate``.
        window_steps: Steps in a window; the last one may have fewer.
        mapping: As for ``simulate``.
        schedule: As for ``simulate``.
        steps: As for ``simulate``.
        record: As for ``simulate``.

    Raises:
        ConfigError: The network or the inputs have a fault.
        UsageError: As for ``simulate``.
    """
    simulator = Simulator(network, mapping=mapping, schedule=schedule)
    return simulator.windows(inputs, window_steps, steps=steps, record=record)


def lowered(network: Network, mapping: Mapping | None) -> Network:
    """Return the network as the tiles of a mapping compute it; itself without a mapping.

    Raises:
        UsageError: The mapping is of another network.
    """
    if mapping is None:
        return network
    if mapping.network is not network and fingerprint(mapping.network) != fingerprint(network):
        raise UsageError(
            f"the mapping is of network {mapping.network.name!r}, "
            f"which is not the network {network.name!r} given"
        )
    return mapping.lowered()


class Simulator:
    """A network that is compiled once, to be simulated on many inputs.

    Args:
        network: The network. It is not to be changed afterwards.
        mapping: As for ``simulate``.
        schedule: As for ``simulate``.

    Raises:
        ConfigError: The network has a fault.
        UsageError: The mapping is of another network.

    Example:
        simulator = Simulator(network, mapping=mapping)
        activities = [simulator.run(inputs) for inputs in recordings]
    """

    def __init__(
        self, network: Network, *, mapping: Mapping | None = None, schedule: Schedule = "layers"
    ) -> None:
        self._network = lowered(network, mapping)
        self._schedule: Schedule = schedule
        self._runners: dict[tuple[tuple[str, tuple[str, ...]], ...], Runner] = {}
        self._runner({})  # faults are found here
        self._fingerprint = fingerprint(self._network)

    def run(
        self,
        inputs: Inputs,
        window_steps: int | None = None,
        *,
        steps: int | None = None,
        record: Sequence[str] = (),
    ) -> Activity:
        """Return who spikes when; arguments and errors as for ``simulate``."""
        job = self._job(inputs, window_steps, steps, record)
        kept = recorded_bytes(self._network, job.recorded)
        require_memory(self._network, job.samples, job.steps, kept)
        result = Buffers.empty(self._network, job.recorded, job.samples, job.steps)
        for rows in _slices(job.samples, job.batching.samples):
            state = job.runner.initial_state(job.batching.samples)
            for columns in _slices(job.steps, job.batching.steps):
                state, outputs = self._advance(job, state, (rows, columns))
                result.store(rows, columns, outputs)
        return self._activity(job, result)

    def windows(
        self,
        inputs: Inputs,
        window_steps: int,
        *,
        steps: int | None = None,
        record: Sequence[str] = (),
    ) -> Iterator[Activity]:
        """Return the activity window by window; arguments and errors as ``simulate_windows``."""
        return self._stream(self._job(inputs, window_steps, steps, record))

    def _stream(self, job: _Job) -> Iterator[Activity]:
        batches = _slices(job.samples, job.batching.samples)
        states = [job.runner.initial_state(job.batching.samples) for _ in batches]
        for columns in _slices(job.steps, job.batching.steps):
            steps = columns.stop - columns.start
            result = Buffers.empty(self._network, job.recorded, job.samples, steps)
            for number, rows in enumerate(batches):
                states[number], outputs = self._advance(job, states[number], (rows, columns))
                result.store(rows, slice(0, steps), outputs)
            yield self._activity(job, result)

    def _job(
        self,
        inputs: Inputs,
        window_steps: int | None,
        steps: int | None,
        record: Sequence[str],
    ) -> _Job:
        if window_steps is not None and window_steps < 1:
            raise UsageError(f"window_steps must be at least 1, got {window_steps}")
        recorded = recorded_states(self._network, record)
        arrays, samples, count = self._given(inputs, steps)
        runner = self._runner(recorded)
        parts = self._batching(runner, (samples, count), window_steps, recorded)
        return _Job(arrays, samples, count, parts, prepared_fingerprint(arrays), recorded, runner)

    def _given(self, inputs: Inputs, steps: int | None) -> tuple[dict[str, Events], int, int]:
        """Return the inputs, and how many samples and steps there are."""
        network = self._network
        fed = bool(input_populations(network))
        if fed or not is_wide(network):
            if fed and steps is not None:
                raise UsageError(f"{network.name!r} has inputs, which say how many steps there are")
            arrays = prepare_inputs(network, inputs)
            samples, count = next(iter(arrays.values())).shape[:2]
            return arrays, samples, count
        if isinstance(inputs, np.ndarray) or inputs:
            raise UsageError(f"{network.name!r} has no input population; give {{}} as its inputs")
        if steps is None or steps < 1:
            raise UsageError(f"{network.name!r} has no inputs; say how many `steps` it runs")
        return {}, 1, steps

    def _runner(self, recorded: RecordedStates) -> Runner:
        key = tuple(recorded.items())
        if key not in self._runners:
            self._runners[key] = make_runner(self._network, self._schedule, recorded)
        return self._runners[key]

    def _batching(
        self,
        runner: Runner,
        rows: tuple[int, int],
        window_steps: int | None,
        recorded: RecordedStates,
    ) -> Batching:
        """Return how samples and steps are cut.

        Raises:
            ConfigError: An inference takes more steps than there are.
            UsageError: Values come once in it, so that it cannot be cut into windows.
        """
        network, needed = self._network, runner.steps
        (samples, steps), kept = rows, recorded_bytes(network, recorded)
        if needed is None:
            parts = batching(network, samples, min(window_steps or steps, steps), kept_bytes=kept)
            return (
                parts if window_steps is None else Batching(parts.samples, min(window_steps, steps))
            )
        if steps < needed:
            message = f"one inference takes {needed} steps, but the inputs have {steps}"
            raise ConfigError([Problem(message, "inputs")])
        if window_steps is not None and window_steps < steps:
            raise UsageError(
                f"values come once in {network.name!r}, so that its {steps} steps cannot be cut"
                f" into windows of {window_steps}"
            )
        whole = batching(network, samples, 1, kept_bytes=kept).samples // steps
        return Batching(max(min(whole, samples), 1), steps)

    def _advance(self, job: _Job, state: Any, part: Part) -> tuple[Any, Outputs]:
        """Run some samples and steps; return the state after them, and what they gave."""
        given = tuple(_padded(array[part], job.batching) for array in job.inputs.values())
        return job.runner.run_window(state, given, job.batching.steps)

    def _activity(self, job: _Job, result: Buffers) -> Activity:
        populations = self._network.populations
        names = [population.name for population in populations]
        values = named(names, result.values)
        updates = named(names, result.updates)
        if updates:
            inputs = (each for each in populations if each.model == "input")
            updates |= {each.name: result.rasters[names.index(each.name)] for each in inputs}
        for name, value in values.items():
            problem = _value_problem(value, self._network.population(name))
            if problem:
                raise ConfigError([Problem(problem, f"populations.{name}")])
        return Activity.from_rasters(
            {population.name: population.shape for population in populations},
            dict(zip(names, result.rasters, strict=True)),
            values,
            updates=updates,
            recorded={
                name: states for name, states in zip(names, result.recorded, strict=True) if states
            },
            counted=[each.name for each in populations if is_counted(each)],
            network=self._fingerprint,
            inputs=job.fingerprint,
        )


def _value_problem(values: np.ndarray, population: Population) -> str | None:
    """Return what is wrong with the values or counts that a population sends, or None."""
    if not np.all(np.isfinite(values)):
        return "values leave the range of float32"
    if NEURON_MODELS[population.model].event is not Event.COUNT:
        return None
    most = float(values.max(initial=0))
    if most > MOST_COUNT:
        return f"neurons spike up to {most:,.0f} times in a step, more than float32 counts exactly"
    if population.value_bits and most >= 2**population.value_bits:
        return (
            f"neurons spike up to {most:,.0f} times in a step, which its value_bits of "
            f"{population.value_bits} do not hold"
        )
    return None


@dataclass(frozen=True, eq=False)
class _Job:
    """Inputs, checked, and how they are cut."""

    inputs: dict[str, Events]
    samples: int
    steps: int
    batching: Batching
    fingerprint: str
    recorded: RecordedStates
    runner: Runner


def _slices(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def _padded(array: np.ndarray, to: Batching) -> np.ndarray:
    """Return [samples, steps, ...] with silent samples and steps added to fill a window."""
    missing = (to.samples - array.shape[0], to.steps - array.shape[1])
    if missing == (0, 0):
        return array
    return np.pad(array, [(0, missing[0]), (0, missing[1]), *[(0, 0)] * (array.ndim - 2)])
