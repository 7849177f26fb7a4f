"""The data of a training: samples to train with, to choose by, and to judge by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chipletsim.engine.encode import channels_of, encode, over_time
from chipletsim.engine.inputs import Dataset, check_dataset, input_populations, load_dataset
from chipletsim.errors import ConfigError, Problem
from chipletsim.network.model import Network
from chipletsim.spec.train import TrainDataSpec
from chipletsim.training.batches import Samples
from chipletsim.training.mnist import split_mnist

SPLIT_SEED = 0
"""Draws the validation share, so that it is the same for all seeds of the training."""


class Split(NamedTuple):
    """Samples by what they are for.

    Attributes:
        training: Those that the weights follow.
        validation: Those that choose the best epoch.
        test: Those of the final figures.
        held_out: Whether those of the final figures chose nothing.
    """

    training: Samples
    validation: Samples
    test: Samples
    held_out: bool


def make_split(spec: TrainDataSpec, base: Path, network: Network) -> Split:
    """Return the samples of a training file, checked against its network.

    Args:
        spec: The section `data`.
        base: Folder that its paths are relative to.
        network: A network with one input and one output population.

    Raises:
        ConfigError: A file is missing or damaged, has no labels, or does not fit.
        UsageError: The samples come from an extra that is not installed.
    """
    read = _Reader(spec, network)
    test = None
    if spec.dataset is None:
        first, test = (read.checked(*each, "data.builtin") for each in split_mnist())
        whole = first.chosen(slice(spec.samples))
    else:
        whole = read.file(base / spec.dataset, spec.samples)
        test = None if spec.test is None else read.file(base / spec.test.dataset)
    if isinstance(spec.validation, float):
        training, validation = _shares(whole, spec.validation)
    else:
        training, validation = whole, read.file(base / spec.validation.dataset)
    _check_shift(spec, training)
    return Split(training, validation, validation if test is None else test, test is not None)


class _Reader:
    """Reads samples and checks them against a network."""

    def __init__(self, spec: TrainDataSpec, network: Network) -> None:
        self.spec = spec
        self.network = network

    def file(self, path: Path, samples: int | None = None) -> Samples:
        """Return the samples of a file."""
        dataset = load_dataset(path, samples)
        if dataset.labels is None:
            raise ConfigError([Problem("holds no labels, which training needs", file=str(path))])
        return self.checked(dataset.inputs, dataset.labels, str(path))

    def checked(self, inputs: np.ndarray, labels: np.ndarray, origin: str) -> Samples:
        """Return samples that fit the network and their encoding."""
        encoding = self.spec.encoding
        frames = over_time(encoding)
        dataset = Dataset(inputs, labels.astype(np.int64))
        try:
            channels = channels_of(encoding)
            check_dataset(dataset, self.network, over_time=frames, channels=channels)
            encode(inputs, encoding, self.spec.steps if frames else 1)
        except ConfigError as error:
            named = [replace(fault, file=fault.file or origin) for fault in error.problems]
            raise ConfigError(named) from None
        shape = tuple(input_populations(self.network)[0].shape)
        return Samples(inputs, labels.astype(np.int64), self.spec.encoding, self.spec.steps, shape)


def _shares(whole: Samples, share: float) -> tuple[Samples, Samples]:
    """Return the samples without a drawn share, and the share; both in their order."""
    count = round(whole.size * share)
    if not 0 < count < whole.size:
        message = f"{share:g} of {whole.size:,} samples leaves none to train with or to choose by"
        raise ConfigError([Problem(message, "data.validation")])
    order = np.random.default_rng(SPLIT_SEED).permutation(whole.size)
    return whole.chosen(np.sort(order[count:])), whole.chosen(np.sort(order[:count]))


def _check_shift(spec: TrainDataSpec, training: Samples) -> None:
    shape = training.inputs.shape
    if spec.shift and (over_time(spec.encoding) or len(shape) != 4):
        message = (
            "only images [channels, height, width] can be shifted; "
            f"samples have shape {list(shape[1:])}"
        )
        raise ConfigError([Problem(message, "data.shift")])
