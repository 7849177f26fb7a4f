"""Strategies that put populations on tiles.

To add one, write one file here with a function ``(problem, seed) -> Mapping``, which
raises `InfeasibleError` where it finds no place, and add a line to ``PARTITIONERS``.
"""

from __future__ import annotations

from collections.abc import Callable

from chipletsim.mapping.model import Mapping
from chipletsim.mapping.problem import PlacementProblem
from chipletsim.mapping.strategies.anneal import anneal
from chipletsim.mapping.strategies.sequential import sequential
from chipletsim.mapping.strategies.traffic import traffic

Partitioner = Callable[[PlacementProblem, int], Mapping]

PARTITIONERS: dict[str, Partitioner] = {
    "sequential": sequential,
    "traffic": traffic,
    "anneal": anneal,
}

__all__ = ["PARTITIONERS", "Partitioner", "anneal", "sequential", "traffic"]
