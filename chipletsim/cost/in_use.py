"""The tiles, links and routers that a mapping uses: rows are counted and timed for them alone.

All others stay idle. Sizes are rounded up, with tiles, links and routers that are not used, so
that mappings of a package mostly share one compiled program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chipletsim.cost.constants import Constants, LinkConstants
from chipletsim.cost.entries import Entries
from chipletsim.cost.incidence import Frames, Incidence, Sizes, TrafficModel
from chipletsim.cost.program import Counted
from chipletsim.noc.padding import rounded_up


@dataclass(frozen=True, eq=False)
class InUse:
    """Indices of what is kept of a package, each sorted int64.

    Attributes:
        tiles: Of all kinds.
        links: Links.
        routers: Routers.
    """

    tiles: np.ndarray
    links: np.ndarray
    routers: np.ndarray

    def model(self, model: TrafficModel) -> TrafficModel:
        """Return a model whose quantities are those of what is in use."""
        return replace(model, incidence=self._incidence(model.incidence))

    def constants(self, constants: Constants, kinds: dict[str, np.ndarray]) -> Constants:
        """Return the numbers that times of rows need.

        Args:
            constants: Numbers of a package.
            kinds: Tile kind to indices of all its tiles.
        """
        return constants._replace(
            links=LinkConstants(*(column[self.links] for column in constants.links)),
            tiles={
                kind: {name: column[places] for name, column in constants.tiles[kind].items()}
                for kind, places in self._places(kinds).items()
            },
        )

    def whole(self, counted: Counted, full: Incidence) -> Counted:
        """Return numbers of what is in use as numbers of all tiles, links and routers."""
        links, routers = full.sizes.derived[0], full.sizes.derived[2]

        def spread(values: Any, places: np.ndarray, size: int) -> np.ndarray:
            result = np.zeros((*values.shape[:-2], size, values.shape[-1]), np.int64)
            result[..., places, :] = values
            return result

        of_tiles = spread(counted.tiles.numbers, self.tiles, full.sizes.tiles)
        of_links = ("link_packets", "link_bits", "wire_bits")
        of_routers = ("injected", "router_packets", "router_bits")
        spreads: dict[str, Any] = {
            "tiles": replace(counted.tiles, numbers=of_tiles),
            **{name: spread(getattr(counted, name), self.links, links) for name in of_links},
            **{name: spread(getattr(counted, name), self.routers, routers) for name in of_routers},
        }
        return replace(counted, **spreads)

    def resource(self, resource: np.ndarray, full: Incidence) -> np.ndarray:
        """Return what bounds rows, numbered as in ``RowTiming``, with the numbers of all."""
        tiles, links = full.sizes.tiles, full.sizes.derived[0]
        others = tiles + links + np.arange(2)
        number = np.concatenate([self.tiles, tiles + self.links, others])
        return number[resource].astype(np.int32)

    def _places(self, kinds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return tile kind to the places of its kept tiles among all of the kind."""
        found = {
            kind: np.flatnonzero(np.isin(members, self.tiles)) for kind, members in kinds.items()
        }
        return {kind: places for kind, places in found.items() if places.size}

    def _incidence(self, full: Incidence) -> Incidence:
        sizes = full.sizes
        links, routers = self.links.size, self.routers.size
        of_tiles = _blocks(sizes.tiles, self.tiles, sizes.direct[1] // sizes.tiles)
        of_crossbars = _blocks(sizes.tiles, self.tiles, sizes.derived[-1] // sizes.tiles)
        every = [np.arange(size) for size in sizes.direct]
        of_links = _numbers(sizes.derived[0], self.links)
        of_routers = _numbers(sizes.derived[2], self.routers)
        kinds = {
            kind: _numbers(sizes.tiles, self.tiles)[full.kinds[kind][places]].astype(np.int32)
            for kind, places in self._places(full.kinds).items()
        }
        narrow = Sizes(
            tiles=self.tiles.size,
            direct=(sizes.direct[0], int(of_tiles.max(initial=-1)) + 1, sizes.direct[2]),
            derived=(
                links,
                links,
                routers,
                routers,
                routers,
                int(of_crossbars.max(initial=-1)) + 1,
            ),
            names=sizes.names,
        )
        direct = [every[0], of_tiles, every[2]]
        derived = [of_links] * 2 + [of_routers] * 3 + [of_crossbars]
        routes = full.routes
        return replace(
            full,
            sizes=narrow,
            direct=_renumbered(full.direct, direct, narrow.direct),
            derived=_renumbered(full.derived, derived, narrow.derived),
            flit_bits=full.flit_bits[self.links],
            frames=Frames(*(column[self.links] for column in full.frames)),
            kinds=kinds,
            routes=routes._replace(
                # A node without a link, -1, keeps its number.
                node_link=np.append(of_links, -1)[routes.node_link].astype(np.int32),
                link_target=routes.link_target[self.links],
            ),
        )


def in_use(model: TrafficModel) -> InUse:
    """Return what a mapping uses.

    Args:
        model: Its classes and incidence.
    """
    full = model.incidence
    tiles, links, routers = (
        np.zeros(size, bool) for size in (full.sizes.tiles, *full.sizes.derived[:3:2])
    )
    _, of_tiles, _ = _groups(full.direct, full.sizes.direct)
    parts = _groups(full.derived, full.sizes.derived)
    for numbers in (of_tiles, parts[-1]):
        tiles[numbers % full.sizes.tiles] = True
    for numbers in parts[:2]:
        links[numbers] = True
    links[full.routes.node_link[full.routes.node_link >= 0]] = True
    for numbers in parts[2:5]:
        routers[numbers] = True
    by_kind = [
        members[_filled_up(tiles[members])]
        for members in full.kinds.values()
        if tiles[members].any()
    ]
    kept = np.sort(np.concatenate([np.zeros(0, np.int64), *by_kind]))
    return InUse(kept, _filled_up(links), _filled_up(routers))


def _filled_up(used: np.ndarray) -> np.ndarray:
    """Return indices of used ones, and of so many others that their number is a round one."""
    spare = np.flatnonzero(~used)
    count = int(used.sum())
    missing = min(rounded_up(count), used.size) - count
    return np.sort(np.concatenate([np.flatnonzero(used), spare[:missing]]))


def _groups(entries: Entries, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """Return the quantities of each group that have entries, numbered from 0."""
    quantity = entries.quantity[entries.weight != 0]
    used = np.zeros(sum(sizes), bool)
    used[quantity] = True
    stops = np.cumsum(sizes)
    return [np.flatnonzero(each) for each in np.split(used, stops[:-1])]


def _numbers(size: int, kept: np.ndarray) -> np.ndarray:
    """Return int64 [size]: the new number of each that is kept, -1 for the others."""
    number = np.full(size, -1)
    number[kept] = np.arange(kept.size)
    return number


def _blocks(size: int, kept: np.ndarray, blocks: int) -> np.ndarray:
    """Return the new numbers of several blocks of ``size`` that follow each other."""
    number = _numbers(size, kept)
    shift = np.arange(blocks)[:, None] * kept.size
    return np.where(number < 0, -1, number + shift).reshape(-1)


def _renumbered(entries: Entries, groups: list[np.ndarray], sizes: tuple[int, ...]) -> Entries:
    """Return entries with new numbers of their quantities; what fills them up counts nothing."""
    first = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    table = np.concatenate(
        [np.where(group < 0, -1, group + at) for group, at in zip(groups, first, strict=True)]
    )
    quantity = np.maximum(table[entries.quantity], 0)
    return entries._replace(quantity=quantity.astype(entries.quantity.dtype))
