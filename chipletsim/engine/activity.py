"""Activity: who spiked when. It belongs to a network, never to a mapping."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chipletsim.engine.activity_arrays import (
    Recorded,
    check_arrays,
    check_counts,
    check_recorded,
    check_updates,
    feed,
    flat_events,
    joined,
    joined_recorded,
    part_of,
)
from chipletsim.engine.archive import ArrayArchive
from chipletsim.engine.raster import add_class_counts, add_value_counts, count_totals, pack, totals
from chipletsim.errors import ConfigError, UsageError
from chipletsim.tables import render, table
from chipletsim.whole_files import whole_file

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Activity:
    """Spikes of every neuron in every step of every sample.

    Attributes:
        network: Fingerprint of the (lowered) network that produced it.
        inputs: Fingerprint of the inputs.
        populations: Population name to shape, in the network's order.
        samples: Number of samples.
        steps: Number of time steps.
        rasters: Population name to uint8 [samples, steps, ceil(neurons / 8)], one bit
            a neuron, little bit order; a set bit is an event. For graded populations an
            event is a non-zero value, for counting ones at least one spike.
        values: Population name to float32 [samples, steps, neurons], graded and counting ones
            only.
        updates: Population name to uint8 [samples, steps, ceil(neurons / 8)], packed as
            rasters are: which neurons did work in a step. Of populations whose model tells
            it (``NeuronModel.tells_updates``), and of the inputs beside them.
        recorded: Population name to state name to float32 or float64 [samples, steps,
            neurons]: states after each step, those that were asked for.
        counted: Populations whose values are whole numbers of spikes: a value of z is z events
            wherever events are counted.
    """

    network: str
    inputs: str
    populations: dict[str, tuple[int, ...]]
    samples: int
    steps: int
    rasters: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    updates: dict[str, np.ndarray] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=dict)
    counted: tuple[str, ...] = ()

    @classmethod
    def from_rasters(
        cls,
        populations: Mapping[str, tuple[int, ...]],
        rasters: Mapping[str, np.ndarray],
        values: Mapping[str, np.ndarray] | None = None,
        *,
        updates: Mapping[str, np.ndarray] | None = None,
        recorded: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        counted: Sequence[str] = (),
        network: str = "",
        inputs: str = "",
    ) -> Activity:
        """Return the activity of bit-packed rasters.

        Args:
            populations: Population name to shape.
            rasters: Population name to uint8 [samples, steps, ceil(neurons / 8)].
            values: Graded population name to float32 [samples, steps, neurons].
            updates: As the attribute.
            recorded: As the attribute.
            counted: As the attribute.
            network: Fingerprint of the network.
            inputs: Fingerprint of the inputs.

        Raises:
            ConfigError: An array has the wrong shape or type, or a bit beyond the last
                neuron is set; or a count is no whole number of at least 0.
        """
        values = dict(values or {})
        updates, states = dict(updates or {}), {k: dict(v) for k, v in (recorded or {}).items()}
        check_arrays(populations, rasters, values)
        samples, steps = next(iter(rasters.values())).shape[:2] if rasters else (0, 0)
        check_updates(populations, updates, (samples, steps))
        check_recorded(populations, states, (samples, steps))
        check_counts(values, counted)
        return cls(
            network=network,
            inputs=inputs,
            populations={name: tuple(shape) for name, shape in populations.items()},
            samples=samples,
            steps=steps,
            rasters={name: rasters[name] for name in populations},
            values=values,
            updates=updates,
            recorded=states,
            counted=tuple(name for name in populations if name in counted),
        )

    @classmethod
    def from_spikes(
        cls,
        populations: Mapping[str, tuple[int, ...]],
        spikes: Mapping[str, np.ndarray],
        *,
        updates: Mapping[str, np.ndarray] | None = None,
        recorded: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        counted: Sequence[str] = (),
        network: str = "",
        inputs: str = "",
    ) -> Activity:
        """Return the activity of unpacked spikes or values.

        Args:
            populations: Population name to shape.
            spikes: Population name to [samples, steps, *shape]; bool, or integers 0 and 1,
                for spikes; float32 for graded events; whole numbers for counts.
            updates: Population name to bool [samples, steps, *shape]: who did work.
            recorded: Population name to state name to float [samples, steps, *shape].
            counted: Populations whose neurons may spike several times in a step.
            network: Fingerprint of the network.
            inputs: Fingerprint of the inputs.

        Raises:
            ConfigError: As ``from_rasters``; or a population is missing, or spikes more than
                once in a step and is not counted.
        """
        missing = [name for name in populations if name not in spikes]
        if missing:
            raise ConfigError(f"there are no spikes of populations {missing}")
        flat = {
            name: flat_events(np.asarray(spikes[name]), populations[name], name in counted)
            for name in populations
        }
        values = {
            name: array.astype(np.float32)
            for name, array in flat.items()
            if name in counted or np.issubdtype(array.dtype, np.floating)
        }
        rasters = {name: pack(array) for name, array in flat.items()}
        return cls.from_rasters(
            populations,
            rasters,
            values,
            updates={
                name: pack(flat_events(np.asarray(array), populations[name]))
                for name, array in (updates or {}).items()
            },
            recorded={
                name: {state: flat_events(array, populations[name]) for state, array in of.items()}
                for name, of in (recorded or {}).items()
            },
            counted=counted,
            network=network,
            inputs=inputs,
        )

    @property
    def neurons(self) -> int:
        """Number of neurons, input channels included."""
        return sum(prod(shape) for shape in self.populations.values())

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        plain = (self.rasters, self.values, self.updates, *self.recorded.values())
        return sum(array.nbytes for arrays in plain for array in arrays.values())

    @cached_property
    def totals(self) -> dict[str, np.ndarray]:
        """Population name to int64 [neurons], events over all samples and steps."""
        return {
            name: count_totals(self.values[name])
            if name in self.counted
            else totals(self.rasters[name], prod(shape))
            for name, shape in self.populations.items()
        }

    @property
    def total_events(self) -> int:
        """Events of all neurons over all samples and steps."""
        return sum(int(total.sum()) for total in self.totals.values())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything in it, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self._header(), sort_keys=True).encode())
        for arrays in (self.rasters, self.values):
            feed(digest, arrays)
        feed(digest, self.updates, "updates of ")
        for name in sorted(self.recorded):
            feed(digest, self.recorded[name], f"states of {name}: ")
        return digest.hexdigest()

    def spikes(self, population: str) -> np.ndarray:
        """Return bool [samples, steps, neurons]: which neurons of a population have an event.

        Raises:
            UsageError: There is no such population.
        """
        return self._unpacked(self.rasters[self._known(population)], population)

    def counts(self, population: str) -> np.ndarray:
        """Return int64 [samples, steps, neurons]: events of each neuron of a population.

        Raises:
            UsageError: There is no such population.
        """
        if self._known(population) in self.counted:
            return self.values[population].astype(np.int64)
        return self.spikes(population).astype(np.int64)

    def updated(self, population: str) -> np.ndarray:
        """Return bool [samples, steps, neurons]: which neurons of a population did work.

        Raises:
            UsageError: There is no such population, or its updates are not told.
        """
        if self._known(population) not in self.updates:
            raise UsageError(f"the model of population {population!r} does not tell updates")
        return self._unpacked(self.updates[population], population)

    def rates(self) -> dict[str, np.ndarray]:
        """Return population name to float64 [neurons]: mean events per sample and step."""
        rows = max(self.samples * self.steps, 1)
        return {name: total / rows for name, total in self.totals.items()}

    def class_counts(self, neuron_class: np.ndarray, n_classes: int) -> np.ndarray:
        """Return int64 [samples, steps, n_classes]: events of each class of neurons.

        The work grows with the events (and with one look at each byte of the raster);
        temporary arrays stay within a few tens of megabytes.

        Args:
            neuron_class: int32 [neurons], class of each neuron in the network's
                numbering; -1 leaves a neuron out.
            n_classes: Number of classes.

        Raises:
            UsageError: ``neuron_class`` has another length, or a class is out of range.
        """
        neuron_class = np.asarray(neuron_class)
        if neuron_class.shape != (self.neurons,):
            given = list(neuron_class.shape)
            raise UsageError(f"neuron_class has shape {given}, expected [{self.neurons}]")
        if neuron_class.size and not -1 <= neuron_class.min() <= neuron_class.max() < n_classes:
            raise UsageError(f"classes must lie in -1..{n_classes - 1}")
        counts = np.zeros((self.samples * self.steps, n_classes), np.int64)
        first = 0
        for name, shape in self.populations.items():
            classes = neuron_class[first : first + prod(shape)].astype(np.int64)
            if name in self.counted:
                add_value_counts(counts, self.values[name].reshape(-1, prod(shape)), classes)
            else:
                raster = self.rasters[name].reshape(-1, self.rasters[name].shape[-1])
                add_class_counts(counts, raster, classes)
            first += prod(shape)
        return counts.reshape(self.samples, self.steps, n_classes)

    def of_samples(self, first: int, count: int) -> Activity:
        """Return the activity of ``count`` samples from ``first`` on."""
        chosen = slice(first, first + count)
        samples = len(range(self.samples)[chosen])
        return replace(
            self,
            samples=samples,
            rasters=part_of(self.rasters, chosen),
            values=part_of(self.values, chosen),
            updates=part_of(self.updates, chosen),
            recorded={name: part_of(of, chosen) for name, of in self.recorded.items()},
        )

    def save(self, path: str | Path) -> None:
        """Write it to an .npz file, which ``load`` reads.

        Raises:
            UsageError: The file cannot be written; what was there before stays.
        """
        header = np.frombuffer(json.dumps(self._header()).encode(), np.uint8)
        arrays = {"header": header}
        for position, name in enumerate(self.populations):
            arrays[f"raster_{position}"] = self.rasters[name]
            if name in self.values:
                arrays[f"values_{position}"] = self.values[name]
            if name in self.updates:
                arrays[f"updates_{position}"] = self.updates[name]
            for state, array in self.recorded.get(name, {}).items():
                arrays[f"recorded_{position}_{state}"] = array
        with whole_file(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Activity:
        """Return what ``save`` wrote.

        Sizes are checked before anything large is read, and no pickle is opened.

        Raises:
            ConfigError: There is no such file, or it holds no activity.
        """
        archive = ArrayArchive(path)
        header = _read_header(archive)
        populations = {name: tuple(shape) for name, shape in header["populations"]}
        rasters, values, updates = {}, {}, {}
        recorded: Recorded = {}
        for position, name in enumerate(populations):
            rasters[name] = archive.read(f"raster_{position}")
            if f"values_{position}" in archive.shapes:
                values[name] = archive.read(f"values_{position}")
            if f"updates_{position}" in archive.shapes:
                updates[name] = archive.read(f"updates_{position}")
            prefix = f"recorded_{position}_"
            for key in archive.shapes:
                if key.startswith(prefix):
                    recorded.setdefault(name, {})[key.removeprefix(prefix)] = archive.read(key)
        names = {"network": header["network"], "inputs": header["inputs"]}
        try:
            return cls.from_rasters(
                populations,
                rasters,
                values,
                updates=updates,
                recorded=recorded,
                counted=header.get("counted", ()),
                **names,
            )
        except ConfigError as error:
            raise archive.fault(str(error)) from None

    @classmethod
    def concatenate(
        cls, parts: Sequence[Activity], axis: Literal["samples", "steps"] = "steps"
    ) -> Activity:
        """Return several activities of one network as one.

        Args:
            parts: At least one; they agree in everything but the length of ``axis``.
            axis: Axis along which they follow one another.

        Raises:
            UsageError: There are none, or they do not fit together.
        """
        if not parts:
            raise UsageError("there are no activities to concatenate")
        first, number = parts[0], ("samples", "steps").index(axis)
        other = ("steps", "samples")[number]
        for part in parts[1:]:
            if part._form(other) != first._form(other):
                raise UsageError(f"activities to concatenate along {axis} do not fit together")
        sources = list(dict.fromkeys(part.inputs for part in parts))
        inputs = hashlib.sha256(" ".join(sources).encode()).hexdigest()
        return cls(
            network=first.network,
            inputs=sources[0] if len(sources) == 1 else inputs,
            populations=first.populations,
            samples=sum(part.samples for part in parts) if number == 0 else first.samples,
            steps=sum(part.steps for part in parts) if number == 1 else first.steps,
            rasters=joined([part.rasters for part in parts], number),
            values=joined([part.values for part in parts], number),
            updates=joined([part.updates for part in parts], number),
            recorded=joined_recorded([part.recorded for part in parts], number),
            counted=first.counted,
        )

    def _form(self, axis: str) -> tuple[object, ...]:
        """Return what activities agree in that follow one another along the other axis."""
        kept = (set(self.values), set(self.updates), {k: set(v) for k, v in self.recorded.items()})
        return (self.network, self.populations, getattr(self, axis), self.counted, *kept)

    def _header(self) -> dict[str, Any]:
        counted = {"counted": list(self.counted)} if self.counted else {}
        return counted | {
            "chipletsim_activity": FORMAT,
            "network": self.network,
            "inputs": self.inputs,
            "populations": [[name, list(shape)] for name, shape in self.populations.items()],
        }

    def _unpacked(self, raster: np.ndarray, population: str) -> np.ndarray:
        size = prod(self.populations[population])
        return np.unpackbits(raster, axis=-1, count=size, bitorder="little").view(bool)

    def _known(self, population: str) -> str:
        if population not in self.populations:
            known = ", ".join(self.populations)
            raise UsageError(f"there is no population {population!r}; there are: {known}")
        return population

    def __repr__(self) -> str:
        return (
            f"Activity({self.samples} samples, {self.steps} steps, {self.neurons:,} neurons, "
            f"{self.total_events:,} events, network {self.network[:8] or '-'})"
        )

    def __str__(self) -> str:
        rows = []
        for name, shape in self.populations.items():
            events, cells = int(self.totals[name].sum()), self.samples * self.steps * prod(shape)
            rows.append((name, prod(shape), events, f"{events / max(cells, 1):.4g}"))
        title = f"Activity of {self.samples} samples x {self.steps} steps"
        columns = ("population", "neurons", "events", "events per neuron and step")
        return render(table(title, columns, rows))


def _read_header(archive: ArrayArchive) -> dict[str, Any]:
    """Return the checked header of an activity file."""
    try:
        header = json.loads(archive.read("header").tobytes())
        shapes = [shape for _, shape in header["populations"]]
        sizes = [int(size) for shape in shapes for size in shape]
        texts = all(isinstance(header[key], str) for key in ("network", "inputs"))
        texts = texts and all(isinstance(name, str) for name in header.get("counted", []))
        if header["chipletsim_activity"] == FORMAT and texts and all(size > 0 for size in sizes):
            return header
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise archive.fault("holds no activity of this version")
