"""Random networks of SpikingJelly, and graphs that it reads, with what every neuron gives.

``draw(seed)`` gives a module to export, ``draw_loops(seed)`` a graph with loops, which the exporter
cannot write, to be read. Weights are multiples of 2^-10 and inputs of 1/16, so that sums do not
depend on their order; time constants, decays, thresholds and resets are any.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import nir
import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir
from torch import nn

STEPS, BATCH = 40, 2
SURROGATES = (surrogate.Sigmoid, surrogate.ATan, surrogate.LeakyKReLU)
"""The first two are known to compiled code, the last runs the reference in torch."""


@dataclass
class Case:
    """A network, what it is fed, and what its neurons gave.

    Attributes:
        style: What it is: layers, planes, lines, skip or loops.
        dt: Time step that the file's time constants are made with.
        inputs: [steps, samples, ...].
        write: Writes the file.
        spikes: Node of the file to [steps, samples, ...], after ``run``.
        membranes: Likewise.
        models: Node to the class of its neurons, and its arguments.
    """

    style: str
    dt: float
    inputs: torch.Tensor
    write: Callable[[str], None]
    spikes: dict[str, np.ndarray] = field(default_factory=dict)
    membranes: dict[str, np.ndarray] = field(default_factory=dict)
    models: dict[str, dict] = field(default_factory=dict)


class Skip(nn.Module):
    """Two ways from the input to the second neurons."""

    def __init__(self, rng: random.Random, models: dict[str, dict]) -> None:
        super().__init__()
        self.near, self.first = linear(rng, 6, 9), spiking(rng, models, "first")
        self.far, self.across = linear(rng, 9, 7), linear(rng, 6, 7)
        self.second = spiking(rng, models, "second")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        return self.second(self.far(self.first(self.near(x))) + self.across(x))


def draw(seed: int) -> Case:
    """Return an exported network that has run."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    style = ("layers", "planes", "lines", "skip")[seed % 4]
    models: dict[str, dict] = {}
    if style == "skip":
        net, shape = Skip(rng, models), (6,)
    else:
        parts, shape = {"layers": _layers, "planes": _planes, "lines": _lines}[style](rng, models)
        net = nn.Sequential(*parts)
    for module in net.modules():
        if hasattr(module, "weight"):
            _round(module)
    dt = rng.choice((1e-4, 1e-4, 1e-3, 2.5e-4))
    inputs = _inputs(rng, shape)
    mode = rng.choice("sm")
    functional.set_step_mode(net, mode)
    example = inputs if mode == "m" else inputs[0]
    case = Case(style, dt, inputs, lambda path: _export(net, example, path, dt), models=models)
    _run(case, net, mode)
    return case


