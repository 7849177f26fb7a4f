"""The spikes that cross each die boundary in every codec, and the dense codes beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType

from chipletsim.baseline.boundaries import crossing_classes
from chipletsim.baseline.roofline import assumption_lines
from chipletsim.codecs import (
    AddressEvents,
    AddressPackets,
    Bitmap,
    BlockedBitmap,
    DenseValues,
    MaskedValues,
    RiceGaps,
    SpikeCodec,
    ValueCodec,
    fair_bits,
)
from chipletsim.cost.batch import require_same_network
from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping as Placement
from chipletsim.network.fingerprint import fingerprint
from chipletsim.tables import render, si, table

BLOCK = 32
"""Neurons of a block of the blocked bitmap."""
PACKET_BITS = 32
"""Bits of a packet that carries one spike."""
_SHOWN = 4
_CHUNK_NUMBERS = 1 << 26
_NOTES = (
    "payload alone, each spike once over a boundary however many tiles it is bound for behind it;"
    " the link tells where a message ends",
    f"events: packed addresses of just enough bits; packets: {PACKET_BITS} bit a spike;"
    f" blocks: bitmap in blocks of {BLOCK} with an empty flag; gaps: Rice code, best k",
    "dense q: how often each neuron spiked, in q = ceil(log2(T + 1)) bits, once per inference, as"
    " wide as a dense activation that carries as much; masked: a bit for each neuron and q bits"
    " where it spiked; both lose the times of spikes",
)


@dataclass(frozen=True)
class CodedBoundary:
    """What crosses one direction of a boundary between two dies, per inference.

    Attributes:
        source: Name of the sending die.
        target: Name of the receiving die.
        populations: Populations whose spikes cross it.
        neurons: Neurons whose spikes cross it.
        spikes: Their mean spikes.
        bits: Name of a coding to mean bits.
    """

    source: str
    target: str
    populations: tuple[str, ...]
    neurons: int
    spikes: float
    bits: dict[str, float]

    @property
    def least(self) -> str:
        """Name of the coding with the fewest bits."""
        return _least(self.bits)


@dataclass(frozen=True)
class BoundaryCodings:
    """All boundaries that spikes cross; print it.

    Attributes:
        steps: Time steps of an inference.
        dense_bits: Bits of a dense activation.
        boundaries: In the order of the links.
        graded: Populations of graded events or counts, whose values no codec of spikes carries;
            left out.
    """

    steps: int
    dense_bits: int
    boundaries: tuple[CodedBoundary, ...]
    graded: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)

    @property
    def total(self) -> dict[str, float]:
        """Name of a coding to its bits over all boundaries."""
        names = self.boundaries[0].bits if self.boundaries else {}
        return {name: sum(each.bits[name] for each in self.boundaries) for name in names}

    def __rich__(self) -> RenderableType:
        busiest = sorted(self.boundaries, key=lambda each: -each.spikes)[:_SHOWN]
        columns = [f"{each.source} > {each.target}" for each in busiest]
        rows = [
            ("neurons", *(f"{each.neurons:,}" for each in busiest), ""),
            ("spikes", *(f"{each.spikes:,.6g}" for each in busiest), ""),
        ]
        for name, bits in self.total.items():
            cells = (si(each.bits[name], "bit") for each in busiest)
            rows.append((name, *cells, si(bits, "bit")))
        rows.append(("least", *(each.least for each in busiest), _least(self.total)))
        notes = list(_NOTES)
        if len(self.boundaries) > len(busiest):
            notes.append(f"the {_SHOWN} boundaries with most spikes of {len(self.boundaries)}")
        if self.graded:
            notes.append(
                f"left out, as their events are values or counts: {', '.join(self.graded)}"
            )
        title = f"Bits across dies per inference of {self.steps} steps, by codec"
        made = table(title, ("codec", *columns, "all boundaries"), rows)
        return Group(made, *assumption_lines(tuple(notes)))

    def __str__(self) -> str:
        return render(self)


def _least(bits: Mapping[str, float]) -> str:
    return min(bits, key=lambda name: bits[name]) if bits else ""


def codings(activity: Activity, mapping: Placement, *, dense_bits: int = 8) -> BoundaryCodings:
    """Return the exact bits of an activity across each die boundary, in every codec.

    Args:
        activity: Who spiked when.
        mapping: Where the neurons are.
        dense_bits: Bits of a dense activation.

    Raises:
        UsageError: The activity has no samples or steps, or is of another network.
        InfeasibleError: Answers leave the network but the package has no io tile.
    """
    package = mapping.package
    require_same_network(activity, mapping, fingerprint(mapping.lowered()))
    if not activity.samples * activity.steps:
        raise UsageError("there are no samples or no steps to encode")
    classes, pairs = crossing_classes(mapping)
    graded = tuple(name for name in activity.values)
    found = []
    for (source, target), of_boundary in pairs.items():
        crosses = np.isin(classes.neuron_class, of_boundary)
        chosen = _by_population(crosses, mapping, graded)
        if chosen:
            boundary = _coded(activity, chosen, dense_bits)
            names = package.chiplets[source].name, package.chiplets[target].name
            found.append(CodedBoundary(*names, tuple(chosen), **boundary))
    return BoundaryCodings(activity.steps, dense_bits, tuple(found), graded)


def _by_population(
    crosses: np.ndarray, mapping: Placement, graded: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return population name to indices of its neurons that cross, where there are any."""
    offsets = mapping.network.offsets
    found = {}
    for number, each in enumerate(mapping.network.populations):
        chosen = np.flatnonzero(crosses[offsets[number] : offsets[number + 1]])
        if chosen.size and each.name not in graded:
            found[each.name] = chosen
    return found


