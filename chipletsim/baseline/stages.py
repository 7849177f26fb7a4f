"""Costs of the stages of a pipeline: the kernels of each, and what its ranks exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from chipletsim.baseline.exchange import Exchange, Exchanger
from chipletsim.baseline.kernels import Kernel, cyclic_layers, kernels
from chipletsim.baseline.tensor_split import TensorPlan, tensor_plan
from chipletsim.models.collectives import all_gather, reduce_scatter
from chipletsim.models.model import Layer, Model
from chipletsim.spec.device import DeviceSpec


@dataclass(frozen=True)
class Work:
    """A dense network on a device, and how it is run.

    Attributes:
        model: The network.
        device: The device, in the number type of the run.
        exchanger: Placement and fabrics.
        batch: Samples of a micro-batch.
        micro_batches: Micro-batches one after another in a replica.
        training: Whether layers run backward too.
    """

    model: Model
    device: DeviceSpec
    exchanger: Exchanger
    batch: int
    micro_batches: int
    training: bool

    @cached_property
    def plan(self) -> TensorPlan:
        """How the ranks of a tensor-parallel group split the layers."""
        return tensor_plan(self.model)

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """Kernels of a micro-batch, forward."""
        tensor = self.exchanger.placement.tensor
        return kernels(self.model, self.plan, tensor, self.batch)

    def tensor_bytes(self, layer: Layer, rounds: int = 1) -> int:
        """Return the bytes of the outputs of a layer, of one of ``rounds`` of a micro-batch."""
        values = layer.activations * self.model.applications(layer) * self.batch
        return self.in_bytes(values // rounds)

    def in_bytes(self, values: int) -> int:
        """Return the whole bytes of so many values."""
        return -(-values * self.device.dtype_bits // 8)


@dataclass(frozen=True)
class LayerRun:
    """One layer on the busiest rank, per micro-batch, backward included in training.

    Attributes:
        name: Name of the layer.
        kind: What it does.
        flops: Operations.
        memory_bits: Bits read and written.
        launches: Kernels launched.
        compute_s: Time at the peak reached.
        memory_s: Time at the bandwidth reached.
        launch_s: Time of the launches.
    """

    name: str
    kind: str
    flops: int
    memory_bits: int
    launches: int
    compute_s: float
    memory_s: float
    launch_s: float

    @property
    def time_s(self) -> float:
        """Time of the layer by the roofline, in seconds."""
        return max(self.compute_s, self.memory_s) + self.launch_s

    @property
    def bound(self) -> str:
        """What most of its time is spent on: ``compute``, ``memory`` or ``launch``."""
        if self.launch_s > max(self.compute_s, self.memory_s):
            return "launch"
        return "compute" if self.compute_s >= self.memory_s else "memory"


@dataclass
class Stage:
    """A stage of the pipeline for one micro-batch.

    Attributes:
        blocks: Names of its blocks.
        layers: Its layers on the busiest rank.
        flops: Operations of all ranks of one replica.
        memory_bits: Bits read and written by all ranks of one replica.
        exchange: What its ranks exchange, in all replicas.
        exchange_launch_s: Time of launching the kernels that exchange.
    """

    blocks: tuple[str, ...]
    layers: list[LayerRun] = field(default_factory=list)
    flops: int = 0
    memory_bits: int = 0
    exchange: Exchange = field(default_factory=Exchange)
    exchange_launch_s: float = 0.0

    @property
    def parts_s(self) -> dict[str, float]:
        """What the time of the stage is spent on, in seconds."""
        return {
            "compute": sum(r.compute_s for r in self.layers if r.compute_s >= r.memory_s),
            "memory": sum(r.memory_s for r in self.layers if r.compute_s < r.memory_s),
            "launch": sum(r.launch_s for r in self.layers) + self.exchange_launch_s,
            "communication": self.exchange.time_s,
        }

    @property
    def time_s(self) -> float:
        """Time of a micro-batch in this stage, in seconds."""
        return sum(self.parts_s.values())

    def add_exchange(self, exchange: Exchange, launch_s: float) -> None:
        """Add an exchange, which is one kernel."""
        self.exchange = self.exchange.plus(exchange)
        self.exchange_launch_s += launch_s

    def add_update(self, work: Work, rank_bits: int) -> None:
        """Add the optimiser's update, one kernel that moves ``rank_bits`` on each rank."""
        device, placement = work.device, work.exchanger.placement
        bandwidth = device.memory_bandwidth_bit_per_s * device.memory_efficiency
        self.layers.append(
            LayerRun(
                name="optimiser",
                kind="optimiser",
                flops=0,
                memory_bits=rank_bits,
                launches=1,
                compute_s=0.0,
                memory_s=rank_bits / bandwidth,
                launch_s=device.kernel_overhead_s,
            )
        )
        self.memory_bits += rank_bits * placement.tensor * placement.data


