"""From a network in double precision on the host to what its engine runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.engine.wide.synapses import Synapses, synapse_table
from chipletsim.errors import ConfigError
from chipletsim.network.check import check_network
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS

_WORD = 64
"""Blocks of neurons begin at multiples of it in their population, so that none share a byte."""


@dataclass(frozen=True, eq=False)
class WidePopulation:
    """A population ready to run.

    Attributes:
        model: Key of ``NEURON_MODELS``.
        first: Its first neuron.
        size: Number of neurons.
        constants: Constant to float64 [neurons], or [1] where all have the same.
        initial: State name to float64 [neurons].
        tells_updates: Whether it says which neurons did work.
        recorded: States that are kept after each step.
    """

    model: str
    first: int
    size: int
    constants: dict[str, np.ndarray]
    initial: dict[str, np.ndarray]
    tells_updates: bool
    recorded: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WideNetwork:
    """A network in double precision ready to run.

    Attributes:
        network: The network.
        populations: In the network's order.
        bounds: int64 [blocks + 1], first neuron of each block, and their number.
        synapses: The synapses.
        rank: int32 [neurons], place of each in sums; None where it is its number.
    """

    network: Network
    populations: tuple[WidePopulation, ...]
    bounds: np.ndarray
    synapses: Synapses
    rank: np.ndarray | None

    @property
    def past(self) -> int:
        """Steps whose events are kept: the longest delay."""
        return max(self.synapses.delays, default=0)


def compile_wide(
    network: Network, blocks: int = 1, recorded: dict[str, tuple[str, ...]] | None = None
) -> WideNetwork:
    """Return a network ready to run.

    Args:
        network: The network, lowered if hardware is to change it.
        blocks: Most blocks of neurons that are to be advanced side by side.
        recorded: Population name to the states that are kept after each step.

    Raises:
        ConfigError: The network has a fault.
    """
    if problems := check_network(network):
        raise ConfigError(problems)
    bounds = _bounds(network, blocks)
    rank = network.summation_rank
    return WideNetwork(
        network=network,
        populations=tuple(
            _population(network, number, (recorded or {}).get(each.name, ()))
            for number, each in enumerate(network.populations)
        ),
        bounds=bounds,
        synapses=synapse_table(network, bounds),
        rank=None if rank is None else rank.astype(np.int32),
    )


def _population(network: Network, number: int, recorded: tuple[str, ...]) -> WidePopulation:
    population = network.populations[number]
    model = NEURON_MODELS[population.model]
    constants = model.prepare(population.parameters, network.dt_s)
    return WidePopulation(
        model=population.model,
        first=int(network.offsets[number]),
        size=population.size,
        constants={name: _flat(value, population) for name, value in constants.items()},
        initial={
            name: np.ascontiguousarray(value.reshape(-1))
            for name, value in model.initial_state(constants, population.shape).items()
        },
        tells_updates=model.tells_updates,
        recorded=recorded,
    )


def _flat(value: Any, population: Population) -> np.ndarray:
    """Return a constant of each neuron, or one where it is the same for all."""
    if value.size == 1:
        return value.reshape(1)
    return np.ascontiguousarray(np.broadcast_to(value, population.shape).reshape(-1))


def _bounds(network: Network, blocks: int) -> np.ndarray:
    """Return the first neuron of each block, so that blocks have about as many neurons."""
    starts = np.concatenate(
        [
            first + np.arange(0, size, _WORD)
            for first, size in zip(network.offsets[:-1], np.diff(network.offsets), strict=True)
        ]
    )
    wanted = np.arange(1, blocks) * network.neurons // blocks
    inner = np.unique(starts[np.searchsorted(starts, wanted).clip(0, starts.size - 1)])
    inner = inner[inner > 0]
    return np.concatenate([[0], inner, [network.neurons]]).astype(np.int64)
