"""Prices of the package of the claim: every constant, with what is said of it.

Those of the dense cores, the network and the links are read from the package, whose file names
their sources. Those that a package of dense cores does not hold stand in `ASSUMED`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from benchmarks.talk.amounts import link_of
from chipletsim.package.model import Package
from chipletsim.spec.load import load_spec
from chipletsim.spec.package import LinkSpec
from chipletsim.tiles import Npu

LINKS = {
    "UCIe advanced": "ucie_advanced",
    "UCIe standard": "ucie_standard",
    "board SerDes": "serdes_off_package",
    "slow serial": "slow_serial",
}
"""Class of a link between dies to its file."""
LANES = 1024
"""Synaptic operations that an ideal event-driven core does at once: the units of a dense one."""
UPDATES_PER_CYCLE = 32
"""Neurons that it updates in a cycle: the columns of a dense one."""


class Assumed(NamedTuple):
    """A constant that no package file holds.

    Attributes:
        value: In SI units.
        low: Least that a source or a bound gives.
        high: Most.
        shown: The value as text, with its unit.
        source: Where it comes from, and how sure it is.
    """

    value: float
    low: float
    high: float
    shown: str
    source: str


ASSUMED = {
    "accumulate_j": Assumed(
        0.03e-12, 0.007e-12, 0.1e-12, "0.03 pJ/op",
        "32-bit add, 7 nm, Jouppi et al., ISCA 2021, Table 2 (recalled); low: 8-bit add, 7 nm"
        " (read second hand); high: 32-bit add, 45 nm, Horowitz, ISSCC 2014 (read second hand)",
    ),
    "encode_j": Assumed(
        0.23e-12, 0.014e-12, 3.8e-12, "0.23 pJ/neuron/step",
        "estimate: geometric mean of a membrane in a register (low) and in an 8 KB memory (high),"
        " 7 nm, derived from Jouppi et al., ISCA 2021, Table 2; no converter's figure is public",
    ),
    "decode_j": Assumed(
        0.007e-12, 0.0, 0.03e-12, "0.007 pJ/spike",
        "8-bit increment, 7 nm, Jouppi et al., ISCA 2021, Table 2 (read second hand); high:"
        " 45 nm, Horowitz, ISSCC 2014 (read second hand)",
    ),
    "barrier_s": Assumed(
        0.0, 0.0, 465e-9, "0 s",
        "assumption: steps run freely, which favours spikes; high: 32 tiles of Loihi 1, Davies et"
        " al., IEEE Micro 2018, Table 2 (read second hand)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Link:
    """One class of directed links.

    Attributes:
        bandwidth_bit_per_s: Bits on the wire.
        latency_s: Of a bit.
        flit_bits: A packet takes whole flits.
        energy_j_per_bit: Of a bit on the wire.
        payload_bits: Of a frame; 0 where there are none.
        total_bits: Of a frame on the wire.
    """

    bandwidth_bit_per_s: float
    latency_s: float
    flit_bits: int
    energy_j_per_bit: float
    payload_bits: int
    total_bits: int

    @classmethod
    def of(cls, spec: LinkSpec) -> Link:
        """Return the numbers of a link of a package."""
        frame = spec.frame
        return cls(
            spec.bandwidth_bit_per_s,
            spec.latency_s,
            spec.flit_bits,
            spec.energy_j_per_bit,
            frame.payload_bits if frame else 0,
            frame.total_bits if frame else 0,
        )

    def hop_s(self, router_s: float) -> float:
        """Return the zero-load time of a flit over the link and the router behind it."""
        return self.flit_bits / self.bandwidth_bit_per_s + self.latency_s + router_s

    def framed(self, bits: np.ndarray) -> np.ndarray:
        """Return bits on the wire, in whole frames of each row."""
        if not self.payload_bits:
            return bits
        return np.ceil(bits / self.payload_bits * (1 - 1e-12)) * self.total_bits


@dataclass(frozen=True)
class Prices:
    """All prices of a package and of what runs on it.

    Attributes:
        mac_j: Of a dense multiply-accumulate.
        accumulate_j: Of adding a weight for an event.
        weight_bit_j: Of reading a bit of a weight.
        weight_bits: Of a weight.
        update_j: Of an output of a layer: rounded, or its membrane updated.
        encode_j: Of a neuron of a converter in a step.
        decode_j: Of a spike received by a converter.
        clock_hz: Of cores of either kind.
        static_w: Of a core.
        barrier_s: After each application of a layer.
        router_j_per_packet: Of a packet in a router.
        router_j_per_bit: Of a bit in a router.
        router_latency_s: Of a router.
        header_bits: Of a packet.
        address_bits: Of a packet that carries one event or one value.
        links: On chip, and between dies.
    """

    mac_j: float
    accumulate_j: float
    weight_bit_j: float
    weight_bits: int
    update_j: float
    encode_j: float
    decode_j: float
    clock_hz: float
    static_w: float
    barrier_s: float
    router_j_per_packet: float
    router_j_per_bit: float
    router_latency_s: float
    header_bits: int
    address_bits: int
    links: tuple[Link, Link]

    def boundary(self, **changes: Any) -> Prices:
        """Return it with another link between dies."""
        return replace(self, links=(self.links[0], replace(self.links[1], **changes)))

    def on_chip(self, **changes: Any) -> Prices:
        """Return it with other links on chip."""
        return replace(self, links=(replace(self.links[0], **changes), self.links[1]))


def prices_of(package: Package) -> Prices:
    """Return the prices of a package with dense cores of one kind."""
    core = package.tiles[0].parameters
    router = package.routers[0].spec
    if not isinstance(core, Npu):
        raise TypeError(f"expected dense cores, got {core.kind}")
    return Prices(
        mac_j=core.energy_j_per_mac,
        accumulate_j=ASSUMED["accumulate_j"].value,
        weight_bit_j=core.sram_energy_j_per_bit,
        weight_bits=core.weight_bits,
        update_j=core.energy_j_per_neuron_update,
        encode_j=ASSUMED["encode_j"].value,
        decode_j=ASSUMED["decode_j"].value,
        clock_hz=core.clock_hz,
        static_w=core.static_power_w,
        barrier_s=ASSUMED["barrier_s"].value,
        router_j_per_packet=router.energy_j_per_packet,
        router_j_per_bit=router.energy_j_per_bit,
        router_latency_s=router.latency_s,
        header_bits=package.spec.packet.header_bits,
        address_bits=package.spec.packet.address_bits,
        links=(
            Link.of(next(link.spec for link in package.links if not link.between_dies)),
            Link.of(next(link.spec for link in package.links if link.between_dies)),
        ),
    )


def with_link(prices: Prices, link: str) -> Prices:
    """Return prices with a class of links between dies, a key of `LINKS`."""
    return replace(prices, links=(prices.links[0], _link(link)))


def _link(link: str) -> Link:
    return Link.of(load_spec(link_of(LINKS[link]), LinkSpec).spec)


@dataclass(frozen=True)
class EventCore:
    """An event-driven core in the place of a dense one; sending and receiving cost nothing.

    Attributes:
        name: What it is.
        synaptic_j: Of a synaptic operation, its weight included.
        update_j: Of a neuron in a step.
        synaptic_s: Time of a synaptic operation, all units at work.
        update_s: Time of a neuron in a step, all units at work.
    """

    name: str
    synaptic_j: float
    update_j: float
    synaptic_s: float
    update_s: float

    def tile(self, prices: Prices) -> dict[str, Any]:
        """Return it as a tile of a package file."""
        return {
            "kind": "neurocore",
            "neurons": 1048576,
            "synaptic_memory": "8 MiB",
            "weight_bits": prices.weight_bits,
            "static_power": f"{prices.static_w!r} W",
            "energy_per_synaptic_op": f"{self.synaptic_j!r} J/op",
            "energy_per_neuron_update": f"{self.update_j!r} J/op",
            "time_per_synaptic_op": f"{self.synaptic_s!r} s/op",
            "time_per_neuron_update": f"{self.update_s!r} s/op",
        }


def ideal_core(prices: Prices) -> EventCore:
    """Return an event-driven core of the same units, clock, memory and technology.

    Every unit adds a weight in each cycle, none ever waits, and a row of units updates its
    neurons in a cycle: the best chance that an all-spiking version can have.
    """
    cycle_s = 1 / prices.clock_hz
    return EventCore(
        "ideal event-driven cores",
        prices.accumulate_j + prices.weight_bits * prices.weight_bit_j,
        prices.update_j,
        cycle_s / LANES,
        cycle_s / UPDATES_PER_CYCLE,
    )


LOIHI = EventCore("Loihi 1 cores, eight in one", 23.6e-12, 81e-12, 3.5e-9 / 8, 8.4e-9 / 8)
"""Davies et al., IEEE Micro 2018, Table 2 (pre-silicon, 14 nm; read second hand). A die of 16
cores has the 128 cores of a Loihi 1."""
