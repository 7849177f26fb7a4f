"""Which projection's node carries which bias, when a network is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.errors import Problem
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.nir.parts import output_axis
from chipletsim.network.nir.rewrite import Rewritten


class Carried(NamedTuple):
    """What a projection's node adds.

    Attributes:
        values: float32 along the output axis.
        behind: Steps of the projection's delay that stand behind the node; the rest stand in
            front.
    """

    values: np.ndarray
    behind: int


class Wanted(NamedTuple):
    """A bias of a population that begins in one step."""

    values: np.ndarray
    steps: int


def carried_biases(
    network: Network,
    neurons: Rewritten,
    loops: Sequence[bool],
    stated: Sequence[int | None],
) -> tuple[dict[str, Carried], list[Problem]]:
    """Return what the node of each projection adds, and a fault for each bias that none can.

    Args:
        network: The network.
        neurons: How its neurons are written.
        loops: For each projection, whether a reader delays it by itself.
        stated: For each projection, the steps of its ``Delay`` node; None where there is none.
    """
    carriers: dict[str, Carried] = {}
    problems = []
    for population in network.populations:
        for wanted in _biases(population, neurons.input_delays.get(population.name, 0)):
            for number, projection in enumerate(network.projections):
                if projection.target != population.name or projection.name in carriers:
                    continue
                late = loops[number] and neurons.preset.late_edges is not None
                carried = _carried(projection, wanted, stated[number], looped=late)
                if carried is not None:
                    carriers[projection.name] = carried
                    break
            else:
                problems.append(Problem(_lacking(wanted), f"populations.{population.name}.bias"))
    return carriers, problems


def _biases(population: Population, input_delay: int) -> Iterator[Wanted]:
    """Yield the biases of a population by the step in which they begin, as a file counts."""
    shape = population.shape
    if population.bias is not None and np.any(population.bias):
        yield Wanted(np.broadcast_to(population.bias, shape), -input_delay)
    if "late_bias" not in population.parameters:
        return
    late = np.broadcast_to(population.parameters["late_bias"], shape)
    steps = np.broadcast_to(population.parameters.get("late_steps", np.float32(0)), shape)
    for step in np.unique(steps[late != 0]):
        own = np.where(steps == step, late, np.float32(0))
        yield Wanted(own, int(step) - input_delay)


def _carried(
    projection: Projection, wanted: Wanted, stated: int | None, *, looped: bool
) -> Carried | None:
    """Return what a projection's node adds if it carries a bias; None where it cannot."""
    values = output_axis(projection.connection, wanted.values)
    if values is None:
        return None
    if wanted.steps == int(looped):
        return Carried(values, 0)
    if stated and 0 < wanted.steps <= stated:
        return Carried(values, wanted.steps)
    return None


def _lacking(wanted: Wanted) -> str:
    if wanted.steps:
        return (
            "NIR keeps a bias that begins later in a dense projection of that delay or more; add"
            " one into this population"
        )
    return (
        "NIR keeps a bias in a dense projection, or per channel in a convolution; add one into"
        " this population"
    )
