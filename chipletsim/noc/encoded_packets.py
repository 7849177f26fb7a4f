"""Packets of links that encode: those of their messages, and those that go on behind them.

A link that encodes gathers the events of a step at the end that writes. Once all of them are there,
that end sends the message of the step over the link, in stretches without headers. Once all of it
is there, the end that reads sends each event on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import ALL_CHANNELS
from chipletsim.noc.package_flows import PackageWays
from chipletsim.noc.package_network import PackageNetwork
from chipletsim.package.model import Package
from chipletsim.spec.package import PacketSpec

_MOST_FLITS = 64
"""Flits of a link in a stretch of a message, at most: each number of them is a size of packets."""


class EncodedPackets(NamedTuple):
    """Packets of a plan behind links that encode; then one for the messages of each such link.

    Attributes:
        neuron: int64 [packets behind links], neuron of the plan whose event each carries.
        link: int64 [packets behind links], link that each comes from, by its place among those that
            encode.
        onward: int64 [deliveries of the plan], packet of the plan by which each goes on behind a
            link, -1 for one at a tile.
        first: The first of these packets in the plan.
        level: int64 [links that encode], how many such links come before each, at most.
    """

    neuron: np.ndarray
    link: np.ndarray
    onward: np.ndarray
    first: int
    level: np.ndarray

    @property
    def first_message(self) -> int:
        """The first packet of messages in the plan."""
        return self.first + self.neuron.size


class MessageFlows(NamedTuple):
    """Ways of messages over links that encode, with all stops and branches of a plan.

    Attributes:
        stop: int64 [stops + 1], see `chipletsim.noc.flit_network.Flows`, and so the next two.
        branch: int64 [branches, 3].
        flow: int64 [links that encode, 3].
        target: int64 [links that encode], the end that reads.
    """

    stop: np.ndarray
    branch: np.ndarray
    flow: np.ndarray
    target: np.ndarray


def message_flows(package: Package, network: PackageNetwork, ways: PackageWays) -> MessageFlows:
    """Return the ways of messages, behind the stops of all other packets.

    Args:
        package: The package.
        network: It as routers and ports.
        ways: Ways of the other packets.
    """
    links = network.encoded
    count, stops, branches = links.size, ways.stop.size - 1, len(ways.branch)
    first = network.network.router[:, 0]
    over = network.link_port[links] - first[package.link_source[links]]
    out = network.end_port[:, 1] - first[package.link_target[links]]
    every = np.arange(count)
    behind = np.array([package.links[n].between_dies or package.links[n].wraps for n in links], int)
    channels = network.class_channels[np.minimum(behind, network.class_channels.size - 1)]
    branch = np.empty((count, 2, 3), np.int64)
    branch[:, 0] = np.stack([over, stops + 2 * every + 1, channels], axis=1)
    branch[:, 1] = np.stack([out, np.full(count, -1), np.full(count, ALL_CHANNELS)], axis=1)
    root, node = stops + 2 * every, network.tile_port.size + 2 * every
    return MessageFlows(
        np.concatenate([ways.stop, branches + 1 + np.arange(2 * count)]),
        np.concatenate([ways.branch, branch.reshape(-1, 3)]),
        np.stack([node, root, np.full(count, network.class_channels[0])], axis=1),
        node + 1,
    )


class Stretches(NamedTuple):
    """Packets that messages of links are cut into.

    Attributes:
        flit_bits: int64 [links that encode], bits of a flit of the link.
        most: int64 [links that encode], flits of a stretch, at most.
        sizes: int64 [kinds], bits of packets, in order.
    """

    flit_bits: np.ndarray
    most: np.ndarray
    sizes: np.ndarray


def stretches_of(package: Package, network: PackageNetwork, sizes: np.ndarray) -> Stretches:
    """Return the packets that messages of links are cut into.

    Args:
        package: The package.
        network: It as routers and ports.
        sizes: int64 [kinds], bits of packets, in order.
    """
    bits = np.array([package.links[link].spec.flit_bits for link in network.encoded], np.int64)
    return Stretches(bits, _most_flits(bits, package.spec.packet), sizes)


def stretch_sizes(package: Package) -> np.ndarray:
    """Return int64: bits of all stretches of messages that there may be, each once, in order."""
    encoded = [link.spec.flit_bits for link in package.links if link.spec.encoding]
    flit_bits = np.array(sorted(set(encoded)), np.int64)
    most = _most_flits(flit_bits, package.spec.packet)
    sizes = [np.arange(1, n + 1) * bits for n, bits in zip(most, flit_bits, strict=True)]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *sizes]))


def _most_flits(link_flit_bits: np.ndarray, packet: PacketSpec) -> np.ndarray:
    """Return int64 [links]: flits of each link in one stretch of its messages, at most."""
    return np.clip(packet.max_payload_bits // link_flit_bits, 1, _MOST_FLITS)
