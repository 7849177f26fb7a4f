"""The arrays of an activity while windows of it are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.engine.compile import is_graded
from chipletsim.engine.outputs import Outputs
from chipletsim.engine.record import RecordedStates
from chipletsim.network.model import Network
from chipletsim.network.neurons import NEURON_MODELS


@dataclass(frozen=True, eq=False)
class Buffers:
    """What some steps of all samples give; values of graded populations alone, and so on."""

    rasters: tuple[np.ndarray, ...]
    values: tuple[np.ndarray | None, ...]
    updates: tuple[np.ndarray | None, ...]
    recorded: tuple[dict[str, np.ndarray], ...]

    @classmethod
    def empty(cls, network: Network, recorded: RecordedStates, samples: int, steps: int) -> Buffers:
        """Return buffers of a network, for the states that are recorded too."""
        bits = [(samples, steps, -(-each.size // 8)) for each in network.populations]
        numbers = [(samples, steps, each.size) for each in network.populations]
        models = [NEURON_MODELS[each.model] for each in network.populations]
        return cls(
            tuple(np.empty(shape, np.uint8) for shape in bits),
            tuple(
                np.empty(shape, np.float32) if is_graded(each) else None
                for each, shape in zip(network.populations, numbers, strict=True)
            ),
            tuple(
                np.empty(shape, np.uint8) if model.tells_updates else None
                for model, shape in zip(models, bits, strict=True)
            ),
            tuple(
                {name: np.empty(shape, model.dtype) for name in recorded.get(each.name, ())}
                for each, model, shape in zip(network.populations, models, numbers, strict=True)
            ),
        )

    def store(self, rows: slice, columns: slice, outputs: Outputs) -> None:
        """Copy what a window gave, its padding cut off."""
        for own, given in (
            (self.rasters, outputs.rasters),
            (self.values, outputs.values),
            (self.updates, outputs.updates),
        ):
            for target, source in zip(own, given, strict=bool(given)):
                if target is not None:
                    _copy(target, rows, columns, source)
        for kept, states in zip(self.recorded, outputs.recorded, strict=bool(outputs.recorded)):
            for name, target in kept.items():
                _copy(target, rows, columns, states[name])


def _copy(target: np.ndarray, rows: slice, columns: slice, source: Any) -> None:
    samples, steps = rows.stop - rows.start, columns.stop - columns.start
    target[rows, columns] = np.asarray(source)[:samples, :steps, : target.shape[-1]]


def named(names: list[str], arrays: Sequence[np.ndarray | None]) -> dict[str, np.ndarray]:
    """Return the arrays that there are, by name."""
    pairs = zip(names, arrays, strict=True)
    return {name: array for name, array in pairs if array is not None}
