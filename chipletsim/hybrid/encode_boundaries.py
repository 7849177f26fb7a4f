"""The pass that inserts encoders where a cut is dear, and says what it predicts to save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType

from chipletsim.baseline.roofline import assumption_lines
from chipletsim.cost.price import price
from chipletsim.cost.result import Result
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import ChipletsimError, UsageError
from chipletsim.hybrid.code import CODES
from chipletsim.hybrid.insert import Crossing, crossings, insert
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network
from chipletsim.network.neurons import NEURON_MODELS, Role
from chipletsim.network.spans import spans, steps_needed
from chipletsim.tables import render, si, table


def _bits_between_dies(result: Result) -> float:
    between = np.array([link.between_dies for link in result.mapping.package.links], bool)
    return float(result.link_wire_bits[between].sum()) / result.samples


OBJECTIVES: dict[str, tuple[str, Callable[[Result], float]]] = {
    "energy": ("J", lambda result: result.energy_per_inference_j),
    "bits": ("bit", _bits_between_dies),
    "latency": ("s", lambda result: result.latency_per_inference_s),
}
"""What is to be saved: its unit, and its value per inference."""
NOTES = (
    "predicted by pricing firing rates on both networks, each neuron for itself",
    "what encoding does to the answers is not predicted; simulate the network to see it",
)
DRAWS = 128
"""Samples drawn for a prediction."""


@dataclass(frozen=True)
class Candidate:
    """A population whose values cross to other dies.

    Attributes:
        source: Its name.
        dies: Names of the dies it sends to.
        ceiling: Largest value, which gives most spikes.
        events: Mean share of its values that are not 0.
        rate: Expected spikes per neuron and step of the encoder.
        saved: Predicted saving per inference of this encoder alone; below 0 where it costs.
        inserted: Whether it was inserted.
        reason: Why not, where it could not be.
    """

    source: str
    dies: tuple[str, ...]
    ceiling: float
    events: float
    rate: float
    saved: float
    inserted: bool
    reason: str


@dataclass(frozen=True)
class Encoded:
    """A network with encoders at dear boundaries; print it.

    Attributes:
        mapping: The network that came out, and where it lives.
        objective: What was to be saved.
        before: Predicted value per inference of the network as given.
        after: Predicted value per inference of the network that came out.
        candidates: All populations whose values cross.
        steps: Steps of an encoder.
        code: Name of the code.
    """

    mapping: Mapping
    objective: str
    before: float
    after: float
    candidates: tuple[Candidate, ...]
    steps: int
    code: str

    @property
    def network(self) -> Network:
        """The network that came out."""
        return self.mapping.network

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the mapping as plain values, for JSON."""
        plain = {
            "objective": self.objective,
            "unit": OBJECTIVES[self.objective][0],
            "before_per_inference": self.before,
            "after_per_inference": self.after,
            "steps": self.steps,
            "code": self.code,
        }
        return {**plain, "candidates": [asdict(each) for each in self.candidates]}

    def __rich__(self) -> RenderableType:
        unit = OBJECTIVES[self.objective][0]
        rows = [
            (
                each.source,
                ", ".join(each.dies),
                f"{each.events:.1%}",
                f"{each.rate:.1%}",
                "-" if each.reason else si(each.saved, unit),
                "inserted" if each.inserted else each.reason or "costs more than it saves",
            )
            for each in self.candidates
        ]
        title = (
            f"Encoders of {self.steps} steps, {self.code} code: {self.objective} per inference "
            f"{si(self.before, unit)} > {si(self.after, unit)}"
        )
        columns = ("values of", "to", "not 0", "spikes/step", "saves alone", "")
        notes = NOTES if self.candidates else ("no population sends values to another die",)
        return Group(table(title, columns, rows), *assumption_lines(notes))

    def __str__(self) -> str:
        return render(self)


