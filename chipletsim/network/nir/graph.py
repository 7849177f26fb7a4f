"""What a NIR file holds: typed nodes with fields, and edges between their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STATELESS = (
    "Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Delay",
)  # fmt: skip
"""Node types that carry no state; ``chipletsim.network.nir.nodes`` says what each does."""

MAX_AXES = 32
"""Most numbers of a shape, a stride or the like: as many as arrays may have axes."""
MAX_NUMBER = 2**31 - 1
"""Largest of these numbers."""


@dataclass(frozen=True)
class NirNode:
    """A node of a graph.

    Attributes:
        type: Such as ``LIF``; ``NIRGraph`` for a graph within the graph.
        fields: Field name to array or text.
        metadata: What the writer noted beside the fields.
        graph: The graph within, of a ``NIRGraph``.
    """

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    graph: NirGraph | None = None

    def numbers(self, name: str, default: float | None = None) -> np.ndarray:
        """Return a numeric field in the precision in which it is stored.

        Raises:
            ValueError: It is missing without a default, or not numeric.
        """
        value = self.fields.get(name, default)
        if value is None:
            raise ValueError(f"has no field `{name}`")
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"field `{name}` holds no numbers")
        return array

    def array(self, name: str, default: float | None = None) -> np.ndarray:
        """Return a numeric field as float32; errors as for ``numbers``."""
        with np.errstate(over="ignore"):  # infinite, and refused as such by the network's checks
            return self.numbers(name, default).astype(np.float32)

    def integers(self, name: str, default: int) -> tuple[int, ...]:
        """Return a field of up to ``MAX_AXES`` whole numbers; a single one has length 1.

        Raises:
            ValueError: It holds anything else.
        """
        value = np.atleast_1d(self.fields.get(name, default))
        if value.size > MAX_AXES:
            raise ValueError(f"field `{name}` holds {value.size:,} numbers; most are {MAX_AXES}")
        numbers = value.astype(np.float64) if value.dtype.kind in "iufb" else np.array([np.nan])
        if np.any(numbers != np.rint(numbers)) or not np.all(np.abs(numbers) <= MAX_NUMBER):
            raise ValueError(f"field `{name}` must hold whole numbers up to {MAX_NUMBER:,}")
        return tuple(int(number) for number in numbers.ravel())

    def integer(self, name: str, default: int) -> int:
        """Return a field of one whole number.

        Raises:
            ValueError: It holds anything else.
        """
        numbers = self.integers(name, default)
        if len(numbers) != 1:
            raise ValueError(f"field `{name}` must hold one number, not {len(numbers)}")
        return numbers[0]

    def pair(self, name: str, default: int) -> tuple[int, int]:
        """Return a field along (y, x); a single number stands for both.

        Raises:
            ValueError: It holds anything else.
        """
        numbers = self.integers(name, default)
        if len(numbers) not in (1, 2):
            raise ValueError(f"field `{name}` must hold one number or two")
        return numbers[0], numbers[-1]


@dataclass(frozen=True)
class NirGraph:
    """Nodes by name, the edges between them, and what the writer noted of the whole."""

    nodes: dict[str, NirNode]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
