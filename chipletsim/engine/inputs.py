"""Inputs of a network: checked, of one form, with a fingerprint; and datasets to make them of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.engine.archive import MAX_FILE_BYTES, ArrayArchive
from chipletsim.engine.compile import is_graded
from chipletsim.engine.poisson import PoissonSource
from chipletsim.errors import ConfigError, Problem
from chipletsim.network.model import Network, Population

Events = np.ndarray | PoissonSource
"""[samples, steps, *shape], held or drawn window by window."""
Inputs = Events | Mapping[str, Events]
MAX_STREAM_BYTES = 1 << 50
"""Bytes that the arrays of a file may take where they are read in pieces."""
_CHUNK_ROWS = 1 << 24
"""Elements that are hashed at a time."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples from a file.

    Attributes:
        inputs: Numbers [samples, ...], as in the file.
        labels: int64 [samples], or None where the file has none.
    """

    inputs: np.ndarray
    labels: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the inputs, [samples, ...]."""
        return self.inputs.shape


def load_dataset(
    path: str | Path, samples: int | None = None, *, max_bytes: int = MAX_FILE_BYTES
) -> Dataset:
    """Return the samples of an .npz file with arrays ``inputs`` and, maybe, ``labels``.

    Args:
        path: The file.
        samples: How many to keep, the first ones; None for all.
        max_bytes: Bytes that the arrays of the file may take.

    Raises:
        ConfigError: There is no such file, its arrays have the wrong form, or it holds
            fewer samples.
    """
    reader = DatasetReader(path, samples, max_bytes=max_bytes)
    return Dataset(reader.read(0, reader.samples), reader.labels)


class DatasetReader:
    """The samples of an .npz file, read some at a time, so that they need not fit in memory.

    Args:
        path: The file.
        samples: How many there should be, the first ones; None for all.
        max_bytes: Bytes that the arrays of the file may take.

    Attributes:
        samples: Number of samples.
        shape: Shape of the array of all samples, [samples, ...].
        labels: int64 [samples], or None where the file has none.

    Raises:
        ConfigError: As ``load_dataset``.
    """

    def __init__(
        self, path: str | Path, samples: int | None = None, *, max_bytes: int = MAX_STREAM_BYTES
    ) -> None:
        self._archive = archive = ArrayArchive(path, max_bytes)
        self._rows = archive.rows("inputs")
        shape, dtype = archive.shapes["inputs"], archive.dtypes["inputs"]
        if len(shape) < 2 or dtype.kind not in "bufi":
            raise archive.fault(f"inputs are {dtype} {list(shape)}, not [samples, ...]")
        if not prod(shape):
            raise archive.fault(f"holds no samples: inputs are {list(shape)}")
        if samples is not None and samples > shape[0]:
            raise archive.fault(f"holds {shape[0]} samples, but {samples} are asked for")
        self.samples = shape[0] if samples is None else samples
        self.shape = (self.samples, *shape[1:])
        self.labels = _labels(archive, shape[0])
        if self.labels is not None:
            self.labels = self.labels[: self.samples]

    def read(self, first: int, count: int) -> np.ndarray:
        """Return samples ``first`` to ``first + count``: [count, ...], numbers as in the file.

        Raises:
            ConfigError: The file is damaged, or holds NaN or infinite values.
        """
        inputs = self._rows.read(first, count)
        if inputs.dtype.kind == "f" and not np.all(np.isfinite(inputs)):
            raise self._archive.fault("inputs hold NaN or infinite values")
        return inputs


def _labels(archive: ArrayArchive, samples: int) -> np.ndarray | None:
    """Return int64 [samples], or None where a file has no labels."""
    if "labels" not in archive.shapes:
        return None
    shape, dtype = archive.shapes["labels"], archive.dtypes["labels"]
    if shape != (samples,) or dtype.kind not in "ui":
        raise archive.fault(
            f"labels are {dtype} {list(shape)}, expected one integer for each input"
        )
    return archive.read("labels").astype(np.int64)


def check_dataset(
    dataset: Dataset | DatasetReader, network: Network, *, over_time: bool, channels: int = 1
) -> None:
    """Check that samples fit the input population, and labels the output population.

    Args:
        dataset: The samples.
        network: A network with one input population.
        over_time: Whether inputs are [samples, steps, ...] instead of [samples, ...].
        channels: Channels that the encoding makes of each value.

    Raises:
        ConfigError: Inputs have another size, or a label names no output neuron.
    """
    population = input_populations(network)[0]
    leading = ["samples", "steps"] if over_time else ["samples"]
    shape = dataset.shape
    if channels * prod(shape[len(leading) :]) != population.size:
        expected = ", ".join([*leading, *map(str, population.shape)])
        each = f", {channels} channels for each value" if channels > 1 else ""
        raise ConfigError(
            f"inputs are {list(shape)}, but population {population.name!r} takes [{expected}]{each}"
        )
    outputs = [one for one in network.populations if one.output]
    if dataset.labels is None or len(outputs) != 1:
        return
    low, high = dataset.labels.min(), dataset.labels.max()
    if low < 0 or high >= outputs[0].size:
        raise ConfigError(
            f"labels go from {low} to {high}, but output population {outputs[0].name!r} has"
            f" {outputs[0].size:,} neurons, from 0 to {outputs[0].size - 1:,}"
        )


