"""Tables of a result: links, tiles, populations, hardware steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.energy import EnergyTable
from chipletsim.cost.incidence import TrafficModel
from chipletsim.cost.link_uses import LinkUses
from chipletsim.cost.rows import RowTotals
from chipletsim.package.model import Package


def link_table(
    package: Package,
    totals: RowTotals,
    energy: EnergyTable,
    time_s: float,
    uses: LinkUses | None = None,
) -> Columns:
    """Return traffic, load and energy of each link over the whole run.

    ``utilisation`` is the share of the run in which the wire is busy: wire bits and frame padding
    over bandwidth times the run's time, retransmissions included; ``wire_bits`` are without them,
    those of full frames.
    """
    specs = [link.spec for link in package.links]
    bandwidth = np.array([spec.expected_bandwidth_bit_per_s for spec in specs], float)
    wire_bits = totals.counted.wire_bits[:, 0]
    padding_bits = uses.padding_bits if uses else np.zeros_like(wire_bits)
    busy_s = (wire_bits + padding_bits) / bandwidth
    span = _span(len(package.tiles) + len(package.routers), len(package.links))
    return Columns(
        "links",
        {
            "link": [link.name for link in package.links],
            "between_dies": [link.between_dies for link in package.links],
            "packets": totals.counted.link_packets[:, 0],
            "bits": totals.counted.link_bits[:, 0],
            "wire_bits": wire_bits,
            **({"frame_padding_bits": padding_bits, "asleep_s": uses.asleep_s} if uses else {}),
            "busiest_step_bits": totals.busiest_row_bits,
            "busy_s": busy_s,
            "utilisation": busy_s / time_s if time_s else np.zeros_like(busy_s),
            "dynamic_energy_j": energy.of_places(static=False)[span],
            "static_energy_j": energy.of_places(static=True)[span],
        },
        sort_by="wire_bits",
    )


def tile_table(package: Package, totals: RowTotals, energy: EnergyTable) -> Columns:
    """Return events and energy of each tile over the whole run."""
    counted = totals.counted
    span = _span(0, len(package.tiles))
    dynamic = energy.of_places(static=False)[span]
    return Columns(
        "tiles",
        {
            "tile": [tile.name for tile in package.tiles],
            "kind": [tile.kind for tile in package.tiles],
            "chiplet": [package.chiplets[tile.chiplet].name for tile in package.tiles],
            "synaptic_operations": counted.tiles.amount("synaptic_operations")[:, 0],
            "neuron_updates": counted.tiles.amount("neuron_updates")[:, 0],
            "messages_received": counted.tiles.amount("input_messages")[:, 0],
            "spikes_sent": counted.tiles.amount("output_spikes")[:, 0],
            "memory_read_bits": counted.tiles.amount("memory_read_bits")[:, 0],
            "dynamic_energy_j": dynamic,
            "static_energy_j": energy.of_places(static=True)[span],
        },
        sort_by="dynamic_energy_j",
    )


def layer_table(model: TrafficModel, totals: RowTotals, steps: int) -> Columns:
    """Return the events of each population over the whole run.

    Synaptic operations are those that a population receives, messages those it sends.
    """
    network, fan_out = model.mapping.network, model.mapping.fan_out
    count = len(network.populations)
    spiking = model.classes.spike_classes
    events = totals.class_events[:spiking]
    of_class = model.classes.population[:spiking]
    received = model.classes.synapses.T @ events
    slices = model.mapping.slices
    target = np.array([part.population for part in slices], np.int64)[fan_out.block_slice]
    spikes = _summed(of_class, events, count)
    sizes = np.array([population.size for population in network.populations])
    return Columns(
        "layers",
        {
            "population": [population.name for population in network.populations],
            "model": [population.model for population in network.populations],
            "neurons": sizes,
            "tiles": [
                len({part.tile for part in slices if part.population == number})
                for number in range(count)
            ],
            "spikes": spikes,
            "spikes_per_neuron_and_step": spikes / np.maximum(sizes * totals.samples * steps, 1),
            "synaptic_operations": _summed(target, received, count),
            "messages": _summed(of_class, events * model.messages_per_event, count),
        },
    )


def step_table(totals: RowTotals, latency_s: np.ndarray) -> Columns:
    """Return what happens in each hardware step: counts over all samples, mean latency."""
    rows: dict[str, Any] = {"hardware_step": np.arange(totals.rows)}
    rows["mean_latency_s"] = latency_s.mean(axis=0) if totals.samples else np.zeros(0)
    rows.update({name: values.sum(axis=0) for name, values in totals.steps.items()})
    return Columns("hardware steps", rows)


def _span(start: int, size: int) -> slice:
    return slice(start, start + size)


def _summed(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """Return int64 [groups]: exact sums by group."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, values)
    return sums
