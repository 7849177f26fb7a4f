"""Spikes of an earlier run, fed into input populations."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from chipletsim.engine.compile import is_graded
from chipletsim.engine.inputs import input_populations
from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.spikes.record import SpikeRecord, open_spikes
from chipletsim.inputs.stream import parts
from chipletsim.network.model import Network, Population
from chipletsim.spec.events import ReplayInputsSpec
from chipletsim.spec.fault import nearest_names


class ReplaySamples:
    """The samples of a file of spikes; see `SampleStream`.

    Args:
        spec: What is fed.
        base: Folder that paths are relative to.
        network: The network, whose input populations are graded where ``value_bits`` is given.

    Raises:
        ConfigError: There is no such file, it has fewer samples or steps, or its populations do
            not fit those of the network.
    """

    labels: np.ndarray | None = None

    def __init__(self, spec: ReplayInputsSpec, base: Path, network: Network) -> None:
        self._record = record = open_spikes(base / spec.replay.file)
        populations = input_populations(network)
        names = {
            each.name: spec.replay.populations.get(each.name, each.name) for each in populations
        }
        problems = [
            Problem(
                f"there is no input population {name!r}; there are: {', '.join(names) or 'none'}",
                f"inputs.replay.populations.{name}",
            )
            for name in spec.replay.populations
            if name not in names
        ]
        problems += [
            Problem(message, file=str(record.path))
            for each in populations
            for message in _faults(record, each, names[each.name])
        ]
        for what in ("samples", "steps"):
            wanted, there = getattr(spec, what), getattr(record, what)
            if wanted is not None and wanted > there:
                message = f"holds {there:,} {what}, but {wanted:,} are asked for"
                problems.append(Problem(message, file=str(record.path)))
        if problems:
            raise ConfigError(problems)
        self._names = names
        self.samples = spec.samples or record.samples
        self.steps = spec.steps
        cells = sum(each.size * (4 if is_graded(each) else 1) for each in populations)
        self.sample_bytes = record.steps * cells

    @property
    def notes(self) -> list[str]:
        """Nothing: every spike is fed; see `SampleStream`."""
        return []

    def batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the spikes of the samples; see `SampleStream`."""
        for first, number in parts(self.samples, count):
            yield {
                name: self._record.read(kept, first, number)[:, : self.steps]
                for name, kept in self._names.items()
            }


def _faults(record: SpikeRecord, population: Population, kept: str) -> Iterator[str]:
    """Yield why a population of a file cannot be fed into one of the network."""
    if kept not in record.populations:
        close = nearest_names(kept, record.populations)
        known = ", ".join(record.populations)
        hint = f"did you mean {close[0]!r}?" if close else f"it holds: {known}"
        yield f"holds no population {kept!r} to feed {population.name!r}; {hint}"
    elif prod(record.populations[kept]) != population.size:
        shape = list(record.populations[kept])
        yield (
            f"population {kept!r} is {shape}, but input population {population.name!r} is"
            f" {list(population.shape)}"
        )
    elif kept in record.graded and not is_graded(population):
        yield f"population {kept!r} holds values; give `value_bits` to feed them"
