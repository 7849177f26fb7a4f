"""Samples of an .npz file, encoded batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.engine.encode import channels_of, encode, over_time
from chipletsim.engine.inputs import DatasetReader, check_dataset, input_populations
from chipletsim.errors import ConfigError
from chipletsim.inputs.stream import parts
from chipletsim.network.model import Network
from chipletsim.spec.experiment import DatasetInputsSpec, DirectEncoding, OnceEncoding


class DatasetSamples:
    """The samples of a data set; see `SampleStream`.

    Args:
        path: The file.
        spec: What of it is fed, and how.
        network: A network with one input population.

    Raises:
        ConfigError: There is no such file, or it does not fit the network.
    """

    def __init__(self, path: Path, spec: DatasetInputsSpec, network: Network) -> None:
        self._path = path
        self._spec = spec
        self._reader = DatasetReader(path, spec.samples)
        self._population = input_populations(network)[0]
        encoding = spec.encoding
        self._located(
            check_dataset,
            self._reader,
            network,
            over_time=over_time(encoding),
            channels=channels_of(encoding),
        )
        self.samples, self.steps = self._reader.samples, spec.steps
        self.labels = self._reader.labels
        cell = 4 if isinstance(encoding, DirectEncoding | OnceEncoding) else 1
        self.sample_bytes = cell * spec.steps * self._population.size

    @property
    def notes(self) -> list[str]:
        """Nothing: every value is fed; see `SampleStream`."""
        return []

    def batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the events of the samples; see `SampleStream`."""
        encoding, steps = self._spec.encoding, self.steps
        for first, number in parts(self.samples, count):
            values = self._reader.read(first, number)
            coded = self._located(encode, values, encoding, steps, first_sample=first)
            yield {self._population.name: coded.reshape(number, steps, -1)}

    def _located(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """Call a function; its errors name the file."""
        try:
            return function(*arguments, **options)
        except ConfigError as error:
            path = str(self._path)
            named = [replace(fault, file=fault.file or path) for fault in error.problems]
            raise ConfigError(named) from None
