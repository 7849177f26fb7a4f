"""The result of pricing: values, tables, provenance, and what is not in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np

from chipletsim.cost.columns import Columns
from chipletsim.cost.energy import DIE_TO_DIE, PADDING, EnergyTable
from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.latency import Latency
from chipletsim.cost.link_uses import LinkUses
from chipletsim.cost.provenance import fetches_left_out, not_modelled
from chipletsim.cost.rows import RowTotals
from chipletsim.cost.timed import Timed
from chipletsim.cost.traffic_tables import link_table, step_table, tile_table
from chipletsim.mapping.model import Mapping


@dataclass(frozen=True)
class EventTotals:
    """Exact counts over all samples.

    Attributes:
        spikes: Events of all neurons and input channels.
        synaptic_operations: Events times their synapses.
        neuron_updates: Neurons times the steps in which they advanced.
        messages: Events times their destination tiles, the own tile included.
        packets_injected: Packets that tiles sent, memory traffic included.
        packets_copied: Packets that multicast routers made on the way.
        packets_delivered: Packets that tiles received, which is the sum of both.
        hops: Packets times links.
        bits_on_chip: Bits over links inside dies: whole flits, or messages of encoded links.
        bits_across_dies: Bits over links between dies, likewise.
        wire_bits_on_chip: As above, frames included.
        wire_bits_across_dies: As above, frames included.
        memory_bits: Weight bits read from memory tiles.
    """

    spikes: int
    synaptic_operations: int
    neuron_updates: int
    messages: int
    packets_injected: int
    packets_copied: int
    packets_delivered: int
    hops: int
    bits_on_chip: int
    bits_across_dies: int
    wire_bits_on_chip: int
    wire_bits_across_dies: int
    memory_bits: int

    @classmethod
    def of(cls, totals: RowTotals) -> EventTotals:
        """Return the counts of a run."""
        sums = {name: int(values.sum()) for name, values in totals.steps.items()}
        return cls(
            **sums,
            packets_copied=sums["packets_delivered"] - sums["packets_injected"],
            memory_bits=int(totals.counted.tiles.amount("memory_read_bits").sum()),
        )


@dataclass(frozen=True, eq=False)
class Result:
    """What a run costs on a package.

    Attributes:
        mapping: The mapping that was priced.
        timing: Name of the timing model that was used.
        timed: Which model was asked for, and why this one was used.
        samples: Number of samples (inferences).
        steps: Network steps of a sample.
        events: Exact counts over all samples.
        energy: Energy by component and place; ``print`` it.
        link_uses: What links did beside sending full frames; None where the timing model does not
            tell.
        latency: Latency of an inference and what bounds it; ``print`` it.
        layers: Table of the populations.
        latency_s: float64 [samples, hardware steps], latency of each.
        totals: What all tables are made of.
        every_update: Populations on pipeline cores of which nobody told who did work in a step; all
            their neurons count as updated in each step.
        expected_messages: Populations drawn from rates that are too large to draw which of
            their neurons spike; their messages over encoded links have the expected bits.
        provenance: Versions, fingerprints and settings that the figures depend on.
        interconnect: What packets and links did; None where the timing model does not follow
            packets, or nobody asked.
    """

    mapping: Mapping
    timing: str
    timed: Timed
    samples: int
    steps: int
    events: EventTotals
    energy: EnergyTable
    link_uses: LinkUses | None
    latency: Latency
    layers: Columns
    latency_s: np.ndarray
    totals: RowTotals
    expected_messages: tuple[str, ...]
    every_update: tuple[str, ...]
    provenance: dict[str, Any]
    interconnect: Interconnect | None = None

    # The tables are made when they are asked for: most runs of a sweep need none.

    @cached_property
    def links(self) -> Columns:
        """Table of the links: traffic, load and energy."""
        time_s = fsum(self.latency_s.ravel().tolist())
        return link_table(self.mapping.package, self.totals, self.energy, time_s, self.link_uses)

    @cached_property
    def tiles(self) -> Columns:
        """Table of the tiles: events and energy."""
        return tile_table(self.mapping.package, self.totals, self.energy)

    @cached_property
    def per_step(self) -> Columns:
        """Table of the hardware steps, summed or averaged over samples."""
        return step_table(self.totals, self.latency_s)

    @cached_property
    def not_modelled(self) -> tuple[str, ...]:
        """What the figures leave out, in words."""
        always = not_modelled(self.mapping.package, self.mapping.network, self.timing)
        found = []
        if self.expected_messages:
            names = ", ".join(self.expected_messages)
            found.append(f"how bits of encoded messages vary about their mean (spikes of {names})")
        if self.every_update:
            names = ", ".join(self.every_update)
            found.append(f"neurons at rest ({names}): all count as updated in each step")
        return (*found, *fetches_left_out(self.mapping, self.timing), *always)

    @property
    def link_load_bits(self) -> np.ndarray:
        """int64 [bins, links]: bits on the wire by hardware step, summed over samples."""
        return self.totals.link_load

    @property
    def hardware_steps_per_bin(self) -> int:
        """Hardware steps in each bin of ``link_load_bits``; 1 up to 1,024 steps."""
        return self.totals.rows_per_bin

    @property
    def energy_per_inference_j(self) -> float:
        """Mean energy of a sample, static energy included."""
        return self.energy.per_inference_j

    @property
    def latency_per_inference_s(self) -> float:
        """Mean latency of a sample."""
        return self.latency.per_inference_s

    @cached_property
    def link_wire_bits(self) -> np.ndarray:
        """int64 [links]: bits on the wire, over all samples."""
        return self.link_load_bits.sum(axis=0)

    def metrics(self) -> dict[str, float | int]:
        """Return every single number of the result by name, for sweeps and comparisons."""
        per_component = {
            f"energy_{name.replace(' ', '_').replace('-', '_')}_j": value
            for name, value in self.energy.by_component().items()
            if not name.startswith(DIE_TO_DIE) and not name.endswith(PADDING)
        }
        padding = [
            value for name, value in self.energy.by_component().items() if name.endswith(PADDING)
        ]
        crossing = [
            value
            for name, value in self.energy.by_component().items()
            if name.startswith(DIE_TO_DIE)
        ]
        return {
            "energy_per_inference_j": self.energy_per_inference_j,
            "latency_per_inference_s": self.latency_per_inference_s,
            "longest_latency_s": self.latency.longest_s,
            "throughput_per_s": self.latency.throughput_per_s,
            "energy_delay_product_js": self.energy_per_inference_j * self.latency_per_inference_s,
            "energy_j": self.energy.total_j,
            "dynamic_energy_j": self.energy.dynamic_j,
            "static_energy_j": self.energy.static_j,
            **per_component,
            "energy_die_to_die_links_j": float(sum(crossing)),
            "energy_frame_padding_j": float(sum(padding)),
            "samples": self.samples,
            "steps": self.steps,
            "hardware_steps": self.latency.hardware_steps,
            **{f"steps_timed_by_{name}": count for name, count in self.timed.steps.items()},
            **asdict(self.events),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON, units in the names."""
        return {
            "provenance": self.provenance,
            "timing": self.timing,
            "timed": self.timed.to_dict(),
            "samples": self.samples,
            "steps": self.steps,
            "events": asdict(self.events),
            "energy": self.energy.to_dict(),
            "latency": self.latency.to_dict(),
            "links": self.links.to_dict(),
            "tiles": self.tiles.to_dict(),
            "layers": self.layers.to_dict(),
            "per_step": self.per_step.to_dict(),
            "interconnect": self.interconnect.to_dict() if self.interconnect else None,
            "not_modelled": list(self.not_modelled),
        }

    def __repr__(self) -> str:
        from chipletsim.tables import si

        return (
            f"Result({self.mapping.network.name!r} on {self.mapping.package.name!r}: "
            f"{self.samples:,} inferences, {si(self.energy_per_inference_j, 'J')} and "
            f"{si(self.latency_per_inference_s, 's')} each)"
        )

    def __str__(self) -> str:
        from chipletsim.package.facts import encoded_links
        from chipletsim.tables import render, si, table

        events = [
            [field.name.replace("_", " "), f"{getattr(self.events, field.name):,}"]
            for field in fields(EventTotals)
        ]
        head = [
            ["energy per inference", si(self.energy_per_inference_j, "J")],
            ["latency per inference", si(self.latency_per_inference_s, "s")],
            ["slowest inference", si(self.latency.longest_s, "s")],
            ["inferences per second, one at a time", f"{self.latency.throughput_per_s:,.4g}"],
            ["hardware steps per inference", f"{self.latency.hardware_steps:,}"],
            ["hardware steps per network step", f"{self.latency.initiation_interval}"],
        ]
        title = (
            f"{self.mapping.network.name} on {self.mapping.package.name}: "
            f"{self.samples:,} inferences of {self.steps:,} steps, {self.timing} timing"
        )
        return "\n".join(
            [
                render(table(title, ["figure", "value"], head)),
                render(table("events, all inferences", ["events", "number"], events)),
                str(self.latency),
                str(self.energy),
                *([str(self.timed)] if self.timed.asked != self.timing else []),
                *([str(self.interconnect)] if self.interconnect else []),
                *(f"messages on {words}" for words in encoded_links(self.mapping.package)),
                "not modelled: " + "; ".join(self.not_modelled),
            ]
        )
