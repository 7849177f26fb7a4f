"""Checkpoints: everything that the next epoch depends on, in one .npz file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from chipletsim.engine.archive import ArrayArchive
from chipletsim.errors import UsageError
from chipletsim.training.parameters import Parameters
from chipletsim.whole_files import whole_file


@dataclass(frozen=True, eq=False)
class Progress:
    """A training between two epochs.

    Attributes:
        parameters: What is trained.
        optimiser: State of the optimiser, any pytree of arrays.
        best: The parameters of the least loss of the validation; at first those at the start.
        random: State of the generator, as ``numpy.random.PCG64.state`` gives it.
        history: float64 [epochs done, columns], see ``chipletsim.training.loop.COLUMNS``.
    """

    parameters: Parameters
    optimiser: Any
    best: Parameters
    random: dict[str, Any]
    history: np.ndarray

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)


def save_checkpoint(path: Path, progress: Progress, config_hash: str) -> None:
    """Write a checkpoint; an interruption leaves the one before.

    Args:
        path: File to write, in an existing folder.
        progress: The training.
        config_hash: Hash of all that it depends on.

    Raises:
        UsageError: The file cannot be written.
    """
    leaves = jax.device_get(jax.tree.leaves(_state(progress)))
    arrays = {f"leaf_{number}": leaf for number, leaf in enumerate(leaves)}
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(
            file,
            history=progress.history,
            random=np.array(json.dumps(progress.random)),
            config_hash=np.array(config_hash),
            **arrays,
        )
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path, start: Progress, config_hash: str) -> Progress:
    """Return the training kept in a file.

    Args:
        path: The checkpoint.
        start: The training before its first epoch, which gives the structure.
        config_hash: Hash of all that it depends on.

    Raises:
        ConfigError: The file is damaged.
        UsageError: It is of another configuration.
    """
    archive = ArrayArchive(path)
    kept = str(archive.read("config_hash"))
    if kept != config_hash:
        raise UsageError(
            f"{path} is of another configuration ({kept[:8]}, not {config_hash[:8]}): resume with"
            " the file and options that it was made with, or begin anew with force"
        )
    leaves, structure = jax.tree.flatten(_state(start))
    found = [archive.read(f"leaf_{number}") for number in range(len(leaves))]
    for given, leaf in zip(found, leaves, strict=True):
        if given.shape != np.shape(leaf) or given.dtype != np.asarray(leaf).dtype:
            raise archive.fault("holds arrays of other shapes than this training")
    parameters, optimiser, best = jax.tree.unflatten(structure, found)
    random = json.loads(str(archive.read("random")))
    return Progress(parameters, optimiser, best, random, archive.read("history"))


def _state(progress: Progress) -> tuple[Any, ...]:
    return progress.parameters, progress.optimiser, progress.best