def pipeline(work: Work) -> list[Stage]:
    """Return the stages: contiguous blocks, cut so that the slowest stage is fastest."""
    runs = {kernel.layer.name: (kernel, _layer_run(work, kernel)) for kernel in work.kernels}
    blocks = work.model.blocks
    names = list(blocks)
    times = [
        sum(runs[layer.name][1].time_s for layer in blocks[name] if layer.name in runs)
        for name in names
    ]
    stages = []
    for first, end in even_cuts(times, work.exchanger.placement.pipeline):
        stage = Stage(tuple(names[first:end]))
        for layer in (layer for name in stage.blocks for layer in blocks[name]):
            if layer.name in runs:
                _add_kernel(work, stage, *runs[layer.name])
        stages.append(stage)
    _add_sums(work, stages)
    _add_boundaries(work, stages)
    return stages


def even_cuts(times: Sequence[float], parts: int) -> list[tuple[int, int]]:
    """Cut a row of times into contiguous non-empty parts with the least largest sum.

    Args:
        times: Time of each block, in order.
        parts: Number of parts, at most as many as blocks.

    Returns:
        First block and end of each part.
    """
    total = [0.0]
    for time in times:
        total.append(total[-1] + time)
    count = len(times)
    best = total[:]  # of the first n blocks in one part
    choices = []
    for part in range(1, parts):
        row, choice = [float("inf")] * (count + 1), [0] * (count + 1)
        for end in range(part + 1, count + 1):
            candidates = (
                (max(best[cut], total[end] - total[cut]), cut) for cut in range(part, end)
            )
            row[end], choice[end] = min(candidates)
        best = row
        choices.append(choice)
    ends = [count]
    for choice in reversed(choices):
        ends.append(choice[ends[-1]])
    ends = [0, *reversed(ends)]
    return list(pairwise(ends))


def _layer_run(work: Work, kernel: Kernel) -> LayerRun:
    device, times = work.device, 3 if work.training else 1
    # Backward makes the gradients of inputs and of weights: two kernels like the forward one.
    flops = kernel.flops.busiest * times
    values = kernel.weight_values.busiest + kernel.moved_values.busiest
    memory_bits = values * device.dtype_bits * times
    peak = device.peak_flop_per_s * device.kernel_efficiency
    bandwidth = device.memory_bandwidth_bit_per_s * device.memory_efficiency
    return LayerRun(
        name=kernel.layer.name,
        kind=kernel.layer.kind.value,
        flops=flops,
        memory_bits=memory_bits,
        launches=kernel.launches * times,
        compute_s=flops / peak,
        memory_s=memory_bits / bandwidth,
        launch_s=kernel.launches * times * device.kernel_overhead_s,
    )


def _add_kernel(work: Work, stage: Stage, kernel: Kernel, run: LayerRun) -> None:
    times = 3 if work.training else 1
    values = kernel.weight_values.total + kernel.moved_values.total
    stage.layers.append(run)
    stage.flops += kernel.flops.total * times
    stage.memory_bits += values * work.device.dtype_bits * times


def _add_sums(work: Work, stages: list[Stage]) -> None:
    """Add what the ranks of tensor-parallel groups exchange, each with its layer's stage."""
    tensor = work.exchanger.placement.tensor
    if tensor == 1:
        return
    plan = work.plan
    stage_of = {block: number for number, stage in enumerate(stages) for block in stage.blocks}
    names = [(name, "sum") for name in plan.sums] + [(name, "gather") for name in plan.gathers]
    if work.training:
        names += [(name, "sum") for name in plan.gradient_sums]
        names += [(name, "scatter") for name in plan.gradient_scatters]
    looped = cyclic_layers(work.model)
    for name, what in names:
        layer = work.model.layer(name)
        # On a cycle the next step waits for the exchange of this one.
        rounds = work.model.applications(layer) if name in looped else 1
        number = stage_of[layer.block]
        groups = work.exchanger.placement.tensor_groups[number]
        tensor_bytes = work.tensor_bytes(layer, rounds)
        if what == "sum":
            exchange = work.exchanger.sum(groups, tensor_bytes)
        elif what == "gather":
            exchange = work.exchanger.ring(groups, all_gather(tensor_bytes, tensor))
        else:
            exchange = work.exchanger.ring(groups, reduce_scatter(tensor_bytes, tensor))
        launch_s = rounds * work.device.kernel_overhead_s
        stages[number].add_exchange(exchange.times(rounds), launch_s)


def _add_boundaries(work: Work, stages: list[Stage]) -> None:
    """Add the activations that each stage sends on, and their gradients in training.

    Each tensor rank sends its share, and the ranks of the next stage gather the whole
    (Narayanan et al., SC 2021, section 4.1); the gradients go back in the same way.
    """
    exchanger, times = work.exchanger, 2 if work.training else 1
    tensor = exchanger.placement.tensor
    for number, stage in enumerate(stages[:-1]):
        crossing = work.model.crossing(stage.blocks[-1])
        sent_bytes = sum(work.tensor_bytes(layer) for layer in crossing)
        whole_bytes = sum(
            work.tensor_bytes(layer) for layer in crossing if work.plan.is_whole(layer.name)
        )
        if sent_bytes:
            sent = exchanger.to_next_stage(number, sent_bytes / tensor)
            stage.add_exchange(sent.times(times), times * work.device.kernel_overhead_s)
        if whole_bytes and tensor > 1:
            groups = exchanger.placement.tensor_groups[number + 1]
            gathered = exchanger.ring(groups, all_gather(whole_bytes, tensor))
            stages[number + 1].add_exchange(
                gathered.times(times), times * work.device.kernel_overhead_s
            )
