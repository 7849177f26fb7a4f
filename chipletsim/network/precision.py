"""Networks in double precision: which they are, and what they must satisfy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chipletsim.errors import Problem
from chipletsim.network.connections import Pool2d
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS


def is_wide(network: Network) -> bool:
    """Return whether membranes, currents and weights of a network are float64."""
    return any(_wide(population) for population in network.populations)


def network_dtype(network: Network) -> type[np.floating]:
    """Return the NumPy type of a network's weights and parameters."""
    return np.float64 if is_wide(network) else np.float32


def precision_problems(network: Network) -> list[Problem]:
    """Return what is wrong with the precision of a network, or with what depends on it."""
    if not is_wide(network):
        return list(_narrow_problems(network))
    narrow = [each for each in network.populations if each.model != "input" and not _wide(each)]
    if narrow:
        wide = next(each for each in network.populations if _wide(each))
        message = (
            f"{narrow[0].name!r} ({narrow[0].model}) computes in single precision, "
            f"{wide.name!r} ({wide.model}) in double precision; a network has one precision"
        )
        return [Problem(message, "populations")]
    return [
        *_rank_problems(network),
        *(problem for each in network.populations for problem in _population_problems(each)),
        *_projection_problems(network),
    ]


def _wide(population: Population) -> bool:
    model = NEURON_MODELS.get(population.model)
    return model is not None and model.precision == "float64"


def _narrow_problems(network: Network) -> Iterator[Problem]:
    if network.summation_rank is not None:
        message = "sums have an order only in networks in double precision, such as of loihi_lif"
        yield Problem(message, "summation_rank")


def _rank_problems(network: Network) -> Iterator[Problem]:
    rank = network.summation_rank
    if rank is None:
        return
    if rank.shape != (network.neurons,) or rank.dtype.kind not in "iu":
        given = f"{rank.dtype} {list(rank.shape)}"
        yield Problem(f"is {given}, expected int64 [{network.neurons}]", "summation_rank")
    elif not np.array_equal(np.sort(rank), np.arange(network.neurons)):
        message = f"must hold each number of 0..{network.neurons - 1} once"
        yield Problem(message, "summation_rank")


def _population_problems(population: Population) -> Iterator[Problem]:
    path = f"populations.{population.name}"
    if population.bias is not None:
        message = f"{population.model} takes its bias as a parameter: give `parameters.bias`"
        yield Problem(message, f"{path}.bias")
    if population.model == "input" and population.value_bits:
        message = "inputs of networks in double precision are spikes, without value_bits"
        yield Problem(message, f"{path}.value_bits")
    if population.steps is not None:
        message = "populations of networks in double precision send in every step"
        yield Problem(message, f"{path}.steps")


def _projection_problems(network: Network) -> Iterator[Problem]:
    for projection in network.projections:
        path = f"projections.{projection.name}"
        if projection.delay == 0:
            message = (
                "synapses of networks in double precision take at least one step; give `delay: 1`"
            )
            yield Problem(message, f"{path}.delay")
        if projection.pool is not None:
            message = "networks in double precision have no pooling; list the synapses (sparse)"
            yield Problem(message, f"{path}.pool")
        if isinstance(projection.connection, Pool2d):
            message = "networks in double precision have no pooling; list the synapses (sparse)"
            yield Problem(message, f"{path}.connection")
