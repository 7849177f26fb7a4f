"""What a dense network costs on a system of devices; print it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.baseline.placement import Placement
from chipletsim.baseline.roofline import assumption_lines
from chipletsim.baseline.stages import LayerRun, Stage
from chipletsim.spec.device import DeviceSpec
from chipletsim.spec.fabric import NodeSpec
from chipletsim.tables import render, si, table

_NOTES = (
    "modelled by a roofline, not measured: a layer takes max(FLOPs / peak reached, bits / "
    "bandwidth reached) and its launches",
    "weights are read once per launch; activations are written and read between layers; the keys "
    "and values of a context are read once per token; attention keeps its scores on the chip",
    "norms, sums, gates, neurons and pooling are fused into the kernel before them and cost"
    " nothing, nor does the host, which favours the device; spikes count as values",
    "time steps are folded into the batch; layers on a cycle are launched in each step",
)
_TRAINING_NOTES = (
    "backward takes twice the FLOPs, traffic and launches of forward; outputs of kernels are kept,"
    " nothing is computed again",
    "the optimiser is Adam with state in 32 bits; gradients of replicas are summed at the end of"
    " a step",
)
_SYSTEM_NOTES = (
    "communication waits for computing and computing for it; ranks of a node have the whole"
    " bandwidth of its fabric each; every exchange is one more kernel launched",
    "tensor groups are inside a node where they fit, then stages, then replicas",
)


@dataclass(frozen=True)
class Part:
    """What one kind of work takes of a run.

    Attributes:
        name: ``compute``, ``memory``, ``launch`` or ``communication``.
        time_s: Time on the path that decides the latency.
        dynamic_j: Energy above idle, of all devices.
        idle_j: Idle power of all devices for that time.
    """

    name: str
    time_s: float
    dynamic_j: float
    idle_j: float

    @property
    def energy_j(self) -> float:
        """Energy with idle power, in joules."""
        return self.dynamic_j + self.idle_j


@dataclass(frozen=True)
class FabricTraffic:
    """What crosses one fabric in a run.

    Attributes:
        where: ``inside a node`` or ``between nodes``.
        fabric: Name of the fabric.
        bits: Bits of all devices together.
        energy_j: Their energy on the fabric.
    """

    where: str
    fabric: str
    bits: float
    energy_j: float


@dataclass(frozen=True)
class SystemRun:
    """A dense network on a system of devices, modelled; printing it gives a table.

    Attributes:
        model: Name of the network.
        device: The device, in the number type of the run, with the efficiencies used.
        node: How devices are joined.
        placement: Tensor, pipeline and data ranks.
        all_reduce: Algorithm of sums.
        batch: Samples of all replicas together.
        micro_batches: Parts of a replica's batch.
        unit: ``inference``, ``token`` or ``training step``.
        parts: What time and energy of the whole batch are spent on.
        flops: Operations of all devices.
        memory_bits: Bits read and written by all devices.
        kept_bits_per_device: Bits that the fullest device keeps.
        fabrics: Bits across each fabric.
        stages: The stages of the pipeline, for one micro-batch.
    """

    model: str
    device: DeviceSpec
    node: NodeSpec
    placement: Placement
    all_reduce: str
    batch: int
    micro_batches: int
    unit: str
    parts: tuple[Part, ...]
    flops: int
    memory_bits: int
    kept_bits_per_device: int
    fabrics: tuple[FabricTraffic, ...]
    stages: tuple[Stage, ...]

    @property
    def latency_s(self) -> float:
        """Time of the batch, which is the latency of each of its samples."""
        return sum(part.time_s for part in self.parts)

    @property
    def energy_j(self) -> float:
        """Energy of the batch, idle power included."""
        return sum(part.energy_j for part in self.parts)

    @property
    def units(self) -> int:
        """How many of ``unit`` a run holds: the batch, or one training step."""
        return 1 if self.unit == "training step" else self.batch

    @property
    def energy_per_unit_j(self) -> float:
        """Energy of one inference, token or training step, in joules."""
        return self.energy_j / self.units

    @property
    def share_of_peak(self) -> float:
        """Operations over what all devices could do at their peak meanwhile."""
        most = self.device.peak_flop_per_s * self.placement.devices * self.latency_s
        return self.flops / most

    @property
    def bound(self) -> str:
        """The part that takes most of the time."""
        return max(self.parts, key=lambda part: part.time_s).name

    @property
    def dearest(self) -> FabricTraffic | None:
        """Traffic on the fabric with the dearest bits of those that anything crosses."""
        price = {
            "inside a node": self.node.inside.energy_j_per_bit,
            "between nodes": self.node.between.energy_j_per_bit,
        }
        crossed = [each for each in self.fabrics if each.bits]
        return max(crossed, key=lambda each: price[each.where], default=None)

    @property
    def layers(self) -> tuple[LayerRun, ...]:
        """The layers on the busiest rank, per micro-batch."""
        return tuple(run for stage in self.stages for run in stage.layers)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the figures take for granted, a line each."""
        device = self.device
        shares = (
            f"{device.kernel_efficiency:.0%} of the {device.dtype} peak and "
            f"{device.memory_efficiency:.0%} of the memory bandwidth are reached"
        )
        notes = [_NOTES[0], shares, *_NOTES[1:]]
        notes += _TRAINING_NOTES if self.unit == "training step" else ()
        if self.placement.devices > 1:
            algorithm = "rings" if self.all_reduce == "ring" else "double binary trees"
            notes += [*_SYSTEM_NOTES, f"sums over ranks go by {algorithm}"]
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        placement = self.placement
        return {
            "how": "modelled",
            "model": self.model,
            "device": self.device.name,
            "dtype": self.device.dtype,
            "devices": placement.devices,
            "tensor": placement.tensor,
            "pipeline": placement.pipeline,
            "data": placement.data,
            "batch": self.batch,
            "micro_batches": self.micro_batches,
            "unit": self.unit,
            "latency_s": self.latency_s,
            "energy_j": self.energy_j,
            "energy_per_unit_j": self.energy_per_unit_j,
            "bound": self.bound,
            "flops": self.flops,
            "memory_bits": self.memory_bits,
            "share_of_peak": self.share_of_peak,
            "kept_bits_per_device": self.kept_bits_per_device,
            "parts": [{**asdict(part), "energy_j": part.energy_j} for part in self.parts],
            "fabrics": [asdict(each) for each in self.fabrics],
            "dearest_boundary": asdict(self.dearest) if self.dearest else None,
            "layers": [asdict(run) for run in self.layers],
            "assumptions": list(self.assumptions),
        }

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._part_table(), Text(self._summary())]
        if self.placement.devices > 1:
            parts.append(self._fabric_table())
        return Group(*parts, *assumption_lines(self.assumptions))

    def __str__(self) -> str:
        return render(self)

    def _part_table(self) -> RenderableType:
        placement = self.placement
        cut = f"tensor {placement.tensor}, pipeline {placement.pipeline}, data {placement.data}"
        cut = f"{placement.devices} x {self.device.name} ({cut})"
        if placement.devices == 1:
            cut = self.device.name
        title = f"{self.model} on {cut}, {self.device.dtype}, batch {self.batch}, modelled"
        rows = [
            (
                part.name,
                si(part.time_s, "s"),
                si(part.dynamic_j / self.units, "J"),
                si(part.idle_j / self.units, "J"),
                si(part.energy_j / self.units, "J"),
            )
            for part in self.parts
        ]
        dynamic = sum(part.dynamic_j for part in self.parts) / self.units
        idle = sum(part.idle_j for part in self.parts) / self.units
        total = si(self.energy_per_unit_j, "J")
        rows.append(("total", si(self.latency_s, "s"), si(dynamic, "J"), si(idle, "J"), total))
        columns = ("", "latency", "above idle", "idle power", f"energy/{self.unit}")
        return table(title, columns, rows)

    def _summary(self) -> str:
        kept = si(self.kept_bits_per_device / 8, "B")
        there = self.device.memory_bits
        room = f" of {si(there / 8, 'B')}" if there else ""
        flops = si(self.flops / self.units, "FLOP")
        moved = si(self.memory_bits / 8 / self.units, "B")
        return (
            f"{flops} and {moved} of memory traffic per {self.unit}; bound by {self.bound}; "
            f"{self.share_of_peak:.2%} of the peak; fullest device keeps {kept}{room}"
        )

    def _fabric_table(self) -> RenderableType:
        dearest = self.dearest
        rows = [
            (
                each.where + (" (dearest)" if each is dearest else ""),
                each.fabric,
                si(each.bits / self.units, "bit"),
                si(each.energy_j / self.units, "J"),
            )
            for each in self.fabrics
        ]
        return table(
            f"Bits between devices per {self.unit}", ("", "fabric", "bits", "energy"), rows
        )
