"""Epochs of training, with a checkpoint after each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.spec.train import TrainSpec
from chipletsim.training.batches import Batch
from chipletsim.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from chipletsim.training.loss import MappedLoss, Measures
from chipletsim.training.optimiser import make_optimiser, make_update
from chipletsim.training.parameters import Parameters
from chipletsim.training.split import Split

COLUMNS = (
    "epoch",
    "train_loss",
    "train_task_loss",
    "train_traffic_loss",
    "validation_loss",
    "validation_task_loss",
    "validation_traffic_loss",
    "validation_accuracy",
    "bits_across_dies_per_inference",
    "worst_link_bits_per_inference",
    "energy_per_inference_j",
)
"""Columns of ``metrics.csv``; the rates of populations follow. Bits, energies and rates are those
of the validation, in the training pass."""
VALIDATION_LOSS = COLUMNS.index("validation_loss")
MOST_VALIDATED = 256
"""Samples of the validation that run at once."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished training.

    Attributes:
        parameters: The parameters of the best epoch.
        best_epoch: Its number, from 1.
        epochs: Epochs done.
    """

    parameters: Parameters
    best_epoch: int
    epochs: int


class Trainer:
    """Trains a mapped network; its step is compiled once, for all weights of the traffic.

    Args:
        spec: The training file.
        loss: Its loss.
        split: Its samples.
        config_hash: Hash of all that the training depends on.

    Raises:
        ConfigError: There are fewer samples than a batch takes.
    """

    def __init__(self, spec: TrainSpec, loss: MappedLoss, split: Split, config_hash: str) -> None:
        self._spec = spec
        self._loss = loss
        self._split = split
        self._hash = config_hash
        batches = split.training.size // spec.optimiser.batch
        if not batches:
            message = f"a batch takes more than the {split.training.size:,} samples to train with"
            raise ConfigError([Problem(message, "optimiser.batch")])
        self._optimiser = make_optimiser(spec.optimiser, spec.optimiser.epochs * batches)
        self._update = make_update(loss, self._optimiser)
        self._measure = jax.jit(lambda *given: loss(*given)[1])

    def train(
        self,
        start: Parameters,
        traffic_weight: float,
        checkpoint: Path,
        after_epoch: Callable[[Progress], None],
    ) -> Trained:
        """Train from a start, or go on from a checkpoint.

        Args:
            start: Parameters before the first epoch.
            traffic_weight: Loss per bit or joule of the traffic.
            checkpoint: File to go on from if it is there; written after each epoch.
            after_epoch: Called then.

        Raises:
            ConfigError: The loss is no number any more; or a checkpoint is damaged.
            UsageError: A checkpoint is of another configuration.
        """
        progress = self._begin(start)
        if checkpoint.exists():
            progress = load_checkpoint(checkpoint, progress, self._hash)
        early = self._spec.early_stopping
        while not is_finished(
            progress.history[:, VALIDATION_LOSS],
            self._spec.optimiser.epochs,
            None if early is None else early.patience,
        ):
            progress = self._epoch(progress, np.float32(traffic_weight))
            save_checkpoint(checkpoint, progress, self._hash)
            after_epoch(progress)
        best = int(np.argmin(progress.history[:, VALIDATION_LOSS]))
        return Trained(progress.best, best + 1, progress.epoch)

    def _begin(self, start: Parameters) -> Progress:
        random = np.random.default_rng(self._spec.optimiser.seed).bit_generator.state
        populations = len(self._loss.compiled.network.populations)
        history = np.zeros((0, len(COLUMNS) + populations))
        return Progress(start, self._optimiser.init(start), start, dict(random), history)

    def _epoch(self, progress: Progress, traffic_weight: np.float32) -> Progress:
        """Return the training an epoch later."""
        random = np.random.Generator(np.random.PCG64())
        random.bit_generator.state = progress.random
        parameters, state = progress.parameters, progress.optimiser
        settings, measures = self._spec.optimiser, []
        shift = self._spec.data.shift
        for inputs, labels in self._split.training.shuffled(settings.batch, shift, random):
            parameters, state, each = self._update(
                parameters, state, traffic_weight, inputs, labels
            )
            measures.append((each, len(labels)))
        training = _mean(measures)
        validation = self._validated(parameters, traffic_weight)
        row = _row(progress.epoch + 1, training, validation)
        if not (np.all(np.isfinite(row)) and _all_finite(parameters)):
            message = (
                f"weights or losses are no numbers any more after epoch {progress.epoch + 1};"
                " a lower rate may help"
            )
            raise ConfigError([Problem(message, "optimiser.learning_rate")])
        least = progress.history[:, VALIDATION_LOSS].min(initial=np.inf)
        return replace(
            progress,
            parameters=parameters,
            optimiser=state,
            best=parameters if row[VALIDATION_LOSS] < least else progress.best,
            random=dict(random.bit_generator.state),
            history=np.vstack([progress.history, row]),
        )

    def _validated(self, parameters: Parameters, traffic_weight: np.float32) -> Measures:
        batches: Iterable[Batch] = self._split.validation.in_order(MOST_VALIDATED)
        return _mean(
            [
                (self._measure(parameters, traffic_weight, inputs, labels), len(labels))
                for inputs, labels in batches
            ]
        )


def is_finished(losses: np.ndarray, epochs: int, patience: int | None) -> bool:
    """Return whether a training is at its end.

    Args:
        losses: float64 [epochs done], of the validation.
        epochs: Epochs at most.
        patience: Epochs without a smaller loss after which to stop; None for no such end.

    Example:
        >>> [is_finished(np.array([3.0, 2.0, 2.5, 2.0][:done]), 9, 2) for done in range(5)]
        [False, False, False, False, True]
    """
    if len(losses) >= epochs:
        return True
    if patience is None or not len(losses):
        return False
    return len(losses) - (int(np.argmin(losses)) + 1) >= patience


def _all_finite(parameters: Parameters) -> bool:
    leaves = jax.device_get(jax.tree.leaves(parameters))
    return all(bool(np.all(np.isfinite(leaf))) for leaf in leaves)


def _mean(measures: list[tuple[Measures, int]]) -> Measures:
    """Return the means over all samples, in float64 on the host."""
    weights = np.array([size for _, size in measures], np.float64)
    columns = zip(*jax.device_get([each for each, _ in measures]), strict=True)
    return Measures(*(_weighted(column, weights) for column in columns))


def _weighted(column: Any, weights: np.ndarray) -> Any:
    return np.average(np.asarray(column, np.float64), axis=0, weights=weights)


def _row(epoch: int, training: Measures, validation: Measures) -> np.ndarray:
    """Return one row of the history, float64."""
    numbers = [
        epoch,
        training.loss,
        training.task_loss,
        training.traffic_loss,
        validation.loss,
        validation.task_loss,
        validation.traffic_loss,
        validation.accuracy,
        validation.die_to_die_bits,
        validation.worst_link_bits,
        validation.energy_j,
    ]
    return np.concatenate([np.array(numbers, np.float64), np.asarray(validation.rates)])
