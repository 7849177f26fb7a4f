"""Simulate a network: who spikes when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chipletsim.engine import program as xla_program
from chipletsim.engine.activity import Activity
from chipletsim.engine.activity_arrays import MOST_COUNT
from chipletsim.engine.compile import Compiled, Schedule, compile_network, is_counted
from chipletsim.engine.inputs import Inputs, prepare_inputs, prepared_fingerprint
from chipletsim.engine.memory import Batching, batching, require_memory
from chipletsim.engine.native import program as native_program
from chipletsim.engine.program import Outputs, State
from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS, Event

Part = tuple[slice, slice]
"""Samples and steps."""


def simulate(
    network: Network,
    inputs: Inputs,
    *,
    mapping: Mapping | None = None,
    window_steps: int | None = None,
    schedule: Schedule = "layers",
) -> Activity:
    """Return who spikes when.

    Currents of spikes are exact sums, rounded once (``chipletsim.engine.exact``): batch,
    window and schedule change no bit. Currents of graded events (values of LI neurons, graded
    inputs) and of counts are sums in whatever order, in float64 on the native kernels and in
    float32 elsewhere: where they are not exact, another batch, window or schedule may change the
    last bit of a membrane behind them, and so, next to its threshold, a spike. Quantised weights
    times counts or values of few bits are exact.

    Args:
        network: The network.
        inputs: Population name to [samples, steps, *shape] (or [samples, steps, neurons]):
            spikes as bool or 0 and 1, or values of graded inputs. The array itself where
            there is one input population.
        mapping: A mapping of this network, to lower it to what its tiles can represent.
        window_steps: Steps to compute at once; as many as memory holds if None.
        schedule: ``layers`` runs what is in no cycle over all steps at once, ``steps``
            runs everything step by step; the spikes are the same.

    Raises:
        ConfigError: The network or the inputs have a fault, a graded value overflows, a count
            does not fit its bits, or the activity is larger than memory.
        UsageError: The mapping is of another network, or a window has no step.
    """
    return Simulator(network, mapping=mapping, schedule=schedule).run(inputs, window_steps)


def simulate_windows(
    network: Network,
    inputs: Inputs,
    window_steps: int,
    *,
    mapping: Mapping | None = None,
    schedule: Schedule = "layers",
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

    Raises:
        ConfigError: The network or the inputs have a fault.
        UsageError: The mapping is of another network, or a window has no step.
    """
    return Simulator(network, mapping=mapping, schedule=schedule).windows(inputs, window_steps)


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


