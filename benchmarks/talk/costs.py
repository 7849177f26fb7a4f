"""Energy and latency of the dense, the hybrid and the two all-spiking versions.

Exact scaling, no placement: energy is amounts times prices, and latency is the sum over rows of
what `chipletsim.noc.bound` takes, ``max over links (first arrival + wire bits / bandwidth +
what is behind)`` or the longest route. A window of T steps repeats each step T times. That both
are those of `chipletsim.deploy` for the same plan and package is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.talk.amounts import Amounts, Edges
from benchmarks.talk.prices import EventCore, Prices
from chipletsim.codecs import AddressEvents, Bitmap, RiceGaps, fair_bits
from chipletsim.codecs.base import SpikeCodec

ENCODINGS = ("packet per event", "packed events", "bitmap", "Rice gaps", "counts")


class Cost(NamedTuple):
    """Energy and latency of an inference, or of a part of one.

    Attributes:
        energy_j: Energy in J.
        latency_s: Time in s.
    """

    energy_j: float
    latency_s: float

    def plus(self, other: Cost) -> Cost:
        """Return both, one after another."""
        return Cost(self.energy_j + other.energy_j, self.latency_s + other.latency_s)

    def times(self, number: float) -> Cost:
        """Return it repeated."""
        return Cost(self.energy_j * number, self.latency_s * number)


class Coding(NamedTuple):
    """What one application of a layer, or one step of its spikes, is sent as.

    Attributes:
        per_message: From the values of messages to packets of each message.
        bits: From the values of messages to bits of each packet, header left out.
    """

    per_message: Callable[[np.ndarray], np.ndarray]
    bits: Callable[[np.ndarray], np.ndarray]


def dense_coding(bits: float) -> Coding:
    """Return values of so many bits on average, packed in one packet for each message."""
    return Coding(np.ones_like, lambda values: values * bits)


def packet_each(share: float, address_bits: int) -> Coding:
    """Return one packet with an address for a share of the values."""
    return Coding(lambda values: values * share, lambda values: np.full_like(values, address_bits))


def masked_bits(bits: int, share_of_zeros: float) -> float:
    """Return the mean bits of a value with a mask of zeros, or without if that is fewer."""
    return min(float(bits), 1 + (1 - share_of_zeros) * bits)


def spike_coding(encoding: str, rate: float, steps: int, address_bits: int, packet: int) -> Coding:
    """Return the coding of one step of spikes; of the whole window for counts.

    Args:
        encoding: One of `ENCODINGS`.
        rate: Spikes per neuron and step.
        steps: Time steps, for counts.
        address_bits: Bits that name a neuron of the longest message.
        packet: Bits of the address of a packet that carries one event.
    """
    if encoding == "packet per event":
        return packet_each(rate, packet)
    if encoding == "counts":
        return dense_coding(fair_bits(steps))
    codecs: dict[str, SpikeCodec] = {
        "packed events": AddressEvents.model_validate({"address": f"{address_bits} bit"}),
        "bitmap": Bitmap(),
        "Rice gaps": RiceGaps(),
    }
    codec = codecs[encoding]

    def bits(values: np.ndarray) -> np.ndarray:
        distinct, where = np.unique(values, return_inverse=True)
        found = np.array([codec.expected_bits(int(each), 1, rate) for each in distinct])
        return found[where.reshape(-1)]

    return Coding(np.ones_like, bits)


class Network:
    """Messages on the network of a package with given prices.

    Args:
        edges: The messages.
        prices: What they cost.
    """

    def __init__(self, edges: Edges, prices: Prices) -> None:
        self._edges, self._prices = edges, prices
        size = edges.between_dies.size
        whole_s, base_s = _zero_load(edges, prices)
        self._base_s = base_s
        self._longest_s = np.zeros(edges.repeats.size)
        np.maximum.at(self._longest_s, edges.row, whole_s + prices.router_latency_s)
        keys = edges.row[edges.hop_message] * size + edges.hop_link
        distinct, self._pair_of_hop = np.unique(keys, return_inverse=True)
        self._rows, self._links = np.divmod(distinct, size)
        self._of_class = [edges.between_dies[self._links] == between for between in (False, True)]

    def cost(self, coding: Coding, *, crossing: bool) -> Cost:
        """Return what all rows inside dies, or all across them, cost in one application."""
        edges, prices = self._edges, self._prices
        chosen = edges.crosses[edges.row] == crossing
        packets = np.where(chosen, coding.per_message(edges.values) * edges.number, 0.0)
        bits = coding.bits(edges.values) + prices.header_bits
        energy_j = np.bincount(edges.row, packets * _router_j(prices, bits), edges.repeats.size)
        energy_j += np.bincount(
            edges.row[edges.hop_message],
            (packets * _router_j(prices, bits))[edges.hop_message],
            edges.repeats.size,
        )
        latency_s = np.zeros(edges.repeats.size)
        for link, of_class in zip(prices.links, self._of_class, strict=True):
            whole = packets * np.ceil(bits / link.flit_bits) * link.flit_bits
            sent = np.bincount(self._pair_of_hop, whole[edges.hop_message], self._rows.size)
            wire = link.framed(sent[of_class])
            rows, base_s = self._rows[of_class], self._base_s[self._links[of_class]]
            np.add.at(energy_j, rows, wire * link.energy_j_per_bit)
            times = np.where(wire > 0, base_s + wire / link.bandwidth_bit_per_s, 0.0)
            np.maximum.at(latency_s, rows, times)
        longest_s = np.where(latency_s > 0, self._longest_s, 0.0)
        latency_s = np.maximum(latency_s, longest_s)
        return Cost(float(energy_j @ edges.repeats), float(latency_s @ edges.repeats))


def _router_j(prices: Prices, bits: np.ndarray) -> np.ndarray:
    """Return the energy of a packet that enters a router."""
    return prices.router_j_per_packet + bits * prices.router_j_per_bit


def _zero_load(edges: Edges, prices: Prices) -> tuple[np.ndarray, np.ndarray]:
    """Return times of routes without their first router, and of links without their bits.

    The latter are float64 [links]: the least time before a packet enters the link, and the
    least from the end of its last bit to the end of a route.
    """
    links = edges.between_dies.astype(int)
    hop_s = np.array([each.hop_s(prices.router_latency_s) for each in prices.links])[links]
    flit_s = np.array([each.flit_bits / each.bandwidth_bit_per_s for each in prices.links])[links]
    order = np.argsort(edges.hop_message, kind="stable")
    message, link = edges.hop_message[order], edges.hop_link[order]
    whole_s = np.bincount(message, hop_s[link], edges.row.size)
    until_s = np.cumsum(hop_s[link])
    start_s = np.concatenate([[0.0], np.cumsum(whole_s)])[:-1]
    behind_s = until_s - hop_s[link] - start_s[message]
    before_s = whole_s[message] - behind_s - hop_s[link]
    first_s, rest_s = np.full(links.size, np.inf), np.full(links.size, np.inf)
    np.minimum.at(first_s, link, before_s)
    np.minimum.at(rest_s, link, behind_s)
    return whole_s, first_s + rest_s + prices.router_latency_s + hop_s - flit_s


class Versions:
    """The versions of a model on a package: dense, hybrid, and all-spiking.

    Args:
        amounts: What the model does there.
        prices: What that costs.
    """

    def __init__(self, amounts: Amounts, prices: Prices) -> None:
        self._amounts, self._prices = amounts, prices
        self._network = Network(amounts.edges, prices)
        self._kept: dict[tuple[object, ...], Cost] = {}
        self.address_bits = max(1, int(amounts.edges.most_values - 1).bit_length())

    def dense(self, bits: float | None) -> Cost:
        """Return the dense version.

        Args:
            bits: Of a value everywhere; a packet for each value if None.
        """
        return self._with_static(self._inside(bits).plus(self._values_across(bits)), 1)

    def hybrid(self, steps: int, rate: float, encoding: str, bits: float | None) -> Cost:
        """Return dense dies with spikes across boundaries.

        Args:
            steps: Time steps T.
            rate: Spikes per value and step.
            encoding: One of `ENCODINGS`, of what crosses.
            bits: Of values inside dies; a packet for each value if None.
        """
        across = self._across(steps, rate, encoding)
        amounts, prices = self._amounts, self._prices
        converting = amounts.encoded * prices.encode_j + amounts.received * rate * prices.decode_j
        converted = across.plus(Cost(converting * steps, 0.0))
        return self._with_static(self._inside(bits).plus(converted), 1)

    def spiking(self, steps: int, rate: float, encoding: str, core: EventCore) -> Cost:
        """Return spikes everywhere, on event-driven cores."""
        amounts = self._amounts
        step = self._once(("events", core.name, rate), lambda: event_work(amounts, core, rate))
        return self._spiking(step, steps, rate, encoding)

    def spiking_on_dense_cores(self, steps: int, rate: float, encoding: str) -> Cost:
        """Return spikes everywhere, with all products of every layer made in each step."""
        step = dense_work(self._amounts, self._prices)
        return self._spiking(step, steps, rate, encoding)

    def _spiking(self, work: Cost, steps: int, rate: float, encoding: str) -> Cost:
        coding = self._coding(encoding, rate, steps)
        inside = self._once(
            ("spikes inside", encoding, rate), lambda: self._network.cost(coding, crossing=False)
        )
        moved = inside.times(steps).plus(self._across(steps, rate, encoding))
        return self._with_static(work.times(steps).plus(moved), steps)

    def _across(self, steps: int, rate: float, encoding: str) -> Cost:
        """Return what spikes over boundaries cost in all steps; counts are sent once."""
        coding = self._coding(encoding, rate, steps)
        counts = encoding == "counts"
        key = ("across", encoding, rate, steps if counts else 0)
        once = self._once(key, lambda: self._network.cost(coding, crossing=True))
        return once if counts else once.times(steps)

    def _coding(self, encoding: str, rate: float, steps: int) -> Coding:
        packet = self._prices.address_bits
        return spike_coding(encoding, rate, steps, self.address_bits, packet)

    def _values(self, bits: float | None) -> Coding:
        return packet_each(1.0, self._prices.address_bits) if bits is None else dense_coding(bits)

    def _values_across(self, bits: float | None) -> Cost:
        coding = self._values(bits)
        return self._once(("values", bits), lambda: self._network.cost(coding, crossing=True))

    def _inside(self, bits: float | None) -> Cost:
        coding = self._values(bits)
        moved = self._once(("inside", bits), lambda: self._network.cost(coding, crossing=False))
        return dense_work(self._amounts, self._prices).plus(moved)

    def _with_static(self, cost: Cost, applications: int) -> Cost:
        """Return it with barriers, and with the static power of all cores over its time."""
        prices, amounts = self._prices, self._amounts
        latency_s = cost.latency_s + applications * amounts.barriers * prices.barrier_s
        static_j = latency_s * prices.static_w * amounts.cores
        return Cost(cost.energy_j + static_j, latency_s)

    def _once(self, key: tuple[object, ...], price: Callable[[], Cost]) -> Cost:
        if key not in self._kept:
            self._kept[key] = price()
        return self._kept[key]


def dense_work(amounts: Amounts, prices: Prices) -> Cost:
    """Return the work of dense cores in one application of all layers."""
    energy_j = (
        amounts.macs * prices.mac_j
        + amounts.weights_read * prices.weight_bits * prices.weight_bit_j
        + amounts.updates * prices.update_j
    )
    return Cost(energy_j, amounts.cycles / prices.clock_hz)


def event_work(amounts: Amounts, core: EventCore, rate: float) -> Cost:
    """Return the work of event-driven cores in one step of all layers."""
    operations = amounts.core_macs * rate
    energy_j = float(operations.sum()) * core.synaptic_j + amounts.updates * core.update_j
    busy_s = operations * core.synaptic_s + amounts.core_updates * core.update_s
    return Cost(energy_j, float(busy_s.max(axis=1).sum()))
