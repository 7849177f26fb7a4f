"""Everything a run has to say, as plain values: the contents of ``result.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Table
from dataclasses import dataclass
from math import isfinite
from typing import Any

from chipletsim.baseline.compare import Comparison
from chipletsim.cost.result import Result
from chipletsim.network.synapses import projection_synapses
from chipletsim.package.facts import encoded_links

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Accuracy:
    """How many samples were answered right.

    Attributes:
        correct: Samples whose answer is their label.
        samples: Number of samples.
        ties: Samples for which several answers score highest; the first one counts.
        population: Population that answers.
    """

    correct: int
    samples: int
    ties: int
    population: str

    @property
    def value(self) -> float:
        """Fraction of samples answered right."""
        return self.correct / self.samples


def summarise(
    name: str,
    result: Result,
    *,
    accuracy: Accuracy | None,
    comparison: Comparison | None,
    provenance: Table[str, Any],
    notes: list[str],
) -> dict[str, Any]:
    """Return a run as plain values for JSON, units in the names.

    Args:
        name: Name of the experiment.
        result: What `price` returned.
        accuracy: Answers against labels, where there are any.
        comparison: What `compare` returned, where a baseline is asked for.
        provenance: Hashes and seeds beside those of the result.
        notes: What the user should know of this run.
    """
    figures = result.to_dict()
    for table in ("links", "tiles", "layers", "per_step"):
        del figures[table]
    if not isfinite(figures["latency"]["throughput_per_s"]):
        figures["latency"]["throughput_per_s"] = None
    figures["provenance"] = {**figures["provenance"], **provenance}
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "package": _package(result),
        "network": _network(result),
        "accuracy": _accuracy(accuracy),
        **figures,
        "busiest_links": busiest_links(result),
        "comparison": comparison.to_dict() if comparison else None,
        "suspect": suspicions(result),
        "notes": [*_encodings(result), *_timing(result), *notes],
    }


def _encodings(result: Result) -> list[str]:
    found = encoded_links(result.mapping.package)
    return [f"events cross in messages on {'; '.join(found)}"] if found else []


def _timing(result: Result) -> list[str]:
    """Return which timing model was chosen, and why, where it was not named; and how steps go."""
    chosen = [str(result.timed)] if result.timed.asked != result.timing else []
    if result.mapping.package.spec.runs_freely:
        chosen.append(
            "steps run freely, and overlap: each takes from the end of those before it to its own"
        )
    return chosen


def busiest_links(result: Result, most: int = 6) -> list[dict[str, Any]]:
    """Return the links with most bits on the wire: those between dies, else all.

    Args:
        result: What `price` returned.
        most: How many.
    """
    columns = list(result.links.data)
    rows = [dict(zip(columns, row, strict=True)) for row in result.links.rows()]
    between = [row for row in rows if row["between_dies"]]
    used = [row for row in between or rows if row["wire_bits"]]
    return sorted(used, key=lambda row: (-row["wire_bits"], row["link"]))[:most]


def suspicions(result: Result) -> list[str]:
    """Return why the figures may not mean what they seem to; mostly nothing."""
    network = result.mapping.network
    spikes = dict(zip(result.layers["population"], result.layers["spikes"], strict=True))
    inputs = [p.name for p in network.populations if p.model == "input"]
    found = [f"input population {name} never spiked" for name in inputs if not spikes[name]]
    silent = [
        p.name
        for p in network.populations
        if p.model != "input" and not spikes[p.name] and not found
    ]
    return found + [f"population {name} never spiked" for name in silent]


def _package(result: Result) -> dict[str, Any]:
    package = result.mapping.package
    types = Counter(chiplet.type for chiplet in package.chiplets)
    return {
        "name": package.name,
        "chiplets": len(package.chiplets),
        "chiplet_types": dict(types),
        "tiles": dict(Counter(tile.kind for tile in package.tiles)),
        "links_between_dies": sum(link.between_dies for link in package.links),
        "links_on_chip": sum(not link.between_dies for link in package.links),
    }


def _network(result: Result) -> dict[str, Any]:
    network = result.mapping.network
    synapses = 0
    for projection in network.projections:
        shape = network.population(projection.target).shape
        synapses += int(projection_synapses(projection, network, [tuple((0, n) for n in shape)])[0])
    return {
        "name": network.name,
        "populations": len(network.populations),
        "neurons": network.neurons,
        "synapses": synapses,
        "dt_s": network.dt_s,
        **({"scheme": network.scheme} if network.scheme else {}),
    }


def _accuracy(accuracy: Accuracy | None) -> dict[str, Any] | None:
    if accuracy is None:
        return None
    return {
        "value": accuracy.value,
        "correct": accuracy.correct,
        "samples": accuracy.samples,
        "ties": accuracy.ties,
        "population": accuracy.population,
    }
