"""In which order links that encode send: each once all has come of those before it."""

from __future__ import annotations

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package


def link_levels(pairs: np.ndarray, package: Package, network: PackageNetwork) -> np.ndarray:
    """Return int64 [links that encode]: how many of them precede each on the way of some event.

    Args:
        pairs: int64 [pairs, 2], link from which events come to another one, -1 for a tile; and that
            one, each by its place among those that encode.
        package: The package.
        network: It as routers and ports.

    Raises:
        ConfigError: Links precede one another in a ring.
    """
    level = np.zeros(network.encoded.size, np.int64)
    before, link = np.unique(pairs[pairs[:, 0] >= 0], axis=0).T
    for _ in range(level.size + 1):
        higher = level.copy()
        np.maximum.at(higher, link, level[before] + 1)
        if np.array_equal(higher, level):
            return level
        level = higher
    name = package.links[network.encoded[_in_ring(before, link, level)]].name
    message = (
        f"link {name} has an `encoding` and sends what a step has once all of it has come, which"
        " waits in a ring of such links for its own message; timing `queue` and `cycle` do not"
        " follow that; use `bound`, or leave out the `encoding` of a link of the ring"
    )
    raise ConfigError([Problem(message, "timing")])


def _in_ring(before: np.ndarray, link: np.ndarray, level: np.ndarray) -> int:
    """Return a link of a ring, whose levels have no end; nor have those of links behind it.

    Args:
        before: int64 [pairs], a link.
        link: int64 [pairs], the next one.
        level: int64 [links that encode], after more rounds than there are links.
    """
    order = np.argsort(level[before], kind="stable")
    highest = np.full(level.size, -1)  # of those before each link
    highest[link[order]] = before[order]
    at = int(level.argmax())
    for _ in range(level.size):  # back from what may be behind a ring, into it
        at = int(highest[at])
    return at
