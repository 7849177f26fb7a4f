"""Rows of a sample, counted as they come, for a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import Self

import jax
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.constants import constants_of
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.program import class_routes_of
from chipletsim.cost.row_numbers import RowNumbers, row_numbers
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline


class CountedRows:
    """Counts the rows of a single sample on a mapping.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.

    Attributes:
        incidence: What each event adds.
        constants: Numbers of the package.

    Raises:
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.
    """

    def __init__(self, mapping: Mapping, pipeline: Pipeline) -> None:
        model = traffic_model(mapping)
        links = np.array([link.between_dies for link in mapping.package.links], bool)
        with jax.enable_x64(True):
            self.incidence = jax.device_put(replace(model.incidence, direct=None))
            barrier_s = mapping.package.spec.barrier_of(mapping.routers_in_use)
            self.constants = jax.device_put(constants_of(mapping.package, barrier_s))
            self._between = jax.device_put(links)
            routes_s = class_routes_of(self.incidence, self.constants, model.classes.size)
        self._counter = ClassCounter(model, pipeline, np.asarray(routes_s)[None])

    def fresh(self) -> Self:
        """Return one for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._counter = self._counter.fresh()
        return other

    def add(self, window: Window) -> Iterator[tuple[Batch, RowNumbers]]:
        """Yield the rows that are complete with the next steps, and their whole numbers."""
        return self._counted(chain(self._counter.add(window), self._counter.rest()))

    def close(self) -> Iterator[tuple[Batch, RowNumbers]]:
        """Yield the rows that are left, in which the pipeline runs empty."""
        return self._counted(self._counter.close())

    def _counted(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, RowNumbers]]:
        for batch in batches:
            with jax.enable_x64(True):
                numbers = row_numbers(batch.direct, self.incidence, self._between)
            yield batch, numbers
