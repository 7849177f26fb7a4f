"""Links that encode, for the cost tests: codecs of all kinds, packages, and draws."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from cost_cases import (
    mixed_network,
    mixed_package,
    population,
    random_mapping,
)

from chipletsim.network.connections import Dense, Sparse
from chipletsim.network.model import Network, Projection
from chipletsim.spec.package import EncodingSpec

LINEAR = {
    "events": {"kind": "address_events", "address": "9 bit", "other": "3 bit"},
    "counted": {"kind": "address_events", "address": "8 bit", "count": "8 bit"},
    "packets": {"kind": "address_packets", "packet": "32 bit"},
    "ended": {"kind": "address_packets", "packet": "9 bit", "end_packet": True},
    "bitmap": {"kind": "bitmap"},
}
BY_POSITION = {
    "blocks": {"kind": "blocked_bitmap", "block": 5},
    "gaps": {"kind": "rice_gaps", "k": 2, "count": "8 bit"},
    "counts": {"kind": "spike_counts"},
}
SPIKES = LINEAR | BY_POSITION
VALUES = {
    "dense": {"kind": "dense", "width": "8 bit"},
    "masked": {"kind": "masked", "width": "6 bit"},
}


def windows(activity, *stops):
    """Return the activity in windows of steps that end at the stops, and the rest."""
    bounds = [0, *stops, activity.steps]
    parts = []
    for first, stop in pairwise(bounds):
        rasters = {name: each[:, first:stop] for name, each in activity.rasters.items()}
        values = {name: each[:, first:stop] for name, each in activity.values.items()}
        parts.append(replace(activity, rasters=rasters, values=values, steps=stop - first))
    return parts


def encoded(package, chosen):
    """Return a package whose links encode as chosen: its encoding, and perhaps no frame."""
    links = []
    for number, link in enumerate(package.links):
        encoding, *frame = chosen(number, link)
        changed = {"encoding": EncodingSpec.model_validate(encoding) if encoding else None}
        changed |= {"frame": None} if frame else {}
        links.append(replace(link, spec=link.spec.model_copy(update=changed)))
    return replace(package, links=tuple(links))


def two_dies(between, on_die=None, *, framed=True, multicast=(True, False)):
    """The mixed package, with links between dies that encode, and perhaps those on the second."""
    package = mixed_package(multicast)

    def chosen(_, link):
        inside = on_die if package.routers[link.source].chiplet else None
        return (between if link.between_dies else inside,) if framed else (between, "none")

    return encoded(package, chosen)


def random_network(draw):
    """An input, two layers and an answer; delays close a cycle, and some events are graded."""
    sizes = draw.integers(3, 24, 4)
    graded = np.where(draw.random(4) < 0.4, 5, 0)
    names = ("in", "one", "two", "out")
    populations = tuple(
        population(name, (int(size),), "input" if name == "in" else "if", value_bits=int(bits))
        for name, size, bits in zip(names, sizes, graded, strict=True)
    )
    populations = (*populations[:3], replace(populations[3], output=True))

    def listed(source, target):
        degree = draw.integers(0, 4, sizes[source])
        targets = draw.integers(0, sizes[target], degree.sum()).astype(np.int32)
        weights = np.ones(targets.size, np.float32)
        return Sparse(np.append(0, np.cumsum(degree)), targets, weights, int(sizes[target]))

    full = Dense(np.ones((sizes[1], sizes[0]), np.float32))
    edges = (
        Projection("a", "in", "one", full),
        Projection("b", "one", "two", listed(1, 2)),
        Projection("c", "two", "out", listed(2, 3)),
        Projection("d", "out", "one", listed(3, 1), delay=int(draw.integers(1, 3))),
    )
    return Network("drawn", populations, edges, 1e-3)


def random_encoding(draw, names):
    """Return what a link encodes, or nothing, and perhaps that it has no frame."""
    spikes = SPIKES[str(draw.choice(names))] if draw.random() < 0.6 else None
    values = VALUES[str(draw.choice(list(VALUES)))] if draw.random() < 0.6 else None
    given = {"spikes": spikes, "values": values} if spikes or values else None
    return (given, "no frame") if draw.random() < 0.3 else (given,)


def mixed_mapping():
    """Messages of every kind: gaps between dies, counts and values inside the second."""
    encoding = {"spikes": SPIKES["gaps"], "values": VALUES["masked"]}
    package = two_dies(encoding, {"spikes": SPIKES["counts"], "values": VALUES["dense"]})
    return random_mapping(mixed_network(), package, 5)
