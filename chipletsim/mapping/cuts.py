"""Cutting a population into pieces that fit tiles.

A population is cut along an order of its axes: along the first as far as possible,
within one index of the first along the second where even that is too much, and so on.
Every piece is then a box of the population and also a contiguous range of neurons
once the axes are put into that order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from math import prod

import numpy as np

from chipletsim.mapping.demand import FanIn, stored_bits
from chipletsim.mapping.model import Box
from chipletsim.network.model import Network
from chipletsim.tiles import TileParameters


class Cuts:
    """Demands of the pieces of one population; a piece is a range [start, stop).

    Attributes:
        size: Number of neurons.
        strides: Neurons per index of each axis, in the order of cutting.
    """

    def __init__(
        self, network: Network, population: int, axes: tuple[int, ...], pairs: np.ndarray
    ) -> None:
        """Prepare the running sums.

        Args:
            network: The network.
            population: Index of the population.
            axes: Axes of its shape, in the order in which it is cut.
            pairs: int64 [neurons of the population], fan-out entries each is taken to need.
        """
        self._network = network
        self._population = population
        self._axes = axes
        shape = network.populations[population].shape
        self._dims = [shape[axis] for axis in axes]
        self.size = prod(shape)
        self.strides = [prod(self._dims[level + 1 :]) for level in range(len(axes))]
        ordered = pairs.reshape(shape).transpose(axes).ravel()
        self._pairs = np.concatenate([[0], np.cumsum(ordered, dtype=np.int64)])
        self._bits: dict[tuple[int, int, TileParameters], int] = {}
        self._sources: dict[tuple[int, int], int] = {}

    def box(self, start: int, stop: int) -> Box:
        """Return the box of the piece."""
        bounds = [(0, 0)] * len(self._axes)
        for axis, dim, stride in zip(self._axes, self._dims, self.strides, strict=True):
            first = start // stride % dim
            extent = min(dim, max(1, (stop - start) // stride))
            bounds[axis] = (first, first + extent)
        return tuple(bounds)

    def bits(self, start: int, stop: int, parameters: TileParameters) -> int:
        """Return the bits of weights that the piece stores on a tile of this kind."""
        key = (start, stop, parameters)
        if key not in self._bits:
            box = self.box(start, stop)
            bits = stored_bits(self._network, self._population, [box], parameters)
            self._bits[key] = int(bits[0])
        return self._bits[key]

    def pairs(self, start: int, stop: int) -> int:
        """Return the fan-out entries that the neurons of the piece are taken to need."""
        return int(self._pairs[stop] - self._pairs[start])

    @cached_property
    def _fan_in(self) -> FanIn:
        return FanIn(self._network, self._population)

    def sources(self, start: int, stop: int, parameters: TileParameters) -> int:
        """Return the distinct source neurons of the piece, 0 where the kind has no bound."""
        if parameters.fan_in is None:
            return 0
        if (start, stop) not in self._sources:
            self._sources[start, stop] = self._fan_in.count(self.box(start, stop))
        return self._sources[start, stop]

    def largest(
        self,
        start: int,
        fits: Callable[[int, int], bool],
        possible: Callable[[int, int], bool],
        most: int,
    ) -> int:
        """Return the end of the largest piece from ``start`` that fits, or ``start``.

        Whole indices of the first axis are taken where an empty tile can hold one,
        else whole indices of the next axis, and so on.

        Args:
            start: First neuron of the piece, where an earlier piece ended.
            fits: Whether the piece [start, stop) fits what is left of the tile.
            possible: Whether it would fit the tile were it empty.
            most: Neurons that a piece should not exceed, if one index allows.
        """
        end = self.size
        for stride in self.strides:
            if start % stride == 0 and possible(start, start + stride):
                limit = max(1, min(end - start, most) // stride)
                units = range(1, limit + 1)
                taken = bisect_left(units, True, key=lambda n: not fits(start, start + n * stride))
                return start + taken * stride
            end = (start // stride + 1) * stride
        return start
