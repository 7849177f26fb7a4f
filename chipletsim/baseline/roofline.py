"""The same network on a dense processor, by its roofline.

A kernel takes ``max(flops / peak, bits / memory bandwidth) + launch overhead`` seconds
(Williams, Waterman and Patterson, CACM 52(4), 2009) and
``flops * energy per flop + bits * energy per bit`` joules; idle power is spent all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.baseline.cuts import Cut, cuts
from chipletsim.baseline.layers import DenseLayer, dense_layers
from chipletsim.errors import UsageError
from chipletsim.network.model import Network
from chipletsim.network.schedule import components
from chipletsim.network.spans import spans
from chipletsim.spec.device import DeviceSpec
from chipletsim.spec.load import load_preset
from chipletsim.tables import render, si, table

ASSUMPTIONS = (
    "modelled by a roofline, not measured: every kernel reaches the peak or the memory bandwidth",
    "each layer is one kernel; activations go through memory between layers",
    "sparse projections run as full matrices; taps on padding count",
    "neuron updates, membrane state and the host cost nothing, which favours the device",
    "'step by step' launches each layer in each step and reads its weights each time;"
    " 'steps folded' runs each layer outside a cycle once over all steps;"
    " 'T=1 ANN' evaluates each layer once",
)


@dataclass(frozen=True)
class LayerCost:
    """What one dense layer costs for a batch, over all its launches.

    Attributes:
        layer: The layer.
        launches: Kernels launched.
        flops: Floating-point operations.
        memory_bits: Bits read and written.
        compute_s: Time at the peak.
        memory_s: Time at the memory bandwidth.
        overhead_s: Time of the launches.
        energy_j: Energy above idle.
    """

    layer: DenseLayer
    launches: int
    flops: int
    memory_bits: int
    compute_s: float
    memory_s: float
    overhead_s: float
    energy_j: float

    @property
    def time_s(self) -> float:
        """Time of all launches, in seconds."""
        return max(self.compute_s, self.memory_s) + self.overhead_s


@dataclass(frozen=True)
class DenseRun:
    """One way to run the network on the device.

    Attributes:
        name: ``step by step``, ``steps folded`` or ``T=1 ANN``.
        steps: Time steps per sample.
        batch: Samples run together.
        idle_power_w: Power of the device at rest.
        layers: Costs of the layers, for the batch.
    """

    name: str
    steps: int
    batch: int
    idle_power_w: float
    layers: tuple[LayerCost, ...]

    @property
    def latency_s(self) -> float:
        """Time of the batch, which is the latency of each of its samples."""
        return sum(cost.time_s for cost in self.layers)

    @property
    def dynamic_energy_per_inference_j(self) -> float:
        """Energy above idle per sample, in joules."""
        return sum(cost.energy_j for cost in self.layers) / self.batch

    @property
    def energy_per_inference_j(self) -> float:
        """Energy per sample with idle power, in joules."""
        return self.dynamic_energy_per_inference_j + self.idle_power_w * self.latency_s / self.batch

    @property
    def flops_per_inference(self) -> int:
        """Floating-point operations per sample."""
        return sum(cost.flops for cost in self.layers) // self.batch

    @property
    def memory_bits_per_inference(self) -> float:
        """Bits of memory traffic per sample."""
        return sum(cost.memory_bits for cost in self.layers) / self.batch

    @property
    def bound(self) -> str:
        """What most of the time is spent on: ``compute``, ``memory`` or ``launches``."""
        spent = {
            "compute": sum(c.compute_s for c in self.layers if c.compute_s >= c.memory_s),
            "memory": sum(c.memory_s for c in self.layers if c.compute_s < c.memory_s),
            "launches": sum(c.overhead_s for c in self.layers),
        }
        return max(spent, key=lambda part: spent[part])


@dataclass(frozen=True)
class Baseline:
    """The network on a dense device; printing it gives a table with its assumptions.

    Attributes:
        network: The network.
        device: The device.
        steps: Time steps per sample; None takes those of the result it is compared with.
        batch: Samples run together.
        devices: Numbers of devices for which the network is cut.
        activation_bits: Bits of a dense activation that crosses a cut.
    """

    network: Network
    device: DeviceSpec
    steps: int | None
    batch: int
    devices: tuple[int, ...]
    activation_bits: int

    @cached_property
    def layers(self) -> tuple[DenseLayer, ...]:
        """The dense layers, one evaluation of one sample each."""
        return dense_layers(self.network)

    @property
    def step_by_step(self) -> DenseRun:
        """Every layer launched in every step, as frameworks that loop over time do."""
        return self._run("step by step", self.evaluations, self.evaluations)

    @property
    def folded(self) -> DenseRun:
        """Layers outside a cycle run once over all steps, as if time were batch."""
        cyclic = cyclic_layers(self.network, self.layers)
        pairs = zip(self.evaluations, cyclic, strict=True)
        return self._run("steps folded", self.evaluations, [n if loop else 1 for n, loop in pairs])

    @property
    def ann(self) -> DenseRun:
        """Every layer evaluated once, as if activations were real numbers."""
        once = [1] * len(self.layers)
        return self._run("T=1 ANN", once, once)

    @property
    def evaluations(self) -> list[int]:
        """In how many steps of a sample each layer works; see ``chipletsim.network.spans``."""
        works = dict(zip(self.network.index, spans(self.network), strict=True))
        spanned = [works[layer.target].works for layer in self.layers]
        return [span.length if span else self.steps or 1 for span in spanned]

    @property
    def runs(self) -> tuple[DenseRun, DenseRun, DenseRun]:
        """The three ways to run it."""
        return self.step_by_step, self.folded, self.ann

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """Traffic between devices when several share the network."""
        return cuts(self.network, self.layers, self.device, self.devices, self.activation_bits)

    def _run(self, name: str, evaluations: list[int], launches: list[int]) -> DenseRun:
        costs = (
            _layer_cost(layer, self.device, count, self.batch * steps // count)
            for layer, steps, count in zip(self.layers, evaluations, launches, strict=True)
        )
        steps = max(evaluations, default=1)
        return DenseRun(name, steps, self.batch, self.device.idle_power_w, tuple(costs))

    def __rich__(self) -> RenderableType:
        title = (
            f"{self.network.name} on {self.device.name} ({self.device.dtype}, batch {self.batch})"
        )
        headings = ("", "steps", "FLOPs", "memory", "latency", "energy/inference", "bound by")
        rows = [
            (
                run.name,
                run.steps,
                si(run.flops_per_inference, "FLOP"),
                si(run.memory_bits_per_inference / 8, "B"),
                si(run.latency_s, "s"),
                si(run.energy_per_inference_j, "J"),
                run.bound,
            )
            for run in self.runs
        ]
        return Group(table(title, headings, rows), *assumption_lines(ASSUMPTIONS))

    def __str__(self) -> str:
        return render(self)


def baseline(
    network: Network,
    device: str | Path | DeviceSpec = "h100",
    *,
    steps: int | None = None,
    batch: int = 1,
    devices: tuple[int, ...] = (1, 2, 4),
    activation_bits: int = 8,
) -> Baseline:
    """Return the dense equivalent of ``network`` on ``device``.

    Args:
        network: The network; its sparsity and its spikes are ignored.
        device: Name of a device preset, path of a device file, or a device.
        steps: Time steps per sample; left out, `compare` takes those of its result.
        batch: Samples run together.
        devices: Numbers of devices for the traffic of tensor- and pipeline-parallel cuts.
        activation_bits: Bits of a dense activation that crosses a cut.

    Raises:
        ConfigError: The device file is missing or wrong.
        UsageError: A number below 1.
    """
    numbers = {"batch": batch, "steps": steps or 1, "activation_bits": activation_bits}
    numbers |= {f"devices[{i}]": count for i, count in enumerate(devices)}
    wrong = [f"{name} is {value}" for name, value in numbers.items() if value < 1]
    if wrong or steps == 0:
        raise UsageError(f"baseline needs whole numbers from 1 on; {', '.join(wrong) or 'steps 0'}")
    return Baseline(network, load_device(device), steps, batch, tuple(devices), activation_bits)


def load_device(device: str | Path | DeviceSpec) -> DeviceSpec:
    """Return a device from its preset name, its file or itself.

    Raises:
        ConfigError: The file is missing or wrong.
    """
    return load_preset(device, DeviceSpec, "devices")


def cyclic_layers(network: Network, layers: tuple[DenseLayer, ...]) -> list[bool]:
    """Return for each layer whether it lies on a cycle of the population graph."""
    loops = [set(part.populations) for part in components(network) if part.cyclic]
    ends = [{network.index[layer.source], network.index[layer.target]} for layer in layers]
    return [any(pair <= loop for loop in loops) for pair in ends]


def assumption_lines(assumptions: tuple[str, ...]) -> list[Text]:
    """Return the assumptions as lines to print under a table."""
    return [Text(f"  - {line}", style="dim") for line in assumptions]


def _layer_cost(layer: DenseLayer, device: DeviceSpec, launches: int, rows: int) -> LayerCost:
    """Price ``launches`` kernels of ``rows`` samples or steps each."""
    flops = layer.flops * rows * launches
    values = layer.weights + (layer.inputs + layer.outputs) * rows
    memory_bits = values * device.dtype_bits * launches
    return LayerCost(
        layer=layer,
        launches=launches,
        flops=flops,
        memory_bits=memory_bits,
        compute_s=flops / device.peak_flop_per_s,
        memory_s=memory_bits / device.memory_bandwidth_bit_per_s,
        overhead_s=launches * device.kernel_overhead_s,
        energy_j=flops * device.energy_j_per_flop + memory_bits * device.memory_energy_j_per_bit,
    )