@dataclass(frozen=True, eq=False)
class _Buffers:
    """Rasters, and values of graded populations, of some steps of all samples."""

    rasters: tuple[np.ndarray, ...]
    values: tuple[np.ndarray | None, ...]

    @classmethod
    def empty(cls, compiled: Compiled, samples: int, steps: int) -> _Buffers:
        sizes = [population.size for population in compiled.network.populations]
        plans = compiled.program.populations
        rasters = [np.empty((samples, steps, -(-size // 8)), np.uint8) for size in sizes]
        values = [
            np.empty((samples, steps, size), np.float32) if plan.graded else None
            for plan, size in zip(plans, sizes, strict=True)
        ]
        return cls(tuple(rasters), tuple(values))

    def store(self, rows: slice, columns: slice, outputs: Sequence[Sequence]) -> None:
        """Copy what a window gave, its padding cut off."""
        samples, steps = rows.stop - rows.start, columns.stop - columns.start
        for own, given in zip((self.rasters, self.values), outputs, strict=True):
            for target, source in zip(own, given, strict=True):
                if target is not None:
                    width = target.shape[-1]
                    target[rows, columns] = np.asarray(source)[:samples, :steps, :width]


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
        self._compiled = compile_network(lowered(network, mapping), schedule)
        self._fingerprint = fingerprint(self._compiled.network)
        self._engine = native_program if self._compiled.program.native else xla_program

    def run(self, inputs: Inputs, window_steps: int | None = None) -> Activity:
        """Return who spikes when; arguments and errors as for ``simulate``."""
        job = self._job(inputs, window_steps)
        require_memory(self._compiled.network, job.samples, job.steps)
        result = _Buffers.empty(self._compiled, job.samples, job.steps)
        for rows in _slices(job.samples, job.batching.samples):
            state = self._start(job)
            for columns in _slices(job.steps, job.batching.steps):
                state, outputs = self._advance(job, state, (rows, columns))
                result.store(rows, columns, outputs)
        return self._activity(job, result)

    def windows(self, inputs: Inputs, window_steps: int) -> Iterator[Activity]:
        """Return the activity window by window; arguments and errors as ``simulate_windows``."""
        return self._stream(self._job(inputs, window_steps))

    def _stream(self, job: _Job) -> Iterator[Activity]:
        batches = _slices(job.samples, job.batching.samples)
        states = [self._start(job) for _ in batches]
        for columns in _slices(job.steps, job.batching.steps):
            steps = columns.stop - columns.start
            result = _Buffers.empty(self._compiled, job.samples, steps)
            for number, rows in enumerate(batches):
                states[number], outputs = self._advance(job, states[number], (rows, columns))
                result.store(rows, slice(0, steps), outputs)
            yield self._activity(job, result)

    def _job(self, inputs: Inputs, window_steps: int | None) -> _Job:
        if window_steps is not None and window_steps < 1:
            raise UsageError(f"window_steps must be at least 1, got {window_steps}")
        network = self._compiled.network
        arrays = prepare_inputs(network, inputs)
        samples, steps = next(iter(arrays.values())).shape[:2]
        parts = self._batching(samples, steps, window_steps)
        return _Job(arrays, samples, steps, parts, prepared_fingerprint(arrays))

    def _batching(self, samples: int, steps: int, window_steps: int | None) -> Batching:
        """Return how samples and steps are cut.

        Raises:
            ConfigError: An inference takes more steps than there are.
            UsageError: Values come once in it, so that it cannot be cut into windows.
        """
        network, needed = self._compiled.network, self._compiled.program.steps
        if needed is None:
            parts = batching(network, samples, min(window_steps or steps, steps))
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
        whole = batching(network, samples, 1).samples // steps
        return Batching(max(min(whole, samples), 1), steps)

    def _start(self, job: _Job) -> State:
        """Return the state of a batch before its first step."""
        return self._engine.initial_state(self._compiled, job.batching.samples)

    def _advance(self, job: _Job, state: State, part: Part) -> tuple[State, Outputs]:
        """Run some samples and steps; return the state after them, and their events."""
        given = tuple(_padded(array[part], job.batching) for array in job.inputs.values())
        return self._engine.run_window(self._compiled, state, given)

    def _activity(self, job: _Job, result: _Buffers) -> Activity:
        populations = self._compiled.network.populations
        names = [population.name for population in populations]
        values = {
            name: value
            for name, value in zip(names, result.values, strict=True)
            if value is not None
        }
        for name, value in values.items():
            problem = _value_problem(value, self._compiled.network.population(name))
            if problem:
                raise ConfigError([Problem(problem, f"populations.{name}")])
        return Activity.from_rasters(
            {population.name: population.shape for population in populations},
            dict(zip(names, result.rasters, strict=True)),
            values,
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

    inputs: dict[str, np.ndarray]
    samples: int
    steps: int
    batching: Batching
    fingerprint: str


def _slices(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def _padded(array: np.ndarray, to: Batching) -> np.ndarray:
    """Return [samples, steps, ...] with silent samples and steps added to fill a window."""
    missing = (to.samples - array.shape[0], to.steps - array.shape[1])
    if missing == (0, 0):
        return array
    return np.pad(array, [(0, missing[0]), (0, missing[1]), *[(0, 0)] * (array.ndim - 2)])
