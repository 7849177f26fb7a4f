"""What a contiguous piece of a population needs of a tile, in constant time.

A population is cut along an order of its axes: along the first as far as possible,
within one index of the first along the second where even that is too much, and so on.
Every piece is then a box of the population and also a contiguous range of neurons
once the axes are put into that order, so that demands are differences of running sums.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from math import prod

import numpy as np

from chipletsim.mapping.fanout import distinct_sources
from chipletsim.mapping.model import Box
from chipletsim.mapping.weights import index_bits, stored_per_neuron
from chipletsim.network.model import Network
from chipletsim.tiles import TileParameters


class Cuts:
    """Demands of the pieces of one population.

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
            pairs: int64 [neurons of the population], fan-out entries of each.
        """
        self._network = network
        self._population = population
        self._axes = axes
        shape = network.populations[population].shape
        self._dims = [shape[axis] for axis in axes]
        self.size = prod(shape)
        self.strides = [prod(self._dims[level + 1 :]) for level in range(len(axes))]
        self._pairs = self._running_sum(pairs)

    def _running_sum(self, per_neuron: np.ndarray) -> np.ndarray:
        shape = self._network.populations[self._population].shape
        ordered = per_neuron.reshape(shape).transpose(self._axes).ravel()
        return np.concatenate([[0], np.cumsum(ordered, dtype=np.int64)])

    @cached_property
    def _stored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        stored = stored_per_neuron(self._network, self._population)
        sums = [self._running_sum(x) for x in (stored.plain, stored.convolved, stored.listed)]
        return sums[0], sums[1], sums[2], stored.kernel_per_channel

    @cached_property
    def source_neurons(self) -> int:
        """Neurons of all populations that project here, connected or not."""
        name = self._network.populations[self._population].name
        sources = {edge.source for edge in self._network.projections if edge.target == name}
        return sum(self._network.population(source).size for source in sources)

    def box(self, start: int, stop: int) -> Box:
        """Return the box of the piece [start, stop)."""
        bounds = [(0, 0)] * len(self._axes)
        for axis, dim, stride in zip(self._axes, self._dims, self.strides, strict=True):
            first = start // stride % dim
            bounds[axis] = (first, first + self._extent(start, stop, dim, stride))
        return tuple(bounds)

    @staticmethod
    def _extent(start: int, stop: int, dim: int, stride: int) -> int:
        return min(dim, max(1, (stop - start) // stride))

    def channels(self, start: int, stop: int) -> int:
        """Return how many indices of the first axis of the shape the piece covers."""
        level = self._axes.index(0)
        return self._extent(start, stop, self._dims[level], self.strides[level])

    def bits(self, start: int, stop: int, parameters: TileParameters) -> int:
        """Return the bits of weights that the piece stores on a tile of this kind."""
        plain, convolved, listed, kernel = self._stored
        weights = plain[stop] - plain[start]
        if parameters.shares_weights:
            weights += kernel * self.channels(start, stop)
        else:
            weights += convolved[stop] - convolved[start]
        entries = listed[stop] - listed[start]
        entry_bits = parameters.weight_bits + index_bits(parameters)
        return int(weights * parameters.weight_bits + entries * entry_bits)

    def pairs(self, start: int, stop: int) -> int:
        """Return the fan-out entries that the neurons of the piece are taken to need."""
        return int(self._pairs[stop] - self._pairs[start])

    def fan_in_fits(self, start: int, stop: int, parameters: TileParameters) -> bool:
        """Return whether the piece has few enough distinct source neurons."""
        if parameters.fan_in is None or self.source_neurons <= parameters.fan_in:
            return True
        return self.fan_in(start, stop) <= parameters.fan_in

    def fan_in(self, start: int, stop: int) -> int:
        """Return the number of distinct source neurons of the piece."""
        return distinct_sources(self._network, self._population, self.box(start, stop))

    def largest(
        self, start: int, fits: Callable[[int, int], bool], possible: Callable[[int, int], bool]
    ) -> int:
        """Return the end of the largest piece from ``start`` that fits, or ``start``.

        Whole indices of the first axis are taken where an empty tile can hold one,
        else whole indices of the next axis, and so on.

        Args:
            start: First neuron of the piece, where an earlier piece ended.
            fits: Whether the piece [start, stop) fits what is left of the tile.
            possible: Whether it would fit the tile were it empty.
        """
        end = self.size
        for stride in self.strides:
            if start % stride == 0 and possible(start, start + stride):
                units = range(1, (end - start) // stride + 1)
                taken = bisect_left(
                    units, True, key=lambda unit: not fits(start, start + unit * stride)
                )
                return start + taken * stride
            end = (start // stride + 1) * stride
        return start