def of_samples(events: Events, first: int, count: int) -> Events:
    """Return the events of ``count`` samples from ``first`` on, or of as many as there are."""
    if isinstance(events, PoissonSource):
        return events.of_samples(first, count)
    return events[first : first + count]


def input_populations(network: Network) -> list[Population]:
    """Return the input populations, in the network's order."""
    return [population for population in network.populations if population.model == "input"]


def prepare_inputs(network: Network, inputs: Inputs) -> dict[str, Events]:
    """Return the inputs in the form the engine takes, by input population in order.

    Args:
        network: The network.
        inputs: Population name to [samples, steps, *shape], or to [samples, steps,
            neurons]; the array itself where there is one input population. Spikes are bool,
            or numbers 0 and 1; graded events (``value_bits`` above 0) are any finite
            numbers. Sources that are drawn window by window are kept as they are.

    Returns:
        Population name to bool or float32 [samples, steps, *shape].

    Raises:
        ConfigError: With every fault found.
    """
    populations = input_populations(network)
    given = _by_name(populations, inputs)
    problems: list[Problem] = []
    arrays: dict[str, Events] = {}
    for population in populations:
        source = given[population.name]
        if isinstance(source, PoissonSource):
            message = _source_fault(population, source)
            arrays[population.name] = source
            problems += [Problem(message, f"inputs.{population.name}")] if message else []
            continue
        array = np.asarray(source)
        message = _fault(population, array)
        if message:
            problems.append(Problem(message, f"inputs.{population.name}"))
            continue
        form = np.float32 if is_graded(population) else np.bool_
        arrays[population.name] = array.astype(form, copy=False).reshape(
            *array.shape[:2], *population.shape
        )
    rows = {array.shape[:2] for array in arrays.values()}
    if len(rows) > 1:
        problems.append(Problem(f"inputs differ in samples and steps: {sorted(rows)}", "inputs"))
    if problems:
        raise ConfigError(problems)
    return arrays


def inputs_fingerprint(network: Network, inputs: Inputs) -> str:
    """Return the SHA-256 of inputs in the form the engine takes, in hexadecimal.

    Raises:
        ConfigError: The inputs do not fit the network.
    """
    return prepared_fingerprint(prepare_inputs(network, inputs))


def prepared_fingerprint(arrays: Mapping[str, Events]) -> str:
    """Return the SHA-256 of what ``prepare_inputs`` returns, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        if isinstance(array, PoissonSource):
            digest.update(array.identity.encode())
            continue
        flat = array.reshape(-1)
        for start in range(0, flat.size, _CHUNK_ROWS):
            part = flat[start : start + _CHUNK_ROWS]
            digest.update((np.packbits(part) if part.dtype == np.bool_ else part).data)
    return digest.hexdigest()


def _by_name(populations: list[Population], inputs: Inputs) -> dict[str, Any]:
    """Return inputs by name, one for each input population."""
    names = [population.name for population in populations]
    if not names:
        raise ConfigError("the network has no input population, so there is nothing to simulate")
    if not isinstance(inputs, Mapping):
        if len(names) > 1:
            raise ConfigError(f"give inputs by name: the network has input populations {names}")
        return {names[0]: inputs}
    problems = [
        Problem(f"there is no input population {name!r}; there are: {', '.join(names)}", "inputs")
        for name in inputs
        if name not in names
    ]
    problems += [Problem("missing", f"inputs.{name}") for name in names if name not in inputs]
    if problems:
        raise ConfigError(problems)
    return dict(inputs)


def _fault(population: Population, array: np.ndarray) -> str | None:
    """Return what is wrong with the inputs of a population, or None."""
    if array.dtype.kind not in "buif":
        return f"must be numbers, not {array.dtype}"
    shapes = (tuple(population.shape), (population.size,))
    if array.ndim < 3 or array.shape[2:] not in shapes:
        expected = f"[samples, steps, {', '.join(map(str, population.shape))}]"
        return f"shape is {list(array.shape)}, expected {expected}"
    if prod(array.shape) == 0:
        return f"shape is {list(array.shape)}: there must be at least one sample and one step"
    return _value_fault(population, array)


def _source_fault(population: Population, source: PoissonSource) -> str | None:
    """Return what is wrong with a source of a population, or None."""
    if source.shape[2:] != tuple(population.shape):
        return f"has channels {list(source.shape[2:])}, expected {list(population.shape)}"
    if source.counts != is_graded(population):
        kind = "spikes" if source.counts else "values"
        return f"the population takes {kind}, but the source draws another kind of events"
    if source.counts and source.largest >= 2**population.value_bits:
        needed = int(source.largest).bit_length()
        return (
            f"up to {source.largest} events in a step do not fit {population.value_bits} bit;"
            f" give the population value_bits: {needed}"
        )
    return None


def _value_fault(population: Population, array: np.ndarray) -> str | None:
    """Return what is wrong with the values of inputs of the right shape, or None."""
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        return "holds NaN or infinite values"
    if population.steps is not None and np.any(array[:, population.steps :]):
        return f"must be 0 after the first {population.steps} steps, in which the input is fed"
    if is_graded(population) or array.dtype == np.bool_ or _zeros_and_ones(array):
        return None
    return "spikes must be 0 or 1; give the population value_bits for graded events"


def _zeros_and_ones(array: np.ndarray) -> bool:
    return bool(np.all((array == 0) | (array == 1)))
