"""What two packages must share for one incidence, or one plan of packets, to serve both."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from chipletsim.codecs.flits import FrameSpec
from chipletsim.package.model import Package


def structure(package: Package) -> tuple[str, str]:
    """Return hashes of everything in a package that is not a float: of its ways, and of the rest.

    Packages of equal structure have the same ways, synchronisation, packet format, flits and
    frames; so all counts on them are the same, and their constants have the same shapes.
    """
    return ways(package), _hash(
        package.spec.packet.model_dump(),
        package.spec.synchronisation,
        [chiplet.name for chiplet in package.chiplets],
        [(x.spec.flit_bits, _frame(x.spec.frame)) for x in package.links],
    )


def ways(package: Package) -> str:
    """Return a hash of what decides where the packets of a mapping go, whatever their sizes.

    Packages of equal ways have the same graph, routes, routers that copy and links that encode, and
    the same whole numbers and flags of tiles; so messages are for the same tiles, take the same
    routes, and fetch the same weights.
    """
    different = {id(t.parameters): t.parameters for t in package.tiles}
    parameters = {key: (_whole_numbers(x), x.converts) for key, x in different.items()}
    routes = np.ascontiguousarray(package.incoming_link)
    return _hash(
        [(r.chiplet, r.at, r.spec.multicast) for r in package.routers],
        [(t.kind, t.router, parameters[id(t.parameters)]) for t in package.tiles],
        [(x.source, x.target, x.between_dies, x.wraps, x.spec.encoding) for x in package.links],
        hashlib.sha256(routes.tobytes()).hexdigest(),
    )


def _hash(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()


def _whole_numbers(parameters: Any) -> list[tuple[str, object]]:
    return sorted(_without_floats(parameters.model_dump()).items())


def _without_floats(section: dict[str, Any]) -> dict[str, Any]:
    """Return a section and those in it without their floats; names and their order stay."""
    return {
        name: _without_floats(value) if isinstance(value, dict) else value
        for name, value in section.items()
        if not isinstance(value, float)
    }


def _frame(frame: FrameSpec | None) -> tuple[int, int] | None:
    return (frame.payload_bits, frame.total_bits) if frame else None
