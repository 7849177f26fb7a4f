"""What the figures of a deployment rest on, and what they leave out, in words."""

from __future__ import annotations

from chipletsim.cost.provenance import unstated
from chipletsim.deployment.plan import Plan
from chipletsim.package.model import Package

_ALWAYS = (
    "layers follow one another, and so do the phases of a layer: inputs moved, gathered, work,"
    " sums reduced; rounds of a ring follow one another and stand for their mean; what streams"
    " from memories comes while the tiles work",
    "timing `bound` in each row: contention is not in it; static power is drawn over the latency",
    "frames are those of the expected bits of a step, not the expected frames",
    "every product is made at the mean rate of its inputs; padding counts",
    "not modelled: norms, softmax, sums, gates, pooling and their statistics; room for activations;"
    " numbers of neurons and fan-in and fan-out of tiles; bits of a spike count above 1",
)


def notes(package: Package, plan: Plan) -> tuple[str, ...]:
    """Return assumptions first, then what is not modelled."""
    found = list(_ALWAYS)
    if plan.activations == "hybrid":
        found.append(
            "hybrid: partial sums stay numbers across dies; each tensor group that is sent a"
            " value over a boundary has it encoded anew; what a round of a ring sends inside dies"
            " and what it sends across them follow one another"
        )
        if plan.conversion is None:
            found.append("not modelled: energy of conversion (the plan states no `conversion`)")
    missing = unstated(package)
    if missing:
        found.append(f"not modelled: {'; '.join(missing)}")
    return tuple(found)
