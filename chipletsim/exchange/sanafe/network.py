"""SANA-FE's network file: groups of neurons, edges, hyper-edges, and where neurons live.

``network: {name, groups: [{name, attributes, neurons: [0..9: {...}]}], edges: [a.0 -> b.1:
{weight}, a -> b: {type: dense, ...}]}`` and ``mappings: [a.0..9: {core: tile.core}]``. The
meaning of each key is that of SANA-FE 2.2.9, as found by running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chipletsim.exchange.sanafe.architecture import Architecture
from chipletsim.exchange.sanafe.attributes import UNITS, Value, read_attributes
from chipletsim.exchange.sanafe.edges import EdgeReader
from chipletsim.exchange.sanafe.mapping import neuron_range, read_places
from chipletsim.exchange.sanafe.snn import Group, Snn, first_neurons
from chipletsim.exchange.sanafe.source import Entry, Faults, Notes, open_entry

MAX_NEURONS = 1 << 26


@dataclass
class _Neurons:
    """Neurons of one group while they are read."""

    group: Group
    values: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    trains: dict[int, np.ndarray]

    def set(self, attributes: dict[str, Value], first: int, last: int) -> None:
        """Give attributes to the neurons from ``first`` to ``last``."""
        for name, value in attributes.items():
            if isinstance(value, np.ndarray):
                self.trains |= dict.fromkeys(range(first, last + 1), value)
            elif isinstance(value, str):
                units = self.units.setdefault(UNITS[name], np.full(self.group.size, "", object))
                units[first : last + 1] = value
            else:
                values = self.values.setdefault(name, np.full(self.group.size, np.nan))
                values[first : last + 1] = value


def read_network(path: str | Path, architecture: Architecture, notes: Notes) -> Snn:
    """Read a network file.

    Args:
        path: The file.
        architecture: What its mappings refer to.
        notes: Takes what is left out.

    Raises:
        ConfigError: Every fault found, with its place.
    """
    root = open_entry(path)
    keys = root.keys()
    for key, value in keys.items():
        if key not in ("network", "mappings"):
            notes.leave(f"`{key}`", "is no part of a network", value.place)
    network, faults = root.need("network"), Faults()
    for key, value in network.items():
        if key not in ("name", "groups", "edges"):
            notes.leave(f"`{key}`", "is no part of a network", value.place)
    neurons = _groups(network.need("groups"), notes, faults)
    faults.raise_any()
    groups = tuple(each.group for each in neurons)
    with faults.gathered():
        synapses = EdgeReader(groups, notes).read(network.need("edges"))
    with faults.gathered():
        chosen = {section: _joined_units(neurons, section) for section in UNITS.values()}
        places = read_places(root.need("mappings"), groups, chosen, architecture, notes)
    faults.raise_any()
    named = network.keys().get("name")
    name = named.text() if named else "network"
    return Snn(name, groups, _joined_values(neurons), _joined_trains(neurons), synapses, places)


def _groups(entry: Entry, notes: Notes, faults: Faults) -> list[_Neurons]:
    neurons: list[_Neurons] = []
    for each in entry.listed():
        with faults.gathered():
            made = _group(each, notes)
            if any(made.group.name == other.group.name for other in neurons):
                raise each.fault(f"two groups are called {made.group.name!r}")
            neurons.append(made)
    if sum(each.group.size for each in neurons) > MAX_NEURONS:
        raise entry.fault(f"more than {MAX_NEURONS:,} neurons")
    return neurons


def _group(entry: Entry, notes: Notes) -> _Neurons:
    keys = entry.keys()
    for key, value in keys.items():
        if key == "size":
            notes.leave("`size`", "a group has the neurons that it lists", value.place)
        elif key not in ("name", "attributes", "neurons"):
            notes.leave(f"`{key}`", "is no part of a group", value.place)
    listed = entry.need("neurons")
    ranges = [_neurons(each) for each in listed.listed()]
    size = _size([bounds for bounds, _ in ranges], listed)
    made = _Neurons(Group(entry.need("name").text(), size), {}, {}, {})
    if "attributes" in keys:
        made.set(read_attributes(keys["attributes"], notes), 0, size - 1)
    for (first, last), attributes in ranges:
        if attributes is not None:
            made.set(read_attributes(attributes, notes), first, last)
    return made


def _neurons(entry: Entry) -> tuple[tuple[int, int], Entry | None]:
    """Return the neurons of one entry of a list, and their attributes."""
    if isinstance(entry.node.value, str):
        key, attributes = entry.node.value, None
    else:
        pairs = list(entry.items())
        if len(pairs) != 1:
            raise entry.fault(f"expected one key, such as `0..9`, got {len(pairs)}")
        key, attributes = pairs[0]
    bounds = neuron_range(key)
    if bounds is None or bounds[0] > bounds[1]:
        raise (attributes or entry).fault(f"expected neurons such as `3` or `0..9`, got {key!r}")
    return bounds, attributes


def _size(ranges: list[tuple[int, int]], entry: Entry) -> int:
    """Return how many neurons are listed.

    Raises:
        ConfigError: They are not 0, 1, 2, ..., each once.
    """
    expected = 0
    for first, last in sorted(ranges):
        if first != expected:
            what = "is listed twice" if first < expected else f"comes after {expected - 1}"
            raise entry.fault(
                f"neuron {first} {what}; a group lists its neurons from 0 on, each once "
                "(SANA-FE 2.2.9 counts entries, and gives the attributes to others)"
            )
        expected = last + 1
    if expected > MAX_NEURONS:
        raise entry.fault(f"{expected:,} neurons are more than {MAX_NEURONS:,}")
    return expected


def _joined_values(neurons: list[_Neurons]) -> dict[str, np.ndarray]:
    names = sorted({name for each in neurons for name in each.values})
    return {
        name: np.concatenate(
            [each.values.get(name, np.full(each.group.size, np.nan)) for each in neurons]
        )
        for name in names
    }


def _joined_units(neurons: list[_Neurons], section: str) -> np.ndarray:
    parts = [each.units.get(section, np.full(each.group.size, "", object)) for each in neurons]
    return np.concatenate(parts) if parts else np.zeros(0, object)


def _joined_trains(neurons: list[_Neurons]) -> dict[int, np.ndarray]:
    firsts = first_neurons([each.group.size for each in neurons])
    return {
        int(first) + number: train
        for first, each in zip(firsts, neurons, strict=False)
        for number, train in each.trains.items()
    }
