"""Traffic between dense devices that share a network.

Tensor parallel: every layer is split by its outputs, so each device needs the whole
activation of each source population: one all-gather of n bits among P devices, in which
each sends (P - 1) / P n in P - 1 ring steps. Splitting by outputs gathers activations;
splitting by inputs would move partial sums instead, which are wider.

Pipeline parallel: populations are cut into P contiguous stages of even work; a population
with a consumer beyond a stage's end is sent across that boundary once.

Where every consumer pools first, the pooled values are sent, if they are fewer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from chipletsim.baseline.layers import DenseLayer
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.schedule import components
from chipletsim.spec.device import DeviceSpec


@dataclass(frozen=True)
class Cut:
    """Traffic of one evaluation of one sample (T=1); T steps take T times as much.

    Attributes:
        kind: ``tensor`` or ``pipeline``.
        devices: Number of devices.
        bits: Bits sent, summed over devices or boundaries.
        transfers: Ring steps or boundary crossings one after another.
        time_s: Time of the transfers with nothing else on the links.
        energy_j: Energy of the bits on the links.
    """

    kind: Literal["tensor", "pipeline"]
    devices: int
    bits: int
    transfers: int
    time_s: float
    energy_j: float


def cuts(
    network: Network,
    layers: tuple[DenseLayer, ...],
    device: DeviceSpec,
    devices: tuple[int, ...],
    activation_bits: int,
) -> tuple[Cut, ...]:
    """Return the tensor- and the pipeline-parallel cut for each number of devices.

    Args:
        network: The network.
        layers: Its dense layers.
        device: Gives link bandwidth, latency and energy.
        devices: Numbers of devices.
        activation_bits: Bits of an activation on a link.
    """
    found = []
    for count in devices:
        found.append(_tensor_cut(network, device, count, activation_bits))
        found.append(_pipeline_cut(network, layers, device, count, activation_bits))
    return tuple(found)


def pipeline_stages(
    network: Network, layers: tuple[DenseLayer, ...], devices: int
) -> dict[str, int]:
    """Return the stage of each population: contiguous in topological order, of even work.

    Populations of a cycle stay in one stage. The stage of a population is that in which
    the middle of its work falls; input populations go with their first consumer.
    """
    index, work = network.index, np.zeros(len(network.populations))
    for layer in layers:
        work[index[layer.target]] += layer.macs
    total = max(float(work.sum()), 1.0)
    done = 0.0
    stages: dict[str, int] = {}
    for part in components(network):
        share = float(work[list(part.populations)].sum())
        stage = min(int(devices * (done + share / 2) / total), devices - 1)
        stages |= {network.populations[i].name: stage for i in part.populations}
        done += share
    return _inputs_with_consumers(network, stages)


def _inputs_with_consumers(network: Network, stages: dict[str, int]) -> dict[str, int]:
    """Move each input population to the first stage that reads it."""
    for population in network.populations:
        readers = [stages[p.target] for p in network.projections if p.source == population.name]
        if population.model == "input" and readers:
            stages[population.name] = min(readers)
    return stages


def _values_read(network: Network, source: Population, readers: Iterable[Projection]) -> int:
    """Return how many values of a population its readers need, pooled where that is fewer."""
    pools = {reader.pool for reader in readers if reader.source == source.name}
    pooled = [prod(pool.target_shape(source.shape)) for pool in pools if pool is not None]
    return source.size if None in pools else min(source.size, sum(pooled))


def _tensor_cut(network: Network, device: DeviceSpec, devices: int, activation_bits: int) -> Cut:
    sources = {projection.source for projection in network.projections}
    gathered = [
        _values_read(network, population, network.projections) * activation_bits
        for population in network.populations
        if population.name in sources and population.model != "input"
    ]
    bits = sum(gathered) * (devices - 1)
    transfers = len(gathered) * (devices - 1)
    time_s = bits / devices / device.link_bandwidth_bit_per_s + transfers * device.link_latency_s
    return Cut("tensor", devices, bits, transfers, time_s, bits * device.link_energy_j_per_bit)


def _pipeline_cut(
    network: Network,
    layers: tuple[DenseLayer, ...],
    device: DeviceSpec,
    devices: int,
    activation_bits: int,
) -> Cut:
    stages = pipeline_stages(network, layers, devices)
    bits = transfers = 0
    for boundary in range(devices - 1):
        crossing = [
            p for p in network.projections if stages[p.source] <= boundary < stages[p.target]
        ]
        sent = [network.population(name) for name in {p.source for p in crossing}]
        bits += sum(_values_read(network, source, crossing) for source in sent) * activation_bits
        transfers += bool(sent)
    time_s = bits / device.link_bandwidth_bit_per_s + transfers * device.link_latency_s
    return Cut("pipeline", devices, bits, transfers, time_s, bits * device.link_energy_j_per_bit)
