"""Reading SANA-FE's architecture file; its meaning is with `Architecture`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from chipletsim.exchange.sanafe.architecture import (
    COSTS,
    DIRECTIONS,
    MAX_CORES,
    MODELS,
    Architecture,
    Core,
    Cost,
    Tile,
    Unit,
    split_range,
)
from chipletsim.exchange.sanafe.source import Entry, Faults, Notes, near, open_entry

_LOGS = ("log_energy", "log_latency", "log_spikes", "log_potential")
_IGNORED = {
    **dict.fromkeys(_LOGS, "what is logged is told by a run"),
    "update_every_timestep": "changes nothing in SANA-FE 2.2.9, wherever the buffer is",
}
_UNKNOWN = "is read by no part of the architecture"


def read_architecture(path: str | Path, notes: Notes) -> Architecture:
    """Read an architecture file.

    Args:
        path: The file.
        notes: Takes what is left out.

    Raises:
        ConfigError: Every fault of the file, with its place.
    """
    return _Reader(notes).read(open_entry(path).need("architecture"))


class _Reader:
    """One pass over an architecture file."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.faults = Faults()

    def read(self, root: Entry) -> Architecture:
        """Return the architecture under the key ``architecture``."""
        keys = root.keys()
        attributes = root.need("attributes")
        with self.faults.gathered():
            self._others(keys, {"name", "attributes", "tile"})
        width, height = self._positive(attributes, "width"), self._positive(attributes, "height")
        link_buffer = self._positive(attributes, "link_buffer_size")
        barrier_s: dict[int, float] = {}
        with self.faults.gathered():
            barrier_s = self._barrier(attributes.keys())
        known = {"width", "height", "link_buffer_size", "sync_model", "latency_sync"}
        self._topology(attributes, known)
        tiles = [self._tile(entry) for entry in root.need("tile").listed()]
        self.faults.raise_any()
        name = keys["name"].text() if "name" in keys else "sana_fe"
        kept = tuple(tile for tile in tiles if tile is not None)
        made = Architecture(name, width, height, link_buffer, barrier_s, kept)
        self._check_size(made, root)
        return made

    def _positive(self, entry: Entry, key: str) -> int:
        with self.faults.gathered():
            given = entry.need(key)
            if not 1 <= given.whole() <= MAX_CORES:
                raise given.fault(f"expected 1 to {MAX_CORES:,}, got {given.whole():,}")
            return given.whole()
        return 1

    def _topology(self, attributes: Entry, known: set[str]) -> None:
        keys = attributes.keys()
        topology = keys.get("topology")
        if topology is not None and topology.node.value != "mesh":
            why = "SANA-FE reads no topology: its network is a mesh"
            self.notes.leave(f"`topology: {topology.node.value}`", why, topology.place)
        self._others(keys, known | {"topology"})

    def _others(self, keys: dict[str, Entry], known: set[str]) -> None:
        """Note the keys that are not read."""
        for key, value in keys.items():
            if key not in known:
                self.notes.leave(f"`{key}`", _IGNORED.get(key, _UNKNOWN), value.place)

    def _barrier(self, keys: dict[str, Entry]) -> dict[int, float]:
        """Return the time of synchronisation by tiles in use, from 1 on."""
        model, latency = keys.get("sync_model"), keys.get("latency_sync")
        kind = "fixed" if model is None else model.text()
        if kind not in ("fixed", "table"):
            raise keys["sync_model"].fault(f"expected fixed or table, got {kind!r}")
        if latency is None:
            if kind == "table":
                raise keys["sync_model"].fault("a table needs `latency_sync`")
            return {1: 0.0}
        if isinstance(latency.node.value, str):
            return {1: _cost(latency)}
        if kind == "fixed":
            raise latency.fault("one number is expected where `sync_model` is fixed")
        if isinstance(latency.node.value, list):
            table = {index: _cost(entry) for index, entry in enumerate(latency.listed())}
        else:
            table = {_tiles(key, entry): _cost(entry) for key, entry in latency.items()}
        if not table:
            raise latency.fault("a table needs at least one time")
        # One tile at least is in use, so that a first entry for 0 counts from 1 on.
        none = table.pop(0, None)
        return {1: none, **table} if none is not None and 1 not in table else table

    def _tile(self, entry: Entry) -> Tile | None:
        with self.faults.gathered():
            keys = entry.keys()
            self._others(keys, {"name", "attributes", "core"})
            name, count = self._name(entry)
            attributes = entry.need("attributes")
            hops = {each: self._pair(attributes, f"{each}_hop") for each in DIRECTIONS}
            self._others(attributes.keys(), _pair_keys(f"{each}_hop" for each in DIRECTIONS))
            cores = [self._core(core) for core in entry.need("core").listed()]
            if not cores:
                raise keys["core"].fault("a tile needs at least one core")
            return Tile(name, count, hops, tuple(core for core in cores if core))
        return None

    def _name(self, entry: Entry) -> tuple[str, int]:
        given = entry.need("name")
        name, first, last = split_range(given.text())
        count = 1 if first is None or last is None else last - first + 1
        if not 1 <= count <= MAX_CORES:
            raise given.fault(f"expected a range that rises, got {given.text()!r}")
        return name, count

    def _pair(self, attributes: Entry, event: str) -> Cost:
        return Cost(*(_cost(attributes.need(f"{what}_{event}")) for what in ("energy", "latency")))

    def _core(self, entry: Entry) -> Core | None:
        with self.faults.gathered():
            keys = entry.keys()
            self._others(keys, {"name", "attributes", "axon_in", "axon_out", *COSTS})
            name, count = self._name(entry)
            attributes = entry.need("attributes")
            self._others(attributes.keys(), {
                "buffer_position", "buffer_inside_unit", "max_neurons_supported",
            })  # fmt: skip
            inside = attributes.keys().get("buffer_inside_unit")
            return Core(
                name,
                count,
                (attributes.need("buffer_position").text(), inside.flag() if inside else False),
                attributes.need("max_neurons_supported").whole(),
                self._axon(entry, "axon_in", "message_in"),
                self._axon(entry, "axon_out", "message_out"),
                {section: self._units(entry, section) for section in COSTS},
            )
        return None

    def _axon(self, entry: Entry, section: str, event: str) -> Cost:
        units = entry.need(section).listed()
        if not units:
            raise entry.need(section).fault("at least one unit is needed")
        for unit in units[1:]:
            self.notes.leave(f"further unit of `{section}`", "messages use the first", unit.place)
        if len(units) > 1:
            self.notes.differ(
                f"`{section}` has {len(units)} units: the energy of messages is that of the first "
                "unit, which handles them; SANA-FE 2.2.9 prices those of the last alone"
            )
        attributes = units[0].need("attributes")
        self._others(attributes.keys(), _pair_keys([event]))
        return self._pair(attributes, event)

    def _units(self, entry: Entry, section: str) -> tuple[Unit, ...]:
        units: list[Unit] = []
        for each in entry.need(section).listed():
            unit = self._unit(each, section)
            if any(unit.name == other.name for other in units):
                raise each.fault(f"two units of `{section}` are called {unit.name!r}")
            units.append(unit)
        if not units:
            raise entry.need(section).fault("at least one unit is needed")
        return tuple(units)

    def _unit(self, entry: Entry, section: str) -> Unit:
        self._name(entry)
        name, first, last = split_range(entry.need("name").text())
        attributes = entry.need("attributes")
        keys = attributes.keys()
        model = attributes.need("model").text()
        fault = _no_counterpart(section, model, keys)
        events = COSTS[section]
        self._others(keys, {"model", "plugin", "noise", *_pair_keys(events)})
        costs = {} if fault else {event: self._pair(attributes, event) for event in events}
        if fault:
            self.notes.leave(f"{section} unit `{name}`", fault, entry.place)
        return Unit(name, first, last, model, costs, fault)

    def _check_size(self, made: Architecture, root: Entry) -> None:
        tiles, places = made.tile_kinds.size, made.width * made.height
        if tiles > places:
            raise root.need("tile").fault(
                f"{tiles:,} tiles are more than the {made.width} x {made.height} places of the "
                "mesh; raise `width` or `height`"
            )
        if made.cores > MAX_CORES:
            raise root.need("tile").fault(f"{made.cores:,} cores are more than {MAX_CORES:,}")


def _cost(entry: Entry) -> float:
    value = entry.number()
    if value < 0:
        raise entry.fault(f"a cost must not be below 0, got {value:g}")
    return value


def _tiles(key: str, entry: Entry) -> int:
    if not key.isascii() or not key.isdecimal():
        raise entry.fault(f"expected a number of tiles as the key, got {key!r}")
    return int(key)


def _pair_keys(events: Iterable[str]) -> set[str]:
    return {f"{what}_{event}" for event in events for what in ("energy", "latency")}


def _no_counterpart(section: str, model: str, keys: dict[str, Entry]) -> str:
    """Return why a unit has no counterpart here; empty if it has one."""
    if "plugin" in keys:
        return f"its model {model!r} is a plugin, which only SANA-FE can run"
    if "noise" in keys:
        return "its noise comes from a file of random numbers, which has no counterpart here"
    if model not in MODELS[section]:
        return f"there is no model {model!r} here{near(model, list(MODELS[section]))}"
    return ""
