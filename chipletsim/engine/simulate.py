"""Simulate a network: who spikes when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import Compiled, Schedule, compile_network
from chipletsim.engine.inputs import Inputs, prepare_inputs, prepared_fingerprint
from chipletsim.engine.memory import Batching, batching, require_memory
from chipletsim.engine.native import program as native_program
from chipletsim.engine import program as xla_program
from chipletsim.engine.program import State
from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network


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
    inputs) are float32 sums in whatever order: where they are not exact, another batch,
    window or schedule may change the last bit of a membrane behind them, and so, next to its
    threshold, a spike. Quantised weights times values of few bits are exact.

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
        ConfigError: The network or the inputs have a fault, a graded value overflows, or the
            activity is larger than memory.
        UsageError: The mapping is of another network, or a window has no step.
    """
    job = _prepare(network, inputs, mapping, window_steps, schedule)
    require_memory(job.compiled.network, job.samples, job.steps)
    result = _Buffers.empty(job.compiled, job.samples, job.steps)
    for rows in _slices(job.samples, job.batching.samples):
        state = job.start()
        for columns in _slices(job.steps, job.batching.steps):
            state = job.run(state, rows, columns, result, columns)
    return job.activity(result)


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
    return _stream(_prepare(network, inputs, mapping, window_steps, schedule))


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


@dataclass(frozen=True, eq=False)
class _Job:
    """A simulation that is ready to run."""

    compiled: Compiled
    inputs: dict[str, np.ndarray]
    samples: int
    steps: int
    batching: Batching
    fingerprints: dict[str, str]

    @property
    def engine(self) -> Any:
        """The module that runs the program."""
        return native_program if self.compiled.program.native else xla_program

    def start(self) -> State:
        """Return the state of a batch before its first step."""
        return self.engine.initial_state(self.compiled, self.batching.samples)

    def run(
        self, state: State, rows: slice, columns: slice, result: _Buffers, where: slice
    ) -> State:
        """Run some samples and steps, put the events into ``result``, return the state."""
        given = tuple(
            _padded(array[rows, columns], self.batching) for array in self.inputs.values()
        )
        state, outputs = self.engine.run_window(self.compiled, state, given)
        result.store(rows, where, outputs)
        return state

    def activity(self, result: _Buffers) -> Activity:
        populations = self.compiled.network.populations
        names = [population.name for population in populations]
        values = {
            name: value
            for name, value in zip(names, result.values, strict=True)
            if value is not None
        }
        for name, value in values.items():
            if not np.all(np.isfinite(value)):
                raise ConfigError(
                    [Problem("values leave the range of float32", f"populations.{name}")]
                )
        return Activity.from_rasters(
            {population.name: population.shape for population in populations},
            dict(zip(names, result.rasters, strict=True)),
            values,
            **self.fingerprints,
        )


def _prepare(
    network: Network,
    inputs: Inputs,
    mapping: Mapping | None,
    window_steps: int | None,
    schedule: Schedule,
) -> _Job:
    if window_steps is not None and window_steps < 1:
        raise UsageError(f"window_steps must be at least 1, got {window_steps}")
    network = lowered(network, mapping)
    compiled = compile_network(network, schedule)
    arrays = prepare_inputs(network, inputs)
    samples, steps = next(iter(arrays.values())).shape[:2]
    parts = batching(network, samples, min(window_steps or steps, steps))
    if window_steps is not None:
        parts = Batching(parts.samples, min(window_steps, steps))
    prints = {"network": fingerprint(network), "inputs": prepared_fingerprint(arrays)}
    return _Job(compiled, arrays, samples, steps, parts, prints)


def _stream(job: _Job) -> Iterator[Activity]:
    batches = _slices(job.samples, job.batching.samples)
    states = [job.start() for _ in batches]
    for columns in _slices(job.steps, job.batching.steps):
        steps = columns.stop - columns.start
        result = _Buffers.empty(job.compiled, job.samples, steps)
        for number, rows in enumerate(batches):
            states[number] = job.run(states[number], rows, columns, result, slice(0, steps))
        yield job.activity(result)


def _slices(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def _padded(array: np.ndarray, to: Batching) -> np.ndarray:
    """Return [samples, steps, ...] with silent samples and steps added to fill a window."""
    missing = (to.samples - array.shape[0], to.steps - array.shape[1])
    if missing == (0, 0):
        return array
    return np.pad(array, [(0, missing[0]), (0, missing[1]), *[(0, 0)] * (array.ndim - 2)])
