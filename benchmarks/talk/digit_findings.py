"""What the trained digits networks show, computed from their figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.talk.digit_training import Outcome

NEAR = 0.01
"""Accuracy that counts as equal: a point below the reference, or above."""
WANTED = 5.0
"""By how much the bits of the reference are to fall."""
Bits = Callable[[Outcome], float]


@dataclass(frozen=True, eq=False)
class Point:
    """A trained network in a table.

    Attributes:
        case: Its name.
        family: `dense`, `hybrid, rate`, `hybrid, latency` or `spiking`.
        steps: Steps of an inference.
        outcome: What it reaches and sends.
        step_s: Time of a training step.
    """

    case: str
    family: str
    steps: int
    outcome: Outcome
    step_s: float

    @property
    def label(self) -> str:
        """Its name and the weight of its events."""
        return f"{self.case}, weight {self.outcome.event_weight:g}"


def findings(points: list[Point], reference: str) -> list[str]:
    """Return what the points show, a sentence or two each.

    Args:
        points: All points.
        reference: Name of the dense network of 8 bits.
    """
    first = next(each for each in points if each.case == reference)
    floor = first.outcome.accuracy - NEAR
    near = [each for each in points if each.outcome.accuracy >= floor - 1e-9]
    return [
        f"{reference}: accuracy {first.outcome.accuracy:.1%}, {first.outcome.codes['dense']:,.0f}"
        f" bit as values, {first.outcome.payload:,.0f} with a zero mask; equal accuracy is"
        f" {floor:.1%} or more",
        *_judged(first, near),
        *_wire(first, near, points),
        *_by_case(points, near),
        f"accuracy of one seed on {_samples(first):,} images: a difference below about a point is"
        " within the noise of the draw",
        _training_steps(points),
    ]


def _judged(first: Point, near: list[Point]) -> list[str]:
    """Return whether the hybrid networks of equal accuracy send as few bits as wanted."""
    hybrids = [each for each in near if each.family.startswith("hybrid")]
    if not hybrids:
        return ["no hybrid network reaches equal accuracy: the target is not reached"]
    best = _least(hybrids, _payload)
    dense = first.outcome.codes["dense"]
    ratio = dense / best.outcome.payload
    found = [
        f"{_verdict(ratio >= WANTED)}: at most 1/{WANTED:g} of the bits of {first.case} at equal"
        f" accuracy. {best.label} sends {best.outcome.payload:,.0f} bit as {best.outcome.best},"
        f" {ratio:.1f} times fewer, at {best.outcome.accuracy:.1%}"
    ]
    for trained in (False, True):
        opponents = [
            each
            for each in near
            if each.family == "dense"
            and each is not first
            and (trained or not each.outcome.event_weight)
        ]
        how = "with or without traffic in the loss" if trained else "without traffic in the loss"
        for bits, what in ((_payload, "dense code (values or zero mask)"), (_strict, _STRICT)):
            found.append(_against(best, opponents, bits, f"{what} at a fair width, trained {how}"))
    return found


_STRICT = "dense code were the places of values gap-coded as the spikes are"


def _against(best: Point, opponents: list[Point], bits: Bits, what: str) -> str:
    if not opponents:
        return f"no dense network of a fair width reaches equal accuracy ({what})"
    other = _least(opponents, bits)
    share = best.outcome.payload / bits(other.outcome)
    return (
        f"{_verdict(share < 1)}: fewer bits than the best {what}. {other.label} takes"
        f" {bits(other.outcome):,.0f} bit at {other.outcome.accuracy:.1%}; the hybrid network"
        f" {share:.2f} of that"
    )


def _wire(first: Point, near: list[Point], points: list[Point]) -> list[str]:
    """Return what frames and the flush of each step leave of it."""
    hybrids = [each for each in near if each.family.startswith("hybrid")]
    dense = [each for each in near if each.family == "dense"]
    if not hybrids:
        return []
    best, other = _least(hybrids, _on_wire), _least(dense, _on_wire)
    return [
        f"on the wire, in whole frames of each step: {best.label} {best.outcome.wire:,.0f} bit,"
        f" {first.case} masked {first.outcome.wire:,.0f}"
        f" ({first.outcome.wire / best.outcome.wire:.1f} times more), best dense code of all"
        f" {other.outcome.wire:,.0f} ({other.label})",
        "each step with a spike ends a frame, whatever is in it; least bits on the wire by steps,"
        f" at any accuracy: {_frames(points)}",
    ]


def _frames(points: list[Point]) -> str:
    hybrids = [each for each in points if each.family.startswith("hybrid")]
    least = {
        steps: min(each.outcome.wire for each in hybrids if each.steps == steps)
        for steps in sorted({each.steps for each in hybrids})
    }
    return ", ".join(f"T={steps} {bits:,.0f}" for steps, bits in least.items())


def _by_case(points: list[Point], near: list[Point]) -> list[str]:
    """Return, for each network, the fewest bits at equal accuracy."""
    found = []
    for case in dict.fromkeys(each.case for each in points):
        plain = next(each for each in points if each.case == case).outcome
        own = [each for each in near if each.case == case]
        least = f"at equal accuracy {_told(_least(own, _payload))}" if own else "never near enough"
        found.append(f"{case}: {_bits_of(plain)} without traffic in the loss; {least}")
    return found


def _told(point: Point) -> str:
    return f"{_bits_of(point.outcome)} at weight {point.outcome.event_weight:g}"


def _bits_of(outcome: Outcome) -> str:
    strict = f", {_strict(outcome):,.0f} gap-coded" if "gaps + values" in outcome.codes else ""
    return f"{outcome.payload:,.0f} bit as {outcome.best}{strict} ({outcome.accuracy:.1%})"


def _training_steps(points: list[Point]) -> str:
    by_case = {each.case: each.step_s for each in points}
    shown = ", ".join(f"{case} {step_s * 1e3:.0f} ms" for case, step_s in by_case.items())
    return f"a training step of 64 images, data and validation included: {shown}"


def _samples(point: Point) -> int:
    return point.outcome.samples


def _payload(outcome: Outcome) -> float:
    return outcome.payload


def _strict(outcome: Outcome) -> float:
    return min(outcome.codes.values())


def _on_wire(outcome: Outcome) -> float:
    return outcome.wire


def _least(points: list[Point], bits: Bits) -> Point:
    return min(points, key=lambda each: bits(each.outcome))


def _verdict(reached: bool) -> str:
    return "reached" if reached else "not reached"
