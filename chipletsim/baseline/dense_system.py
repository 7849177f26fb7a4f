"""A dense network on one device or many: inference, a decoded token, or a training step.

With s stages and M micro-batches the time is ``sum of stage times + (M - 1) slowest stage``,
which for even stages is ``M t (1 + (s - 1) / M)``. Energy is that of all operations, all
bits of memory and of fabrics, and the idle power of all devices for the whole time.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from chipletsim.baseline.capacity import (
    optimiser_traffic_bits,
    parameters_per_rank,
    require_capacity,
)
from chipletsim.baseline.exchange import AllReduce, Exchange, Exchanger
from chipletsim.baseline.network_graph import network_graph
from chipletsim.baseline.placement import Placement
from chipletsim.baseline.roofline import load_device
from chipletsim.baseline.stages import Stage, Work, pipeline
from chipletsim.baseline.system_result import FabricTraffic, Part, SystemRun
from chipletsim.errors import UsageError
from chipletsim.models.model import Model, Signal
from chipletsim.network.model import Network
from chipletsim.spec.device import DeviceSpec
from chipletsim.spec.fabric import FabricSpec, NodeSpec
from chipletsim.spec.load import load_preset

Preset = str | Path
MAX_DEVICES = 65_536


def dense_system(
    model: Model | Network,
    device: Preset | DeviceSpec = "h100",
    *,
    devices: int | None = None,
    tensor: int | None = None,
    pipeline: int = 1,
    data: int = 1,
    dtype: str | None = None,
    batch: int = 1,
    micro_batches: int = 1,
    training: bool = False,
    steps: int = 1,
    all_reduce: AllReduce | str = "ring",
    inside: Preset | FabricSpec | None = None,
    between: Preset | FabricSpec | None = None,
    devices_per_node: int | None = None,
    kernel_efficiency: float | None = None,
    memory_efficiency: float | None = None,
) -> SystemRun:
    """Return what a dense network costs on a system of dense devices.

    Args:
        model: A model graph such as `build_model` gives, or a network of populations.
        device: Name of a device preset, path of a device file, or a device.
        devices: All devices; left out, ``tensor * pipeline * data``.
        tensor: Ranks that share each layer; left out, as many as devices are left.
        pipeline: Stages.
        data: Replicas.
        dtype: Number type; left out, the device's first.
        batch: Samples of all replicas together; in training those of a step.
        micro_batches: Parts of a replica's batch that follow each other down the pipeline.
        training: Whether to take a training step instead of an inference.
        steps: Time steps of a network of populations; a model graph has its own.
        all_reduce: Algorithm of sums, ``ring`` or ``tree``.
        inside: Fabric inside a node; left out, the device's.
        between: Fabric between nodes; left out, the device's.
        devices_per_node: Left out, the device's.
        kernel_efficiency: Share of the peak that products reach; left out, the device's.
        memory_efficiency: Share of the bandwidth that is reached; left out, the device's.

    Raises:
        ConfigError: A device or fabric file is missing or wrong.
        UsageError: A number is out of range, or numbers do not fit each other.
        InfeasibleError: The network does not fit the memory of the devices.

    Example:
        >>> from chipletsim.models import build_model
        >>> run = dense_system(build_model("resnet50"), "h100", batch=32)
        >>> run.flops == 2 * build_model("resnet50").macs * 32
        True
    """
    numbers = {"pipeline": pipeline, "data": data, "batch": batch, "steps": steps}
    numbers |= {"micro_batches": micro_batches}
    optional = {"devices": devices, "tensor": tensor, "devices_per_node": devices_per_node}
    _require_from_one(
        numbers | {key: value for key, value in optional.items() if value is not None}
    )
    graph = _graph(model, steps)
    used = load_device(device)
    used = _with_efficiency(used.in_type(dtype or used.dtype), kernel_efficiency, memory_efficiency)
    node = _node(used, inside, between, devices_per_node)
    placement = _placement(devices, tensor, pipeline, data, node)
    micro_batch = _micro_batch(batch, data, micro_batches)
    _check_pipeline(graph, pipeline)
    if training and used.dtype.startswith("int"):
        raise UsageError(f"training takes a floating-point type, not {used.dtype}")
    exchanger = Exchanger(node, placement, _all_reduce(all_reduce))
    work = Work(graph, used, exchanger, micro_batch, micro_batches, training)
    return _run(work, batch)


def _require_from_one(numbers: dict[str, int]) -> None:
    wrong = [f"{name} is {value}" for name, value in numbers.items() if value < 1]
    if wrong:
        raise UsageError(f"a dense system needs whole numbers from 1 on; {', '.join(wrong)}")


def _all_reduce(name: str) -> AllReduce:
    for known in get_args(AllReduce):
        if name == known:
            return cast(AllReduce, known)
    raise UsageError(f"sums over devices go by 'ring' or 'tree', not {name!r}")


def _graph(model: Model | Network, steps: int) -> Model:
    if isinstance(model, Network):
        return network_graph(model, steps)
    if steps != 1:
        raise UsageError(f"{model.name} has time steps of its own; build it with time_steps")
    return model


def _with_efficiency(device: DeviceSpec, kernel: float | None, memory: float | None) -> DeviceSpec:
    shares = {"kernel_efficiency": kernel, "memory_efficiency": memory}
    given = {name: value for name, value in shares.items() if value is not None}
    for name, value in given.items():
        if not 0 < value <= 1:
            raise UsageError(f"{name} is a share above 0 and at most 1, got {value}")
    return device.model_copy(update=given)


def _node(
    device: DeviceSpec,
    inside: Preset | FabricSpec | None,
    between: Preset | FabricSpec | None,
    per_node: int | None,
) -> NodeSpec:
    """Return the node of a device, with what was given in place of its own."""
    link = FabricSpec(
        name=f"link of {device.name}",
        bandwidth_bit_per_s=f"{device.link_bandwidth_bit_per_s!r} bit/s",
        latency_s=f"{device.link_latency_s!r} s",
        energy_j_per_bit=f"{device.link_energy_j_per_bit!r} J/bit",
    )
    own = device.node or NodeSpec(devices=MAX_DEVICES, inside=link, between=link)
    return NodeSpec(
        devices=own.devices if per_node is None else per_node,
        inside=own.inside if inside is None else load_fabric(inside),
        between=own.between if between is None else load_fabric(between),
    )


def load_fabric(fabric: Preset | FabricSpec) -> FabricSpec:
    """Return a fabric from its preset name, its file or itself.

    Raises:
        ConfigError: The file is missing or wrong.
    """
    return load_preset(fabric, FabricSpec, "fabrics")


def _placement(
    devices: int | None, tensor: int | None, stages: int, data: int, node: NodeSpec
) -> Placement:
    if devices is None:
        devices = (tensor or 1) * stages * data
    if tensor is None:
        tensor = max(devices // (stages * data), 1)
    if tensor * stages * data != devices:
        raise UsageError(
            f"tensor {tensor} x pipeline {stages} x data {data} are "
            f"{tensor * stages * data:,} devices, not {devices:,}"
        )
    if devices > MAX_DEVICES:
        raise UsageError(f"at most {MAX_DEVICES:,} devices, got {devices:,}")
    return Placement(tensor, stages, data, node.devices)


def _micro_batch(batch: int, data: int, micro_batches: int) -> int:
    parts = data * micro_batches
    if batch % parts:
        raise UsageError(
            f"a batch of {batch} cannot be cut into data {data} x micro-batches "
            f"{micro_batches}; take a multiple of {parts}"
        )
    return batch // parts


def _check_pipeline(model: Model, stages: int) -> None:
    if stages > len(model.blocks):
        raise UsageError(
            f"{model.name} has {len(model.blocks)} blocks and cannot be cut into {stages} stages"
        )


def _run(work: Work, batch: int) -> SystemRun:
    stages = pipeline(work)
    placement = work.exchanger.placement
    samples = batch // placement.data
    kept_bits = require_capacity(work, stages, samples)
    slowest = max(stages, key=lambda stage: stage.time_s)
    ends = [_step_end(work, stage, number) for number, stage in enumerate(stages)]
    end = max(ends, key=lambda one: one.time_s)
    rounds, replicas = work.micro_batches, placement.data
    times = {
        part: sum(stage.parts_s[part] for stage in stages)
        + (rounds - 1) * slowest.parts_s[part]
        + end.parts_s[part]
        for part in ("compute", "memory", "launch", "communication")
    }
    flops = rounds * replicas * sum(stage.flops for stage in stages)
    memory_bits = rounds * replicas * sum(stage.memory_bits for stage in stages)
    memory_bits += sum(one.memory_bits for one in ends)
    exchange = Exchange()
    for stage, one in zip(stages, ends, strict=True):
        exchange = exchange.plus(stage.exchange.times(rounds)).plus(one.exchange)
    traffic = _traffic(work, exchange)
    dynamic_j = {
        "compute": flops * work.device.energy_j_per_flop,
        "memory": memory_bits * work.device.memory_energy_j_per_bit,
        "launch": 0.0,
        "communication": sum(each.energy_j for each in traffic),
    }
    idle_w = work.device.idle_power_w * placement.devices
    return SystemRun(
        model=work.model.name,
        device=work.device,
        node=work.exchanger.node,
        placement=placement,
        all_reduce=work.exchanger.all_reduce,
        batch=batch,
        micro_batches=rounds,
        unit=_unit(work),
        parts=tuple(
            Part(name, time_s, dynamic_j[name], idle_w * time_s) for name, time_s in times.items()
        ),
        flops=flops,
        memory_bits=memory_bits,
        kept_bits_per_device=kept_bits,
        fabrics=traffic,
        stages=tuple(stages),
    )


def _unit(work: Work) -> str:
    if work.training:
        return "training step"
    first = work.model.layers[0]
    decodes = first.signal is Signal.INDICES and first.outputs == (1,)
    return "token" if decodes else "inference"


def _traffic(work: Work, exchange: Exchange) -> tuple[FabricTraffic, ...]:
    node = work.exchanger.node
    rows = (
        ("inside a node", node.inside, exchange.inside_bits),
        ("between nodes", node.between, exchange.between_bits),
    )
    return tuple(
        FabricTraffic(where, fabric.name, bits, bits * fabric.energy_j_per_bit)
        for where, fabric, bits in rows
    )


def _step_end(work: Work, stage: Stage, number: int) -> Stage:
    """Return what a stage does once at the end of a training step, as a stage of its own.

    The gradients of all replicas are summed, and the optimiser updates the parameters.
    """
    end = Stage(stage.blocks)
    if not work.training:
        return end
    device, placement = work.device, work.exchanger.placement
    trained = parameters_per_rank(work, stage)
    if placement.data > 1 and trained:
        groups = placement.data_groups[number]
        exchange = work.exchanger.sum(groups, work.in_bytes(trained))
        end.add_exchange(exchange, device.kernel_overhead_s)
    end.add_update(work, trained * optimiser_traffic_bits(device.dtype_bits))
    return end
