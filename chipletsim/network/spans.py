"""In which steps each population works: where values come once, and where spikes are spread.

In a network of spiking neurons alone everything runs in every step. Where dense layers and
spiking ones meet, a value comes in one step, an encoder spreads it over T, and a decoder hands
it on in the last of them, from where the next dense layer goes on. A population works in a span
of steps that follows from its sources, and costs nothing outside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Event, Role, Timing
from chipletsim.network.schedule import Component, components


class Span(NamedTuple):
    """Steps that follow one another.

    Attributes:
        first: The first one.
        length: How many.
    """

    first: int
    length: int

    @property
    def stop(self) -> int:
        """The step after the last one."""
        return self.first + self.length

    def __str__(self) -> str:
        last = f"..{self.stop - 1}" if self.length > 1 else ""
        return f"step {self.first}{last}"


class Spans(NamedTuple):
    """When a population works, and when it sends; None where it does in every step."""

    works: Span | None
    sends: Span | None


EVERY_STEP = Spans(None, None)


def spans(network: Network) -> tuple[Spans, ...]:
    """Return the spans of all populations of a network without faults."""
    found, _ = find_spans(network)
    return tuple(found)


def steps_needed(network: Network) -> int:
    """Return the steps that one inference takes; 1 where everything runs in every step."""
    return max((each.works.stop for each in spans(network) if each.works), default=1)


def aligned(network: Network) -> Network:
    """Return the network with values delayed so that all that meet arrive in one step.

    A value waits where it arrives for the latest of those that it meets there, as in a buffer.
    Events that last for several steps wait as a whole.

    Args:
        network: A network whose delays may be too short.

    Raises:
        ConfigError: Events meet that last for different times.
    """
    found = [EVERY_STEP] * len(network.populations)
    for part in components(network):
        arriving = _arriving(network, part, found)
        spans_there = {span for span in arriving.values() if span}
        if len(spans_there) > 1:
            latest = max(span.first for span in spans_there)
            late = {name: latest - span.first for name, span in arriving.items() if span}
            projections = tuple(
                replace(each, delay=each.delay + late.get(each.name, 0))
                for each in network.projections
            )
            network = replace(network, projections=projections)
            arriving = _arriving(network, part, found)
        for index in part.populations:
            sent = next(iter(arriving.values()), None)
            found[index], _ = _spans_of(network.populations[index], sent)
    if problems := find_spans(network)[1]:
        raise ConfigError(problems)
    return network


def find_spans(network: Network) -> tuple[list[Spans], list[Problem]]:
    """Return the spans of all populations, and every fault that leaves one undecided."""
    found = [EVERY_STEP] * len(network.populations)
    problems: list[Problem] = []
    for part in components(network):
        arriving = _arriving(network, part, found)
        for index in part.populations:
            population = network.populations[index]
            problem = _role_problem(network, population) or _meeting_problem(arriving)
            if problem is None:
                sent = next(iter(arriving.values()), None) if arriving else None
                found[index], problem = _spans_of(population, sent)
            if problem:
                problems.append(Problem(problem, f"populations.{population.name}"))
    return found, problems


def _arriving(network: Network, part: Component, found: list[Spans]) -> dict[str, Span | None]:
    """Return projections from outside to when their events arrive."""
    inside = set(part.populations)
    arriving = {}
    for each in network.projections:
        source, target = network.index[each.source], network.index[each.target]
        if target in inside and source not in inside:
            arriving[each.name] = _delayed(found[source].sends, each)
    return arriving


def _delayed(span: Span | None, projection: Projection) -> Span | None:
    return span and Span(span.first + projection.delay, span.length)


def _meeting_problem(arriving: dict[str, Span | None]) -> str | None:
    """Return what is wrong where events that arrive at different times meet."""
    if len(set(arriving.values())) <= 1:
        return None
    told = "; ".join(f"{name}: {span or 'every step'}" for name, span in arriving.items())
    latest = max((span.first for span in arriving.values() if span), default=0)
    late = [
        f"{name} by {latest - span.first}"
        for name, span in arriving.items()
        if span and span.first < latest
    ]
    remedy = f"; delay {', '.join(late)} more" if late else ""
    return f"its events arrive at different times ({told}){remedy}"


def _spans_of(population: Population, sent: Span | None) -> tuple[Spans, str | None]:
    """Return when a population works and sends, or why that cannot be said."""
    model = NEURON_MODELS[population.model]
    if model.role is Role.INPUT:
        span = Span(0, population.steps) if population.steps else None
        return Spans(span, span), None
    if model.timing is Timing.HOLDS:
        return _held(population, sent)
    if population.steps is not None:
        return EVERY_STEP, f"only inputs and encoders have steps; {population.model} follows"
    if model.timing is Timing.COLLECTS:
        if sent is None:
            return EVERY_STEP, (
                f"{population.model} needs events that end; those of its sources go on in every"
                " step"
            )
        return Spans(sent, Span(sent.stop - 1, 1)), None
    return Spans(sent, sent), None


def _held(population: Population, sent: Span | None) -> tuple[Spans, str | None]:
    if population.steps is None:
        return EVERY_STEP, f"{population.model} needs `steps`, over which it spreads its spikes"
    if sent is None or sent.length != 1:
        given = str(sent) if sent else "every step"
        return EVERY_STEP, (
            f"{population.model} takes a value once, but its sources send in {given}; give the"
            " input `steps: 1`, or put a decoder in front"
        )
    span = Span(sent.first, population.steps)
    return Spans(span, span), None


def _role_problem(network: Network, population: Population) -> str | None:
    """Return what is wrong with what a population reads, or None."""
    role = NEURON_MODELS[population.model].role
    for each in network.projections:
        if each.target != population.name:
            continue
        source = network.population(each.source)
        spikes = NEURON_MODELS[source.model].event is not Event.VALUE and not source.value_bits
        kind = f"{role.value} {population.name!r} reads"
        if role is Role.DENSE and spikes:
            return f"{kind} spikes of {source.name!r}; put a decoder between"
        if role is Role.ENCODER and spikes:
            return f"{kind} spikes of {source.name!r}; an encoder takes values"
        if role is Role.NEURON and not spikes and _once(network, source):
            return f"{kind} values of {source.name!r} that come once; put an encoder between"
    return None


def _once(network: Network, source: Population) -> bool:
    """Return whether values of a population are those of a dense layer, or fed once."""
    model = NEURON_MODELS[source.model]
    return model.timing is Timing.COLLECTS or (model.role is Role.INPUT and source.steps == 1)
