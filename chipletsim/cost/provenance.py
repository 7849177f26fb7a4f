"""Where a result comes from, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import jax

from chipletsim.mapping.model import Mapping
from chipletsim.mapping.store import mapping_hash, package_fingerprint
from chipletsim.network.model import Network
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.fetch_rows import MOST_PARTS
from chipletsim.noc.flit_width import (
    flit_bits_of,
    held_back,
    narrower_flits,
    width_from_links,
)
from chipletsim.noc.package_network import package_network
from chipletsim.package.model import Package
from chipletsim.spec.base import Spec
from chipletsim.tiles import PipelineCore

_ALWAYS = (
    "area and cost of dies",
    "host and supply losses",
    "loading of weights before the first inference",
)
_WAITING = "waiting for inputs: steps follow one another at once, whatever the network's dt"
_CONTENTION = {
    "bound": "contention between packets (timing `bound`)",
    "simple": "time of routes and contention between messages (timing `simple`)",
    "detailed": "bandwidth of links (timing `detailed`)",
    "queue": "how the allocators of routers match packets to outputs (timing `queue`)",
    "cycle": "speculation and bypassing in routers (timing `cycle`)",
}
_OPTIONAL = {
    "static power": ("static_power_w",),
    "energy of packets": ("energy_j_per_packet", "energy_j_per_bit"),
    "energy of neuron updates": ("energy_j_per_neuron_update",),
    "energy of sending events": ("energy_j_per_spike",),
    "energy of receiving events": ("energy_j_per_message",),
    "energy of updates": ("energy_j_per_update",),
    "energy of hops": ("energy_j",),
    "time of neuron updates": ("time_s_per_neuron_update",),
    "time of sending events": ("time_s_per_spike",),
    "time of receiving events": ("time_s_per_message",),
    "time of updates": ("time_s_per_update",),
    "time of hops": ("time_s",),
}
"""Costs that a part may leave out, and the fields of which it should state one."""


def provenance(mapping: Mapping, packages: Sequence[Package], network: str) -> list[dict[str, Any]]:
    """Return what the figures on each package depend on, but for the fingerprints of inputs.

    Args:
        mapping: The mapping that was priced.
        packages: The packages it was priced on.
        network: Fingerprint of the lowered network.
    """
    shared = {
        "chipletsim_version": version("chipletsim"),
        "jax_version": jax.__version__,
        "platform": jax.default_backend(),
        "network": mapping.network.name,
        "network_fingerprint": network,
        "inputs_fingerprints": [],
        "mapping_hash": mapping_hash(mapping),
        "mapping_strategy": mapping.strategy,
        "mapping_seed": mapping.seed,
    }
    return [
        {**shared, "package": each.name, "package_fingerprint": package_fingerprint(each)}
        for each in packages
    ]


def not_modelled(package: Package, network: Network, timing: str) -> tuple[str, ...]:
    """Return what the figures leave out, in words.

    Constants that a part of the package does not state count as left out, not as free;
    a stated 0 is a figure like any other.

    Args:
        package: The package that was priced.
        network: The network on it.
        timing: Name of the timing model.
    """
    missing = list(unstated(package))
    senders = {projection.source for projection in network.projections}
    if any(network.population(name).value_bits for name in senders):
        missing.append("what a graded event costs a tile more than a spike")
    if any(link.spec.encoding for link in package.links):
        missing.append("time and energy of encoders and decoders at the ends of links")
    contention = (_CONTENTION[timing], *(_of_packets(package) if timing in PACKET_MODELS else ()))
    return (
        *missing,
        *contention,
        *network.caveats,
        *_ALWAYS,
        *_of_links(package, timing),
        _WAITING,
    )


def fetches_left_out(mapping: Mapping, timing: str) -> tuple[str, ...]:
    """Return what the figures leave out of weights that are fetched from memory tiles, in words.

    Args:
        mapping: The mapping that was priced.
        timing: Name of the timing model.
    """
    tiles = mapping.package.tiles
    kinds = {tiles[part.tile].kind for part in mapping.slices if part.weight_tile != part.tile}
    if kinds and timing not in PACKET_MODELS:
        return (f"work that waits for weights from memory tiles (timing `{timing}`)",)
    found = []
    if "npu" in kinds:
        found.append(
            "room on npu tiles for weights that come before they are worked on; work of a step on"
            f" weights from one memory tile is done in up to {MOST_PARTS} parts, each once all of"
            " its weights are there, and a tile sends after the last"
        )
    if kinds - {"npu"}:
        found.append("room in memory tiles for requests that wait, and the time of single banks")
    return tuple(found)


def _of_links(package: Package, timing: str) -> list[str]:
    """Return what links do beside sending, in words."""
    specs = [link.spec for link in package.links]
    found = ["credits, acknowledgements and retransmission on links"]
    if any(spec.retry for spec in specs):
        found = [
            "credits and acknowledgements on links",
            "single retransmissions: links with `retry` take what is expected of them",
        ]
    followed = timing in PACKET_MODELS
    if any(spec.sleep for spec in specs):
        when = " in barriers" if followed else ""
        found.append(f"power saved by links that sleep{when}: they are taken as awake")
    if any(spec.frame for spec in specs) and not followed:
        found.append(
            "frames that leave before they are full: all but the last of a link in a step are full"
        )
    if any(spec.frame for spec in specs) and timing == "queue":
        found.append(
            "frames as `cycle` fills them (timing `queue`): it sends fewer, so their energy is low,"
            " and packets of several flits, which go whole, may take half or twice the time"
        )
    return found


def _of_packets(package: Package) -> list[str]:
    """Return what is left out where packets are followed through routers."""
    found = []
    bits = package.spec.packet.header_bits + package.spec.packet.address_bits
    longer = package_network(package, (bits,)).pipeline_cycles
    if longer:
        found.append(
            f"routers as fast as the package says: the pipeline takes up to {longer} cycles more"
            " a hop; state a faster `clock` or `routing_delay: 0`"
        )
    width = width_from_links(package, (bits,))
    if width:
        found.append(
            f"width of routers, which no link inside a die tells: they move up to {width} bit a"
            " cycle of their clock, what the fastest link does, or a packet"
        )
    if any(link.spec.encoding for link in package.links):
        found.append(
            "what tells the ends of links that a step is over, and messages that are sent, or read,"
            " event by event: they leave once all events"
            " of a step are at the link, and those go on once all of it is there; each end takes"
            " the pipeline of its router once more"
        )
    return [*found, *_of_widths(package, bits)]


def _of_widths(package: Package, bits: int) -> list[str]:
    """Return what one width of flits in the whole package leaves out, in words."""
    flit_bits, found = flit_bits_of(package, (bits,)), []
    if narrow := narrower_flits(package, (bits,)):
        found.append(
            f"flits of {narrow} bit inside dies: packets are cut into flits of {flit_bits} bit, the"
            " widest inside a die; narrower links take their own time for a packet, but pass on its"
            " first bits with the rest of a wider flit"
        )
    if wide := held_back(package, (bits,)):
        found.append(
            f"width of routers in dies without links inside: they move {flit_bits} bit a cycle, the"
            f" widest flit inside other dies, where their own links would keep {wide} bit busy, and"
            " may be too slow"
        )
    return found


def unstated(package: Package) -> tuple[str, ...]:
    """Return the costs that parts of a package do not state, in words."""
    found = [f"{what} (not stated for {', '.join(parts)})" for what, parts in _unstated(package)]
    if package.spec.runs_freely:
        found.append("what tells a tile that it has got all of a step, as steps run freely")
        found.append("room on tiles for what comes of later steps")
    elif "barrier_s" not in package.spec.model_fields_set:
        found.append("time of the barrier (not stated)")
    return tuple(found)


def _parts_of(kind: str, spec: Spec) -> list[tuple[str, Spec]]:
    """Return a part, and the sections in it that have costs of their own."""
    if not isinstance(spec, PipelineCore):
        return [(kind, spec)]
    sections: list[tuple[str, Spec]] = [
        ("axons in", spec.axon_in),
        ("axons out", spec.axon_out),
        ("dendrites", spec.dendrite),
        *((f"soma units {name}", unit) for name, unit in spec.soma.items()),
        *(("hops", getattr(spec.hop, direction)) for direction in type(spec.hop).model_fields),
    ]
    return [(kind, spec), *((f"{name} of {kind}", section) for name, section in sections)]


def _unstated(package: Package) -> list[tuple[str, list[str]]]:
    """Return each cost that some parts of the package do not state, and those parts."""
    found: dict[str, dict[str, None]] = {}
    for part, spec in _parts(package):
        for what, fields in _OPTIONAL.items():
            known = [field for field in fields if field in type(spec).model_fields]
            if known and not spec.model_fields_set.intersection(known) and _all_zero(spec, known):
                found.setdefault(what, {})[part] = None
    return [(what, list(found[what])) for what in _OPTIONAL if what in found]


def _parts(package: Package) -> list[tuple[str, Spec]]:
    """Return the kind of each part of the package, in words, and its constants.

    Parts made from one section of the file share its object, and stand here once.
    """
    tiles = sorted(package.tiles, key=lambda tile: tile.kind)
    links = sorted(package.links, key=lambda link: link.between_dies)
    kinds = {True: "die-to-die links", False: "on-chip links"}
    parts = [
        *((f"{tile.kind} tiles", tile.parameters) for tile in tiles),
        *(("routers", router.spec) for router in package.routers),
        *((kinds[link.between_dies], link.spec) for link in links),
    ]
    once = {(kind, id(spec)): (kind, spec) for kind, spec in parts}.values()
    return [each for kind, spec in once for each in _parts_of(kind, spec)]


def _all_zero(spec: Spec, fields: list[str]) -> bool:
    return not any(getattr(spec, field) for field in fields)
