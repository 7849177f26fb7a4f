"""From an architecture of SANA-FE to a package: one die, a mesh of routers with pipeline cores.

SANA-FE's tile is a router here, and its core a tile of kind ``pipeline_core``. Its hops are
priced with tiles of its own, so each core carries the costs of hops of its tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chipletsim.exchange.sanafe.architecture import Architecture, Core, Cost, Tile, Unit
from chipletsim.exchange.sanafe.source import Notes
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

DIE = "chip"
BEFORE_SOMA = ("soma", False)
IN_DENDRITE = ("dendrite", True)
Kind = tuple[int, int]
"""Kind of a tile, and kind of a core in it, as indices."""


@dataclass(frozen=True)
class Chip:
    """A package and where the cores of the architecture are in it.

    Attributes:
        content: The package file.
        package: The package.
        tiles: int64 [cores]: tile of each core, -1 for one without a counterpart.
    """

    content: dict[str, Any]
    package: Package
    tiles: np.ndarray


def core_fault(core: Core, dendrite: Unit) -> str:
    """Return why a core with a dendrite has no counterpart here; empty if it has one.

    Args:
        core: The core.
        dendrite: The dendrite unit that its neurons use.
    """
    if dendrite.fault:
        return f"dendrite unit `{dendrite.name}`: {dendrite.fault}"
    where, inside = core.buffer
    shown = f"its time-step buffer is {'inside' if inside else 'before'} the {where}"
    if core.buffer == BEFORE_SOMA:
        if dendrite.model == "accumulator":
            return ""
        return (
            f"{shown}, and `{dendrite.name}` delays events: SANA-FE 2.2.9 loses spikes then; with "
            "`buffer_position: dendrite, buffer_inside_unit: true` it keeps them"
        )
    if core.buffer == IN_DENDRITE:
        return _fault_inside(dendrite, shown)
    what = {
        ("dendrite", False): "SANA-FE 2.2.9 keeps only the last synaptic event of a step",
        ("soma", True): "SANA-FE 2.2.9 ends with an error",
        ("axon_out", False): "SANA-FE 2.2.9 runs no neuron",
        ("axon_out", True): "SANA-FE 2.2.9 runs no neuron",
    }
    why = what.get(core.buffer, "SANA-FE 2.2.9 knows no such place")
    return f"{shown}: {why}; expected `buffer_position: soma`"


def _fault_inside(dendrite: Unit, shown: str) -> str:
    """Return why a dendrite that holds the time-step buffer has no counterpart here."""
    if dendrite.model == "accumulator":
        return (
            f"{shown}, and `{dendrite.name}` keeps nothing from step to step: SANA-FE 2.2.9 loses "
            "all input then; use `accumulator_with_delay`, or `buffer_position: soma`"
        )
    if dendrite.costs["update"].latency_s:
        return (
            f"{shown}, and work of `{dendrite.name}` takes time, for events and for neurons; "
            "here it takes time for one of them alone: make its `latency_update` 0"
        )
    return ""


def default_dendrites(architecture: Architecture) -> dict[Kind, Unit]:
    """Return the dendrite unit of each kind of core that neurons use if they name none."""
    return {
        (number, index): core.units["dendrite"][0]
        for number, tile in enumerate(architecture.tiles)
        for index, core in enumerate(tile.cores)
    }


def make_chip(architecture: Architecture, dendrites: Mapping[Kind, Unit], notes: Notes) -> Chip:
    """Return the package of an architecture.

    Args:
        architecture: The architecture.
        dendrites: Dendrite unit of each kind of core.
        notes: Takes what is left out.

    Raises:
        ConfigError: The package cannot be built.
    """
    placements, placed = _placements(architecture, dendrites, notes)
    barrier = {number: f"{time!r} s" for number, time in architecture.barrier_s.items()}
    content: dict[str, Any] = {
        "name": architecture.name,
        "packet": {"header": "0 bit", "address": "32 bit"},
        "barrier": barrier if len(barrier) > 1 else next(iter(barrier.values())),
        "chiplet_types": {
            DIE: {
                "network": {
                    "topology": "mesh",
                    "shape": _shape(architecture),
                    "link": {"bandwidth": "1 Pbit/s", "latency": "0 s", "flit": "32 bit"},
                    "router": {"multicast": False},
                    "link_buffer_size": architecture.link_buffer,
                },
                "tiles": placements,
            }
        },
        "chiplets": {DIE: {"type": DIE}},
    }
    notes.differ(
        "links have no bandwidth in SANA-FE, whose timing has its own rules (`simple`, "
        "`detailed`); for timing `bound` they carry 1 Pbit/s"
    )
    package = build_package(PackageSpec.model_validate(content))
    return Chip(content, package, _tiles(architecture, package, placed))


def _shape(architecture: Architecture) -> list[int]:
    """Return the mesh up to the last column, or row of a single column, that has a tile.

    Routes of a mesh never leave the box of their ends, so that the rest makes no difference.
    """
    tiles = architecture.tile_kinds.size
    columns = -(-tiles // architecture.height)
    return [columns, architecture.height if columns > 1 else tiles]


def _placements(
    architecture: Architecture, dendrites: Mapping[Kind, Unit], notes: Notes
) -> tuple[list[dict[str, Any]], set[Kind]]:
    """Return the tiles of the package file, and which kinds of cores are among them."""
    placements, placed = [], set()
    for number, tile in enumerate(architecture.tiles):
        where = np.flatnonzero(architecture.tile_kinds == number)
        at = [[int(t) // architecture.height, int(t) % architecture.height] for t in where]
        for index, core in enumerate(tile.cores):
            dendrite = dendrites[number, index]
            fault = core_fault(core, dendrite) or _no_unit(core)
            if fault:
                notes.leave(f"cores `{core.name}` of tiles `{tile.name}`", fault)
                continue
            placed.add((number, index))
            one = {"name": core.name, "per_router": core.count, "at": at}
            placements.append(one | {"tile": _core(core, tile, dendrite)})
    return placements, placed


def _no_unit(core: Core) -> str:
    for section in ("synapse", "soma"):
        if all(unit.fault for unit in core.units[section]):
            return f"none of its {section} units has a counterpart here"
    return ""


def _core(core: Core, tile: Tile, dendrite: Unit) -> dict[str, Any]:
    """Return a pipeline core of the package file."""
    update = dendrite.costs["update"]
    return {
        "kind": "pipeline_core",
        "neurons": core.neurons,
        "axon_in": _message(core.message_in),
        "synapse": {
            unit.name: _event(unit.costs["process_spike"], "event")
            for unit in core.units["synapse"]
            if not unit.fault
        },
        "dendrite": {
            **_event(update, "update"),
            "per": "synaptic_event",
            # With the buffer inside it, a dendrite is updated once more for each neuron.
            "update_every_step": core.buffer == IN_DENDRITE,
        },
        "soma": {
            unit.name: {
                **_event(unit.costs["access_neuron"], "access"),
                **_event(unit.costs["update_neuron"], "update"),
                **_event(unit.costs["spike_out"], "spike"),
            }
            for unit in core.units["soma"]
            if not unit.fault
        },
        "axon_out": _message(core.message_out),
        "hop": {
            direction: {"energy": f"{cost.energy_j!r} J", "time": f"{cost.latency_s!r} s"}
            for direction, cost in tile.hops.items()
        },
    }


def _event(cost: Cost, event: str) -> dict[str, str]:
    return {
        f"energy_per_{event}": f"{cost.energy_j!r} J/op",
        f"time_per_{event}": f"{cost.latency_s!r} s/op",
    }


def _message(cost: Cost) -> dict[str, str]:
    return {
        "energy_per_message": f"{cost.energy_j!r} J/packet",
        "time_per_message": f"{cost.latency_s!r} s/packet",
    }


def _tiles(architecture: Architecture, package: Package, placed: set[Kind]) -> np.ndarray:
    """Return int64 [cores]: the tile of the package that is each core."""
    first: dict[int, int] = {}
    for index, router in enumerate(package.tile_router.tolist()):
        first.setdefault(router, index)
    columns = _shape(architecture)[0]
    found: list[int] = []
    for tile, number in enumerate(architecture.tile_kinds.tolist()):
        router = tile % architecture.height * columns + tile // architecture.height
        taken = 0
        for index, core in enumerate(architecture.tiles[number].cores):
            here = first.get(router, 0) + taken
            is_placed = (number, index) in placed
            found += [here + each if is_placed else -1 for each in range(core.count)]
            taken += core.count if is_placed else 0
    return np.array(found, np.int64)