def _coded(activity: Activity, chosen: Mapping[str, np.ndarray], dense_bits: int) -> dict[str, Any]:
    """Return neurons, spikes and bits of the codings of one boundary."""
    neurons = sum(part.size for part in chosen.values())
    of_spikes, of_counts = _spike_codecs(neurons), _value_codecs(activity.steps, dense_bits)
    totals = dict.fromkeys([*of_spikes, "gaps", *of_counts], 0)
    by_k: Counter[int] = Counter()
    events = 0
    for spikes in _chunks(activity, chosen, neurons):
        counts = spikes.sum(axis=1)
        events += int(counts.sum())
        for name, codec in of_spikes.items():
            totals[name] += int(codec.bits(spikes).sum())
        for name, value_codec in of_counts.items():
            totals[name] += int(value_codec.bits(counts).sum())
        by_k.update(RiceGaps().bits_by_k(spikes))
    totals["gaps"] = min(by_k.values())
    bits = {name: total / activity.samples for name, total in totals.items()}
    return {"neurons": neurons, "spikes": events / activity.samples, "bits": bits}


def _spike_codecs(neurons: int) -> dict[str, SpikeCodec]:
    address = f"{max(int(neurons - 1).bit_length(), 1)} bit"
    return {
        "events": AddressEvents.model_validate({"address": address}),
        "packets": AddressPackets.model_validate({"packet": f"{PACKET_BITS} bit"}),
        "bitmap": Bitmap(),
        "blocks": BlockedBitmap(block_neurons=BLOCK),
    }


def _value_codecs(steps: int, dense_bits: int) -> dict[str, ValueCodec]:
    fair = f"{fair_bits(steps)} bit"
    return {
        f"dense {dense_bits}": DenseValues.model_validate({"width": f"{dense_bits} bit"}),
        "dense q": DenseValues.model_validate({"width": fair}),
        "masked": MaskedValues.model_validate({"width": fair}),
    }


def _chunks(
    activity: Activity, chosen: Mapping[str, np.ndarray], neurons: int
) -> Iterator[np.ndarray]:
    """Yield bool [samples, steps, neurons] that cross, some samples at a time."""
    together = max(1, _CHUNK_NUMBERS // max(activity.steps * neurons, 1))
    for first in range(0, activity.samples, together):
        part = activity.of_samples(first, together)
        yield np.concatenate([part.spikes(name)[..., at] for name, at in chosen.items()], axis=-1)
