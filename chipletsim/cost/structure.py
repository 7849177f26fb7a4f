"""What two packages must share for one incidence to serve both."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from chipletsim.codecs.flits import FrameSpec
from chipletsim.package.model import Package


def structure(package: Package) -> str:
    """Return a hash of everything in a package that is not a float.

    Packages of equal structure have the same graph, synchronisation, routes, packet format, flits,
    frames, encodings, and whole numbers and flags of tiles; so all counts on them are the same, and
    their constants have the same shapes.
    """
    digest = hashlib.sha256()
    for part in (
        package.spec.packet.model_dump(),
        package.spec.synchronisation,
        [chiplet.name for chiplet in package.chiplets],
        [(r.chiplet, r.at, r.spec.multicast) for r in package.routers],
        [
            (t.kind, t.router, _whole_numbers(t.parameters), t.parameters.converts)
            for t in package.tiles
        ],
        [
            (
                x.source,
                x.target,
                x.between_dies,
                x.spec.flit_bits,
                _frame(x.spec.frame),
                x.spec.encoding,
            )
            for x in package.links
        ],
    ):
        digest.update(repr(part).encode())
    digest.update(np.ascontiguousarray(package.incoming_link).tobytes())
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
