"""Samples of event recordings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from chipletsim.exchange.events.binning import Binning
from chipletsim.exchange.events.formats import open_events
from chipletsim.exchange.events.recording import fault
from chipletsim.exchange.events.samples import SampleReader
from chipletsim.inputs.stream import parts
from chipletsim.network.model import Population
from chipletsim.spec.events import EventInputsSpec


class RecordingSamples:
    """The samples of event recordings; see `SampleStream`.

    Args:
        spec: Where they are, and how their events become spikes.
        base: Folder that paths are relative to.
        population: The input population.
        dt_s: Time step of the network, which is that of the samples unless they state one.

    Raises:
        ConfigError: There is no such file, it does not fit the population, or it has fewer
            samples.
        UsageError: A library is not installed.
    """

    def __init__(
        self, spec: EventInputsSpec, base: Path, population: Population, dt_s: float
    ) -> None:
        files, binning = spec.events, spec.binning
        path = base / (files.file or files.folder or "")
        format = {"auto": None, "shd": "hdf5"}.get(files.format, files.format)
        source = open_events(path, format, time_unit=files.time_unit)  # type: ignore[arg-type]
        self._reader = SampleReader(
            source,
            tuple(population.shape),
            Binning(
                dt_s=dt_s if binning.step_s is None else binning.step_s,
                steps=spec.steps,
                start=binning.start,
                offset_s=binning.offset_s,
                outside=binning.outside,
                several=binning.several,
                polarity=binning.polarity,
                pool=binning.pool,
                cut=binning.cut,
            ),
            files.size,
        )
        there = self._reader.samples
        if spec.samples is not None and spec.samples > there:
            raise fault(path, f"holds {there:,} samples, but {spec.samples:,} are asked for")
        self._population = population.name
        self._most = 2**binning.value_bits - 1 if binning.several == "count" else 1
        self._path = path
        self.samples, self.steps = spec.samples or there, spec.steps
        labels = self._reader.labels
        self.labels = None if labels is None else labels[: self.samples]
        cell = 4 if binning.several == "count" else 1
        self.sample_bytes = cell * spec.steps * self._reader.channels

    @property
    def notes(self) -> list[str]:
        """Where the events went that are no spikes of their own; see `SampleStream`."""
        return self._reader.tally.notes

    def batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the spikes of the samples; see `SampleStream`."""
        samples = iter(self._reader)
        for _, number in parts(self.samples, count):
            batch = np.stack(list(islice(samples, number)))
            if batch.max(initial=0) > self._most:
                message = (
                    f"has {batch.max():.0f} events of a channel in a step, more than `value_bits`"
                    f" can hold: {self._most}"
                )
                raise fault(self._path, message)
            yield {self._population: batch}
