"""Links in classes, and what crosses each boundary between two dies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.deployment.signals import KINDS
from chipletsim.deployment.traffic import Traffic
from chipletsim.package.model import Package
from chipletsim.spec.package import LinkSpec


@dataclass(frozen=True)
class Crossed:
    """Links together, for a batch.

    Attributes:
        name: ``A > B`` of a boundary in one direction, or what a class of links is.
        between_dies: Whether they join two dies.
        links: Number of directed links.
        bits: Bits over them, in whole flits.
        wire_bits: The same, frames included.
        energy_j: Dynamic energy of the links.
        bits_by_kind: Kind of traffic to its share of ``bits``.
        busiest_wire_bits: Most bits on one of the links.
    """

    name: str
    between_dies: bool
    links: int
    bits: float
    wire_bits: float
    energy_j: float
    bits_by_kind: dict[str, float]
    busiest_wire_bits: float


def link_classes(package: Package, traffic: Traffic) -> tuple[Crossed, ...]:
    """Return the links of the same costs together, those on chips first."""
    members: dict[tuple[bool, LinkSpec], list[int]] = {}
    for number, link in enumerate(package.links):
        members.setdefault((link.between_dies, link.spec), []).append(number)
    ordered = sorted(members.items(), key=lambda item: item[0][0])
    found = []
    for (between, spec), links in ordered:
        place = "die to die" if between else "on chip"
        energy = f"{spec.energy_j_per_bit * 1e12:g} pJ/bit"
        name = f"{place}, {spec.bandwidth_bit_per_s / 1e9:g} Gb/s, {energy}"
        found.append(_crossed(name, between, links, package, traffic))
    return tuple(found)


def boundary_table(package: Package, traffic: Traffic) -> tuple[Crossed, ...]:
    """Return each boundary that something crosses, most energy first."""
    members: dict[tuple[int, int], list[int]] = {}
    for number in np.flatnonzero(traffic.link_packets).tolist():
        link = package.links[number]
        if link.between_dies:
            dies = package.routers[link.source].chiplet, package.routers[link.target].chiplet
            members.setdefault(dies, []).append(number)
    found = [
        _crossed(
            f"{package.chiplets[a].name} > {package.chiplets[b].name}",
            True,
            links,
            package,
            traffic,
        )
        for (a, b), links in members.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.energy_j, -each.wire_bits)))


def _crossed(
    name: str, between: bool, links: list[int], package: Package, traffic: Traffic
) -> Crossed:
    kinds = traffic.kind_bits[:, links].sum(axis=1)
    return Crossed(
        name=name,
        between_dies=between,
        links=len(links),
        bits=float(traffic.link_bits[links].sum()),
        wire_bits=float(traffic.link_wire_bits[links].sum()),
        energy_j=float(_energy(package, traffic, links)),
        bits_by_kind={kind: float(bits) for kind, bits in zip(KINDS, kinds, strict=True) if bits},
        busiest_wire_bits=float(traffic.link_wire_bits[links].max(initial=0.0)),
    )


def _energy(package: Package, traffic: Traffic, links: list[int]) -> float:
    return sum(
        float(traffic.link_wire_bits[number]) * package.links[number].spec.expected_energy_j_per_bit
        + float(traffic.link_packets[number]) * package.links[number].spec.energy_j_per_packet
        for number in links
    )
