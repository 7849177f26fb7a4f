"""Files of spikes, read sample by sample where their form allows it."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.archive import ArrayArchive
from chipletsim.engine.raster import pack
from chipletsim.errors import ConfigError
from chipletsim.exchange.events.columns import find_starts
from chipletsim.exchange.events.recording import whole
from chipletsim.exchange.spikes.lists import FORMAT, MOST_NUMBER

MAX_BYTES = 1 << 44
"""Bytes that the arrays of a file may claim; they are read in pieces."""
MAX_HEADER_BYTES = 1 << 24
MAX_CELLS = 1 << 33
"""Steps times neurons of a sample, or of a whole run, that can be held at once."""


class SpikeRecord(Protocol):
    """Spikes of a network that were kept.

    Attributes:
        path: The file.
        populations: Population name to shape.
        graded: Populations whose events are values, or counts.
        samples: Number of samples.
        steps: Steps of each.
    """

    path: Path
    populations: dict[str, tuple[int, ...]]
    graded: frozenset[str]
    samples: int
    steps: int

    def read(self, population: str, first: int, count: int) -> np.ndarray:
        """Return [count, steps, neurons] of samples from ``first`` on: bool, or float32 if graded.

        Raises:
            ConfigError: The file is damaged.
        """
        ...

    def whole(self) -> Activity:
        """Return all of it as an activity.

        Raises:
            ConfigError: It is damaged, or does not fit in memory.
        """
        ...


def open_spikes(path: str | Path) -> SpikeRecord:
    """Return the spikes of an .npz file that ``save_spikes`` or `Activity.save` wrote.

    Raises:
        ConfigError: There is no such file, or it holds no spikes.
    """
    archive = ArrayArchive(path, MAX_BYTES)
    if "header" in archive.shapes:
        return HeldRecord(Path(path), Activity.load(path))
    if "format" in archive.shapes:
        return ListRecord(archive)
    raise archive.fault("holds no spikes; expected a file of `run --spikes` or of `Activity.save`")


def load_spikes(path: str | Path) -> Activity:
    """Return the spikes of an .npz file that ``save_spikes`` or `Activity.save` wrote.

    Args:
        path: The file.

    Raises:
        ConfigError: There is no such file, it holds no spikes, or they do not fit in memory.
    """
    record = open_spikes(path)
    return record.whole()


class HeldRecord:
    """An activity that is in memory; see `SpikeRecord`."""

    def __init__(self, path: Path, activity: Activity) -> None:
        self.path = path
        self._activity = activity
        self.populations = activity.populations
        self.graded = frozenset(activity.values)
        self.samples, self.steps = activity.samples, activity.steps

    def read(self, population: str, first: int, count: int) -> np.ndarray:
        """Return some samples of a population; see `SpikeRecord`."""
        part = self._activity.of_samples(first, count)
        return part.values[population] if population in self.graded else part.spikes(population)

    def whole(self) -> Activity:
        """Return the activity; see `SpikeRecord`."""
        return self._activity


class ListRecord:
    """Event lists as `SpikeWriter` writes them; see `SpikeRecord`."""

    def __init__(self, archive: ArrayArchive) -> None:
        """Read the header, and find where each sample begins.

        Raises:
            ConfigError: It is no such file, or numbers in it do not fit together.
        """
        self.path = archive.path
        self._archive = archive
        if self._scalar("format") != FORMAT:
            raise archive.fault(f"holds no spikes of this version, {FORMAT!r}")
        self.samples, self.steps = self._whole("samples"), self._whole("steps")
        self.network, self.inputs = str(self._scalar("network")), str(self._scalar("inputs"))
        names = [str(name) for name in self._small("populations", "U").reshape(-1)]
        if len(set(names)) < len(names):
            raise archive.fault("names a population twice")
        self.populations = {name: self._shape(name) for name in names}
        self.graded = frozenset(name for name in names if f"{name}/value" in archive.shapes)
        self._counted = [str(name) for name in self._small("counted", "U").reshape(-1)]
        self._columns = {
            (name, column): archive.rows(f"{name}/{column}")
            for name in names
            for column in ("sample", "step", "neuron", *(["value"] * (name in self.graded)))
        }
        self._starts = {
            name: find_starts(self._columns[name, "sample"], self.samples, self.path)
            for name in names
        }
        for (name, column), rows in self._columns.items():
            if rows.rows != self._starts[name][-1] or len(archive.shapes[f"{name}/{column}"]) != 1:
                raise archive.fault(f"array '{name}/{column}' is not one row for each event")

    def read(self, population: str, first: int, count: int) -> np.ndarray:
        """Return some samples of a population; see `SpikeRecord`."""
        size = prod(self.populations[population])
        if count * self.steps * size > MAX_CELLS:
            raise self._archive.fault(f"{count} samples of {population!r} do not fit in memory")
        graded = population in self.graded
        form = np.dtype(np.float32 if graded else np.bool_)
        spikes = np.zeros((count, self.steps, size), form)
        for sample in range(first, first + count):
            start, stop = self._starts[population][sample : sample + 2].tolist()
            step = self._numbers(population, "step", self.steps, (start, stop))
            neuron = self._numbers(population, "neuron", size, (start, stop))
            if graded:
                values = self._columns[population, "value"].read(start, stop - start)
                if values.dtype.kind != "f" or not np.all(np.isfinite(values)):
                    raise self._archive.fault(f"values of {population!r} are no finite numbers")
                spikes[sample - first, step, neuron] = values
            else:
                spikes[sample - first, step, neuron] = True
            if np.count_nonzero(spikes[sample - first]) != stop - start:
                message = f"sample {sample} of {population!r} has an event twice, or one of value 0"
                raise self._archive.fault(message)
        return spikes

    def whole(self) -> Activity:
        """Return all of it as an activity; see `SpikeRecord`."""
        cells = max((prod(shape) for shape in self.populations.values()), default=0)
        if self.samples * self.steps * cells // 8 > MAX_CELLS:
            raise self._archive.fault("does not fit in memory; it can be replayed sample by sample")
        rasters, values = {}, {}
        for name, shape in self.populations.items():
            width = -(-prod(shape) // 8)
            rasters[name] = np.zeros((self.samples, self.steps, width), np.uint8)
            if name in self.graded:
                values[name] = np.zeros((self.samples, self.steps, prod(shape)), np.float32)
            for sample in range(self.samples):
                events = self.read(name, sample, 1)[0]
                rasters[name][sample] = pack(events)
                if name in values:
                    values[name][sample] = events
        try:
            return Activity.from_rasters(
                self.populations,
                rasters,
                values,
                counted=self._counted,
                network=self.network,
                inputs=self.inputs,
            )
        except ConfigError as error:
            raise self._archive.fault(str(error)) from None

    def _numbers(self, name: str, column: str, most: int, rows: tuple[int, int]) -> np.ndarray:
        """Return numbers of steps or neurons of some events, which lie below ``most``."""
        values = self._columns[name, column].read(rows[0], rows[1] - rows[0])
        numbers = whole(values, f"`{name}/{column}`", self.path)
        if numbers.max(initial=0) >= most:
            message = f"`{name}/{column}` goes up to {numbers.max():,}, but there are {most:,}"
            raise self._archive.fault(message)
        return numbers

    def _small(self, name: str, kinds: str) -> np.ndarray:
        """Return an array of the header.

        Raises:
            ConfigError: It is missing, too large, or of another type.
        """
        archive = self._archive
        if name in archive.shapes:
            shape, dtype = archive.shapes[name], archive.dtypes[name]
            if dtype.kind in kinds and prod(shape) * dtype.itemsize <= MAX_HEADER_BYTES:
                return archive.read(name)
        raise archive.fault(f"holds no array {name!r} as `run --spikes` writes it")

    def _scalar(self, name: str) -> Any:
        value = self._small(name, "Ui")
        if value.shape != ():
            raise self._archive.fault(f"array {name!r} is {list(value.shape)}, expected one value")
        return value.item()

    def _whole(self, name: str) -> int:
        value = self._scalar(name)
        if not isinstance(value, int) or not 0 < value <= MOST_NUMBER:
            raise self._archive.fault(f"{name} is {value!r}, expected a whole number above 0")
        return value

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._small(f"{name}/shape", "i").reshape(-1).tolist())
        if not shape or min(shape) < 1 or prod(shape) > MOST_NUMBER:
            raise self._archive.fault(f"population {name!r} has shape {list(shape)}")
        return shape