def encode_boundaries(
    mapping: Mapping,
    activity: Activity,
    *,
    steps: int = 4,
    code: str = "rate",
    objective: str = "energy",
) -> Encoded:
    """Return the network with encoders where values that cross dies cost more than spikes.

    Each population whose values cross to other dies is tried alone, and encoded if that is
    predicted to save. Predictions price firing rates: the share of values that are not 0 in the
    activity, and the spikes that its values give.

    Args:
        mapping: Where a network with dense layers lives.
        activity: Values of that network on inputs that are typical.
        steps: Steps T over which a value is spread.
        code: Key of ``chipletsim.hybrid.code.CODES``.
        objective: Key of `OBJECTIVES`.

    Raises:
        UsageError: There is no such code or objective, or steps are below 1.
        InfeasibleError: Answers leave the network but the package has no io tile.
    """
    _check(steps, code, objective)
    measured = _Measured(activity, code, steps, objective)
    before = measured.value(mapping)
    found, result = [], mapping
    for crossing in crossings(mapping):
        reason, saved = crossing.reason, 0.0
        if not reason:
            try:
                saved = before - measured.value(_with(mapping, crossing, measured))
            except ChipletsimError as error:
                reason = str(error)
        if saved > 0:  # what fits alone need not fit beside the others
            try:
                result = _with(result, crossing, measured)
            except ChipletsimError as error:
                reason = str(error)
        found.append(_candidate(mapping, crossing, measured, saved, reason))
    after = measured.value(result)
    return Encoded(result, objective, before, after, tuple(found), steps, code)


class _Measured:
    """What an activity says of values, and what networks are predicted to cost."""

    def __init__(self, activity: Activity, code: str, steps: int, objective: str) -> None:
        self.activity = activity
        self.code = code
        self.steps = steps
        self.objective = objective

    def ceiling(self, source: str) -> float:
        """Return the largest value of a population, 1 if all are 0."""
        return float(self.activity.values[source].max(initial=0)) or 1.0

    def rate(self, source: str) -> float:
        """Return the spikes per neuron and step that the values of a population give."""
        share = self._values(source) / self.ceiling(source)
        return float(CODES[self.code].spikes(share, self.steps).mean()) / self.steps

    def events(self, source: str) -> float:
        """Return the share of values of a population that are not 0."""
        return float(np.count_nonzero(self._values(source))) / self._values(source).size

    def value(self, mapping: Mapping) -> float:
        """Return the predicted objective per inference of a network that came of the given one."""
        network = mapping.network
        rates = {each.name: self._rate_of(each.name, network) for each in network.populations}
        steps = max(steps_needed(network), self.activity.steps)
        drawn = RateActivity.of(network, rates, steps=steps, samples=DRAWS)
        return float(OBJECTIVES[self.objective][1](price(drawn, mapping)))

    def _values(self, source: str) -> np.ndarray:
        """Return float64 [samples, neurons]: the values of each inference."""
        return self.activity.values[source].sum(axis=1, dtype=np.float64)

    def _rate_of(self, name: str, network: Network) -> float:
        if name in self.activity.populations:
            own = spans(network)[network.index[name]].sends
            total = self.activity.totals[name]
            per_sample = float(total.sum()) / (total.size * self.activity.samples)
            return min(per_sample / (own.length if own else self.activity.steps), 1.0)
        source = _source_of(network, name)
        if NEURON_MODELS[network.population(name).model].role is Role.ENCODER:
            return self.rate(source)
        return self._decoded(_source_of(network, source))

    def _decoded(self, source: str) -> float:
        """Return the share of decoded values that are not 0."""
        share = self._values(source) / self.ceiling(source)
        return float((CODES[self.code].spikes(share, self.steps) > 0).mean())


def _source_of(network: Network, name: str) -> str:
    """Return what an encoder or decoder reads."""
    return next(each.source for each in network.projections if each.target == name)


def _with(mapping: Mapping, crossing: Crossing, measured: _Measured) -> Mapping:
    ceiling = measured.ceiling(crossing.source)
    return insert(mapping, crossing, measured.code, measured.steps, ceiling)


def _candidate(
    mapping: Mapping, crossing: Crossing, measured: _Measured, saved: float, reason: str
) -> Candidate:
    source = crossing.source
    return Candidate(
        source=source,
        dies=tuple(mapping.package.chiplets[die].name for die in crossing.dies),
        ceiling=measured.ceiling(source),
        events=measured.events(source),
        rate=0.0 if crossing.reason else measured.rate(source),
        saved=saved,
        inserted=not reason and saved > 0,
        reason=reason,
    )


def _check(steps: int, code: str, objective: str) -> None:
    if code not in CODES:
        raise UsageError(f"there is no code {code!r}; there are {', '.join(CODES)}")
    if objective not in OBJECTIVES:
        raise UsageError(f"there is no objective {objective!r}; there are {', '.join(OBJECTIVES)}")
    if steps < 1:
        raise UsageError(f"steps must be at least 1, got {steps}")
