"""Mappings of SANA-FE's network file: the core of each neuron, and the units that it uses."""

from __future__ import annotations

import numpy as np

from chipletsim.exchange.sanafe.architecture import Architecture
from chipletsim.exchange.sanafe.snn import Group, Places, first_neurons
from chipletsim.exchange.sanafe.source import Entry, Faults, Notes, near

SECTIONS = ("soma", "synapse", "dendrite")


def read_places(
    entry: Entry,
    groups: tuple[Group, ...],
    units: dict[str, np.ndarray],
    architecture: Architecture,
    notes: Notes,
) -> Places:
    """Return where neurons live; of a neuron that is mapped twice the last counts.

    Args:
        entry: The section ``mappings``.
        groups: Groups of the network.
        units: Units that neurons name by themselves; changed to those of mappings.
        architecture: What has the cores.
        notes: Takes what is left out.

    Raises:
        ConfigError: Every fault found.
    """
    sizes = [group.size for group in groups]
    first = first_neurons(sizes)
    names = {group.name: number for number, group in enumerate(groups)}
    places = Places(
        np.full(int(first[-1]), -1, np.int64), np.zeros(int(first[-1]), np.int64), units
    )
    faults, mapped = Faults(), 0
    for each in entry.listed():
        with faults.gathered():
            pairs = list(each.items())
            if len(pairs) != 1:
                raise each.fault(f"expected neurons and their core, got {len(pairs)} keys")
            key, value = pairs[0]
            group, (start, stop) = _neurons(key, value, names, sizes)
            begin = int(first[group])
            chosen = slice(begin + start, begin + stop)
            places.core[chosen] = _core(value.need("core"), architecture)
            places.order[chosen] = np.arange(mapped, mapped + stop - start)
            _units(places, chosen, value, notes)
            mapped += stop - start
    faults.raise_any()
    return places


def neuron_range(text: str) -> tuple[int, int] | None:
    """Return the first and last number of ``3`` or ``0..9``; None where it is neither.

    >>> neuron_range("0..9"), neuron_range("3"), neuron_range("a")
    ((0, 9), (3, 3), None)
    """
    first, dots, last = text.strip().partition("..")
    numbers = [first, last] if dots else [first, first]
    if not all(each.isascii() and each.isdecimal() and len(each) < 10 for each in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def _units(places: Places, chosen: slice, entry: Entry, notes: Notes) -> None:
    for key, value in entry.items():
        if key in SECTIONS:
            places.units[key][chosen] = value.text()
        elif key != "core":
            near_by = near(key, ["core", *SECTIONS])
            notes.leave(f"`{key}` of mappings", f"is no part of a mapping{near_by}", value.place)


def _neurons(
    text: str, entry: Entry, names: dict[str, int], sizes: list[int]
) -> tuple[int, tuple[int, int]]:
    """Return the group, and the first neuron and the one after the last."""
    if text in names:
        return names[text], (0, sizes[names[text]])
    name, dot, last = text.rpartition(".")
    if ".." in text:
        name, dot, last = text.rpartition("..")
        name, dot, begin = name.rpartition(".")
        last = f"{begin}..{last}"
    if not dot or name not in names:
        raise entry.fault(f"there is no group {name or text!r}{near(name or text, list(names))}")
    bounds, size = neuron_range(last), sizes[names[name]]
    if bounds is None or not bounds[0] <= bounds[1] < size:
        raise entry.fault(f"expected neurons of {name!r} below {size:,}, got {text!r}")
    return names[name], (bounds[0], bounds[1] + 1)


def _core(entry: Entry, architecture: Architecture) -> int:
    """Return the number of a core ``tile.core``."""
    tile, dot, core = entry.text().partition(".")
    numbers = [tile, core]
    if not dot or not all(n.isascii() and n.isdecimal() and len(n) < 10 for n in numbers):
        raise entry.fault(f"expected a core such as `0.3` (tile, core), got {entry.text()!r}")
    tiles = architecture.tile_kinds.size
    if int(tile) >= tiles:
        raise entry.fault(f"there is no tile {tile}; there are {tiles:,}")
    begin, end = architecture.first_cores[int(tile) : int(tile) + 2]
    if int(core) >= end - begin:
        raise entry.fault(f"tile {tile} has {end - begin} cores, there is no {entry.text()!r}")
    return int(begin) + int(core)