def draw_loops(seed: int) -> Case:
    """Return a graph with loops and the names of its nodes shuffled, that has run."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    while True:
        try:
            return _drawn_loops(rng, numbers)
        except RuntimeError:  # in step 0 nirtorch has values of no shape for all inputs of a node
            continue


def _drawn_loops(rng: random.Random, numbers: np.random.Generator) -> Case:
    dt, sizes = 1e-4, (rng.randint(3, 8), rng.randint(3, 8))
    letters = rng.sample("abcdefghk", 8)
    names = dict(zip(("x", "in", "p", "pq", "q", "back", "own", "skip"), letters, strict=True))
    models: dict[str, dict] = {}
    nodes = {
        "x": nir.Input({"input": np.array([5])}),
        "in": _affine(numbers, sizes[0], 5),
        "p": _drawn(rng, sizes[0], dt, models, names["p"]),
        "pq": _affine(numbers, sizes[1], sizes[0]),
        "q": _drawn(rng, sizes[1], dt, models, names["q"]),
        "back": _affine(numbers, sizes[0], sizes[1]),
    }
    edges = [("x", "in"), ("in", "p"), ("p", "pq"), ("pq", "q"), ("q", "back"), ("back", "p")]
    if rng.random() < 0.5:
        nodes["own"] = _affine(numbers, sizes[1], sizes[1])
        edges += [("q", "own"), ("own", "q")]
    if rng.random() < 0.5:
        nodes["skip"] = _affine(numbers, sizes[1], 5)
        edges += [("x", "skip"), ("skip", "q")]
    graph = nir.NIRGraph(
        {names[key]: node for key, node in nodes.items()}
        | {"output": nir.Output({"output": np.array([sizes[1]])})},
        [(names[one], names[other]) for one, other in edges] + [(names["q"], "output")],
    )
    case = Case("loops", dt, _inputs(rng, (5,)), lambda path: nir.write(path, graph), models=models)
    _run_graph(case, graph)
    return case


def spiking(rng: random.Random, models: dict[str, dict], name: str) -> nn.Module:
    """Return neurons of any class that the exporter knows, and note what they are."""
    kind = rng.choice(("IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode"))
    given = {
        "v_threshold": round(rng.uniform(0.3, 1.2), rng.choice((1, 7))),
        "v_reset": rng.choice((0.0, 0.0, -0.3, 0.15)),
    }
    if kind == "LIFNode":
        given |= {"tau": rng.choice((2.0, rng.uniform(1.1, 9))), "decay_input": rng.random() < 0.5}
    if kind == "ParametricLIFNode":
        given |= {"init_tau": rng.uniform(1.1, 9), "decay_input": rng.random() < 0.5}
    if kind == "CUBALIFNode":
        given |= {"c_decay": rng.uniform(0, 0.9), "v_decay": rng.choice((0.75, rng.uniform(0, 1)))}
    node = getattr(neuron, kind)(**given, surrogate_function=rng.choice(SURROGATES)())
    models[name] = {"model": f"spikingjelly.{kind}", **given}
    models[name] |= {"parametric": True} if kind == "ParametricLIFNode" else {}
    return node


def linear(rng: random.Random, inputs: int, outputs: int) -> nn.Module:
    """Return a layer of weights, with a bias or without."""
    return layer.Linear(inputs, outputs, bias=rng.random() < 0.6)


def _layers(rng: random.Random, models: dict[str, dict]) -> tuple[list[nn.Module], tuple]:
    sizes = [rng.randint(3, 12) for _ in range(rng.randint(2, 4))]
    parts: list[nn.Module] = []
    for one, other in pairwise(sizes):
        parts += [linear(rng, one, other), spiking(rng, models, f"_{len(parts) + 1}")]
    return parts, (sizes[0],)


def _planes(rng: random.Random, models: dict[str, dict]) -> tuple[list[nn.Module], tuple]:
    channels, padding, stride = rng.randint(1, 3), rng.randint(0, 1), rng.randint(1, 2)
    size = (8 + 2 * padding - 3) // stride + 1
    bias = rng.random() < 0.5
    parts = [layer.Conv2d(1, channels, 3, stride=stride, padding=padding, bias=bias)]
    parts.append(spiking(rng, models, "_1"))
    if rng.random() < 0.7:
        parts.append(layer.AvgPool2d(2))
        size //= 2
    if size > 1 and rng.random() < 0.5:
        parts += [
            layer.Conv2d(channels, 2, 2, bias=bias),
            spiking(rng, models, f"_{len(parts) + 1}"),
        ]
        channels, size = 2, size - 1
    parts += [layer.Flatten(), linear(rng, channels * size * size, 4)]
    return [*parts, spiking(rng, models, f"_{len(parts)}")], (1, 8, 8)


def _lines(rng: random.Random, models: dict[str, dict]) -> tuple[list[nn.Module], tuple]:
    stride, padding = rng.randint(1, 2), rng.randint(0, 1)
    size = (9 + 2 * padding - 3) // stride + 1
    parts = [layer.Conv1d(2, 3, 3, stride=stride, padding=padding), spiking(rng, models, "_1")]
    parts += [layer.Flatten(), linear(rng, 3 * size, 5)]
    return [*parts, spiking(rng, models, "_4")], (2, 9)


def _round(module: nn.Module) -> None:
    """Give a layer weights and biases that are multiples of 2^-10."""
    with torch.no_grad():
        fan_in = module.weight[0].numel()
        module.weight.copy_(_rounded(torch.randn(module.weight.shape) * 1.2 / fan_in**0.5 + 0.1))
        if module.bias is not None:
            module.bias.copy_(_rounded(torch.randn(module.bias.shape) * 0.2))


def _rounded(values: torch.Tensor) -> torch.Tensor:
    return torch.round(values * 1024) / 1024


def _inputs(rng: random.Random, shape: tuple[int, ...]) -> torch.Tensor:
    drawn = torch.rand(STEPS, BATCH, *shape)
    if rng.random() < 0.3:
        return torch.round(drawn * 32 - 8) / 16
    return (drawn < 0.4).float()


def _affine(numbers: np.random.Generator, outputs: int, inputs: int) -> nir.NIRNode:
    weight = np.round(numbers.normal(0.1, 1 / inputs**0.5, (outputs, inputs)) * 1024) / 1024
    if numbers.random() < 0.3:
        return nir.Linear(weight.astype(np.float32))
    bias = np.round(numbers.normal(0.1, 0.2, outputs) * 1024) / 1024
    return nir.Affine(weight.astype(np.float32), bias.astype(np.float32))


def _drawn(
    rng: random.Random, size: int, dt: float, models: dict[str, dict], name: str
) -> nir.NIRNode:
    """Return a node of neurons as ``import_from_nir`` takes it."""
    full = lambda value: np.full(size, value)  # noqa: E731
    firing = {"v_threshold": full(rng.uniform(0.3, 1.2)), "v_reset": full(rng.choice((0.0, -0.3)))}
    kind = rng.choice(("IF", "LIF", "CubaLIF"))
    models[name] = {"model": f"spikingjelly.{kind}"}
    if kind == "IF":
        return nir.IF(r=full(1 / dt), **firing)
    tau, tau_syn = rng.uniform(1.2, 9), rng.uniform(1.2, 5)
    if kind == "LIF":
        r = rng.choice((1.0, tau))
        return nir.LIF(tau=full(tau * dt), r=full(r), v_leak=firing["v_reset"], **firing)
    times = {"tau_syn": full(tau_syn * dt), "tau_mem": full(tau * dt), "v_leak": full(0.0)}
    return nir.CubaLIF(**times, r=full(tau), w_in=full(tau_syn), **firing)


def _export(net: nn.Module, example: torch.Tensor, path: str, dt: float) -> None:
    functional.reset_net(net)
    export_to_nir(net, example, path, dt=dt)


def _run(case: Case, net: nn.Module, mode: str) -> None:
    """Run a module step by step, or at once, and keep what its neurons give."""
    nodes = {name: net.get_submodule(name.removeprefix("_")) for name in case.models}
    spikes: dict[str, list] = {name: [] for name in nodes}
    membranes: dict[str, list] = {name: [] for name in nodes}
    for name, node in nodes.items():
        node.store_v_seq = mode == "m"
        node.register_forward_hook(
            lambda module, given, found, name=name: spikes[name].append(found.numpy())
        )
    functional.reset_net(net)
    with torch.no_grad():
        if mode == "m":
            net(case.inputs)
            case.spikes = {name: found[0] for name, found in spikes.items()}
            case.membranes = {name: node.v_seq.numpy() for name, node in nodes.items()}
        for x in case.inputs if mode == "s" else ():
            net(x)
            for name, node in nodes.items():
                membranes[name].append(node.v.numpy())
    if mode == "s":
        case.spikes = {name: np.stack(found) for name, found in spikes.items()}
        case.membranes = {name: np.stack(found) for name, found in membranes.items()}
    for node in nodes.values():
        node._forward_hooks.clear()


def _run_graph(case: Case, graph: nir.NIRGraph) -> None:
    """Run a graph as a file of it is read: with its nodes in the order of their names."""
    ordered = nir.NIRGraph(dict(sorted(graph.nodes.items())), graph.edges)
    module, state = import_from_nir(ordered, dt=case.dt), None
    found: dict[str, list] = {name: [] for name in case.models}
    for name in case.models:
        module.get_submodule(name).register_forward_hook(
            lambda each, given, answer, name=name: found[name].append(answer)
        )
    with torch.no_grad():
        for x in case.inputs:
            _, state = module(x, state)
    for name, answers in found.items():
        case.spikes[name] = np.stack([spikes.numpy() for spikes, _ in answers])
        case.membranes[name] = np.stack([states[0].numpy() for _, states in answers])
