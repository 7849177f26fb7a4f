"""Random networks of snnTorch, written in the ways in which its users write them.

``draw`` gives a module, a sample for ``chipletsim.from_snntorch``, inputs, and how to run
them. Weights are multiples of 2^-10 and decays short binary fractions, so that sums do not depend
on their order, except behind batch normalisation, odd averages and Lapicque's gain.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import snntorch as snn
import torch
from torch import nn
from torch.nn import functional

STYLES = ("sequential", "hidden", "states", "loop", "loop_samples_first", "layerwise", "static")
STEPS, BATCH = 12, 2


@dataclass
class Case:
    """A network and what it is fed.

    Attributes:
        seed: What it was drawn from.
        style: How it is written, one of ``STYLES``.
        module: The module, in evaluation.
        options: Arguments of ``from_snntorch`` beside the module.
        inputs: [steps, samples, ...], as it is fed step by step.
        run: Runs the module on the inputs.
        exact: Whether all sums are exact, in whatever order.
        features: What is in it, in words.
    """

    seed: int
    style: str
    module: nn.Module
    options: dict[str, Any]
    inputs: torch.Tensor
    run: Callable[[], Any]
    exact: bool
    features: list[str]


class Concatenated(nn.Module):
    """Signals side by side, then what follows."""

    def __init__(self, then: nn.Module) -> None:
        super().__init__()
        self.then = then

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        return self.then(torch.cat([first, second], dim=1))


class PoolFunction(nn.Module):
    """A pooling by function, as often written in a forward pass."""

    def __init__(self, function: Callable[..., torch.Tensor], size: int) -> None:
        super().__init__()
        self.function, self.size = function, size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        return self.function(x, self.size)


class Layers(nn.Module):
    """Neurons, each fed by the layer before and maybe by the input, another layer, a later one."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.main = nn.ModuleList()
        self.neurons = nn.ModuleList()
        self.skips = nn.ModuleDict()
        self.feedback = nn.ModuleDict()
        self.joined = nn.ModuleDict()
        self.before: dict[str, torch.Tensor] = {}

    def step(self, x: torch.Tensor, states: list, before: dict) -> tuple[torch.Tensor, list, dict]:
        """Run all layers for one step."""
        signals, after, fired = [x], [], {}
        for number, (main, neuron) in enumerate(zip(self.main, self.neurons, strict=True)):
            key = str(number)
            current = (
                self.joined[key](signals[-1], signals[-2])
                if key in self.joined
                else main(signals[-1])
            )
            if key in self.skips:
                current = current + self.skips[key](x)
            if key in self.feedback:
                source = str(number + 1)
                width = self.feedback[key].in_features
                past = before.get(source, torch.zeros(x.shape[0], width))
                current = current + self.feedback[key](past)
            if self.hidden:
                found = neuron(current)
                spikes = found[0] if isinstance(found, tuple) else found
            else:
                spikes, *state = neuron(current, *states[number])
                after.append(spikes_first(neuron, spikes, state))
            fired[key] = spikes
            signals.append(spikes)
        return signals[-1], after, fired

    def start(self) -> list:
        """Return the states before the first step."""
        return [start(each) for each in self.neurons]


def start(neuron: nn.Module) -> list[torch.Tensor]:
    """Return the states of a neuron before the first step."""
    found = neuron.reset_mem()
    return list(found) if isinstance(found, tuple) else [found]


def spikes_first(neuron: nn.Module, spikes: torch.Tensor, state: list) -> list:
    """Return the states to hand on: those of recurrent neurons begin with their spikes."""
    return [spikes, *state] if isinstance(neuron, snn.RLeaky | snn.RSynaptic) else state


class Hidden(Layers):
    """One step a call; states and past spikes in the module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        spikes, _, self.before = self.step(x, [], self.before)
        return spikes


class States(Layers):
    """One step a call; states go in and out."""

    def forward(self, x: torch.Tensor, states: list, before: dict) -> tuple:
        """Return the answer."""
        return self.step(x, states, before)


class Loop(Layers):
    """Goes through the steps itself, [steps, samples, ...] or [samples, steps, ...]."""

    axis = 0

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the answer."""
        states, before, record = self.start(), {}, []
        membranes = []
        steps = x if self.axis == 0 else x.unbind(1)
        for each in steps:
            spikes, states, before = self.step(each, states, before)
            record.append(spikes)
            membranes.append(states[-1][-1])
        return torch.stack(record, dim=self.axis), torch.stack(membranes, dim=self.axis)


class Static(Layers):
    """Shows one input in all of its steps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        states, before, total = self.start(), {}, 0
        for _ in range(STEPS):
            spikes, states, before = self.step(x, states, before)
            total = total + spikes
        return total


class Layerwise(Layers):
    """Each layer over all steps before the next; weights for all steps at once."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answer."""
        steps, batch = x.shape[:2]
        for main, neuron in zip(self.main, self.neurons, strict=True):
            currents = main(x.flatten(0, 1)).unflatten(0, (steps, batch))
            state, fired = start(neuron), []
            for t in range(steps):
                spikes, *state = neuron(currents[t], *state)
                state = spikes_first(neuron, spikes, state)
                fired.append(spikes)
            x = torch.stack(fired)
        return x.sum(0)


KINDS = {
    "hidden": Hidden,
    "states": States,
    "loop": Loop,
    "loop_samples_first": Loop,
    "layerwise": Layerwise,
    "static": Static,
}


class Draw:
    """Random choices, and notes of what was chosen."""

    def __init__(self, seed: int, alpha: bool) -> None:
        self.alpha = alpha
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.features: list[str] = []
        self.exact = True

    def chance(self, probability: float, feature: str = "") -> bool:
        """Return whether something is chosen."""
        chosen = self.random.random() < probability
        if chosen and feature:
            self.features.append(feature)
        return chosen

    def dyadic(self, module: nn.Module, scale: float) -> nn.Module:
        """Set weights and biases to multiples of 2^-10, weights in ``[-scale / 2, scale]``."""
        for name, parameter in module.named_parameters():
            low = -scale / 2 if name.endswith("weight") else -0.1
            high = scale if name.endswith("weight") else 0.1
            drawn = self.numbers.uniform(low, high, parameter.shape)
            values = np.rint(drawn * 1024) / 1024
            parameter.data = torch.tensor(values, dtype=torch.float32)
        return module

    def norm(self, kind: type, channels: int) -> nn.Module:
        """Return a batch normalisation that has seen something."""
        norm = kind(channels)
        self.exact = False
        self.features.append(kind.__name__)
        for tensor, low, high in (
            (norm.running_mean, -0.2, 0.2),
            (norm.running_var, 0.5, 1.5),
            (norm.weight.data, 0.7, 1.3),
            (norm.bias.data, -0.1, 0.3),
        ):
            tensor.copy_(torch.tensor(self.numbers.uniform(low, high, channels)))
        return norm

    def neuron(self, shape: tuple[int, ...], *, hidden: bool, last: bool) -> nn.Module:
        """Return neurons of a random kind for a shape."""
        name = self.random.choice(
            ["Leaky"] * 5
            + ["Synaptic"] * 3
            + ["RLeaky"] * 3
            + ["RSynaptic"] * 2
            + ["Lapicque"]
            + ["Alpha"] * (12 if self.alpha else 0)
        )
        reset = self.random.choice(["subtract", "zero", "none"])
        options: dict[str, Any] = {"init_hidden": hidden, "reset_mechanism": reset}
        if hidden and last:
            options["output"] = True
        self._decays(name, options, shape)
        if self.chance(0.5):
            options["threshold"] = self._spread(shape, 0.5, 1.5)
            options["learn_threshold"] = self.chance(0.5, "learned threshold")
        if name in ("Leaky", "Synaptic", "RLeaky") and self.chance(0.3, "reset_delay=False"):
            options["reset_delay"] = False
        if name == "Leaky" and self.chance(0.15, "graded spikes"):
            options["graded_spikes_factor"] = self.random.choice([0.5, 2.0, 1.5])
        if name in ("RLeaky", "RSynaptic"):
            self._recurrence(options, shape)
        self.features.append(f"{name} {reset}")
        made = getattr(snn, name)(**options)
        if name in ("RLeaky", "RSynaptic"):
            self.dyadic(made.recurrent, 0.4)
        return made

    def _decays(self, name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
        if name == "Lapicque":
            self.exact = False
            options |= {"R": 2.0, "C": self.random.choice([2.0, 4.0])}
            return
        betas = [0.5, 0.75, 0.875, 0.9375]
        options["beta"] = self.random.choice(betas)
        if self.chance(0.3, "beta per neuron"):
            options["beta"] = torch.tensor(self.numbers.choice(betas, shape), dtype=torch.float32)
        options["learn_beta"] = self.chance(0.3, "learned beta")
        if name == "Alpha":
            self._alpha_decays(options, shape)
        if "Synaptic" in name:
            options["alpha"] = self.random.choice([0.25, 0.5, 0.75])
            options["learn_alpha"] = self.chance(0.3)

    def _alpha_decays(self, options: dict[str, Any], shape: tuple[int, ...]) -> None:
        """Set an excitatory decay above the inhibitory one, as snnTorch asks."""
        options["alpha"] = 0.96875  # snnTorch 1.0.0 cannot make a learned one
        if self.chance(0.3, "alpha per neuron"):
            above = self.numbers.choice([0.953125, 0.96875, 1.0], shape)
            options["alpha"] = torch.tensor(above, dtype=torch.float32)

    def _spread(self, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
        size = shape if self.chance(0.5, "threshold per neuron") else ()
        values = np.rint(self.numbers.uniform(low, high, size) * 64) / 64
        return torch.tensor(values, dtype=torch.float32)

    def _recurrence(self, options: dict[str, Any], shape: tuple[int, ...]) -> None:
        if self.chance(0.35, "one-to-one recurrence"):
            drawn = self.numbers.uniform(-0.5, 0.3, shape if self.chance(0.5) else ())
            options |= {"all_to_all": False, "V": torch.tensor(np.rint(drawn * 256) / 256).float()}
        elif len(shape) == 1:
            options["linear_features"] = shape[0]
        else:
            self.features.append("convolutional recurrence")
            options |= {"conv2d_channels": shape[0], "kernel_size": 3}

    def dense(self, shape: tuple[int, ...], width: int) -> list[nn.Module]:
        """Return modules from a signal to a layer of ``width`` neurons."""
        sources = int(np.prod(shape))
        modules: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
        if self.chance(0.2, "dropout"):
            modules.append(nn.Dropout(0.3))
        bias = self.chance(0.6)
        if self.chance(0.12, "two matrices in a row"):
            modules.append(self.dyadic(nn.Linear(sources, 3), 4.0 / sources))
            sources = 3
        modules.append(self.dyadic(nn.Linear(sources, width, bias=bias), 4.0 / sources))
        if self.chance(0.2):
            modules.append(self.norm(nn.BatchNorm1d, width))
        return modules

    def convolution(self, shape: tuple[int, ...], first: bool) -> tuple[list[nn.Module], tuple]:
        """Return modules from planes to a layer of planes, and its shape."""
        modules: list[nn.Module] = []
        spikes = not first
        if min(shape[1:]) >= (6 if first else 4) and self.chance(0.3 if first else 0.7):
            shape = self._pooled(modules, shape, spikes)
        groups = shape[0] if self.chance(0.15, "grouped convolution") else 1
        channels = self.random.choice([2, 4, 6]) * groups
        size = self.random.choice([1, 2, 3])
        options = {
            "stride": self.random.choice([1, 1, 2]),
            "padding": self.random.choice([0, 1, "same"]),
            "bias": self.chance(0.6),
            "groups": groups,
        }
        if self.chance(0.15, "dilation"):
            options["dilation"] = 2
        kernel = (size, self.random.choice([size, 3]))
        if min(shape[1:]) <= 2 * max(kernel) - 2 or options["padding"] == "same":
            options |= {"stride": 1, "padding": "same"}
        convolution = nn.Conv2d(shape[0], channels, kernel, **options)
        modules.append(self.dyadic(convolution, 5.0 / convolution.weight[0].numel()))
        if self.chance(0.3):
            modules.append(self.norm(nn.BatchNorm2d, channels))
        with torch.no_grad():
            after = tuple(convolution(torch.zeros(1, *shape)).shape[1:])
        return modules, self._pooled_behind(modules, convolution, after)

    def _pooled_behind(
        self, modules: list, convolution: nn.Conv2d, shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Maybe pool the outputs of a convolution, before any neuron."""
        if min(shape[1:]) < 4 or self.chance(0.5):
            return shape
        near = min(convolution.kernel_size) >= max(convolution.stride)
        if near and convolution.dilation == (1, 1) and self.chance(0.5, "average of currents"):
            modules.append(nn.AvgPool2d(2))
        else:
            self.features.append("maximum of currents")
            modules.append(nn.MaxPool2d(2) if self.chance(0.5) else _max_by_function())
            if self.chance(0.3, "normalised maxima"):
                modules.append(self.norm(nn.BatchNorm2d, shape[0]))
        return (shape[0], shape[1] // 2, shape[2] // 2)

    def _pooled(self, modules: list, shape: tuple[int, ...], spikes: bool) -> tuple[int, ...]:
        size = self.random.choice([2, 2, 3])
        kinds = ["average"] + (["maximum"] * 2 if spikes else [])
        kind = self.random.choice(kinds)
        self.features.append(f"{kind} pooling of {size}")
        if self.chance(0.5):
            function = {"average": functional.avg_pool2d, "maximum": functional.max_pool2d}[kind]
            modules.append(PoolFunction(function, size))
        else:
            modules.append({"average": nn.AvgPool2d, "maximum": nn.MaxPool2d}[kind](size))
        if kind == "average" and size == 3:
            self.exact = False
        return (shape[0], shape[1] // size, shape[2] // size)


def _max_by_function() -> nn.Module:
    return PoolFunction(functional.max_pool2d, 2)


def draw(seed: int, *, alpha: bool = False) -> Case:
    """Return the random network of a seed.

    Args:
        seed: The seed.
        alpha: Whether neurons may be of the class ``Alpha``, and half of them are.
    """
    choose = Draw(seed, alpha)
    style = choose.random.choice(STYLES)
    planes = choose.chance(0.45, "convolutions")
    shape: tuple[int, ...] = (
        (choose.random.choice([1, 2]), *choose.random.choices([9, 10, 13], k=2))
        if planes
        else (choose.random.choice([5, 12]),)
    )
    values = choose.chance(0.3, "analogue input")
    inputs = _inputs(choose, (STEPS, BATCH, *shape), values)
    if style == "static":
        inputs = inputs[:1].repeat(STEPS, *[1] * (inputs.ndim - 1))
    module = _layers(choose, style, shape, planes)
    module.eval()
    options = _options(module, style, inputs)
    return Case(
        seed, style, module, options, inputs, _runner(module, style, inputs), choose.exact,
        choose.features,
    )  # fmt: skip


def _inputs(choose: Draw, shape: tuple[int, ...], values: bool) -> torch.Tensor:
    drawn = choose.numbers.random(shape)
    numbers = np.rint(drawn * 16) / 16 if values else drawn < 0.4
    return torch.tensor(numbers, dtype=torch.float32)


def _layers(choose: Draw, style: str, shape: tuple[int, ...], planes: bool) -> nn.Module:
    hidden = style in ("sequential", "hidden")
    plain = style in ("sequential", "layerwise")
    net = KINDS.get(style, Hidden)(hidden)
    if style == "loop_samples_first":
        net.axis = 1
    shapes = [shape]
    for number in range(choose.random.randint(1, 3)):
        last = shapes[-1]
        if planes and len(last) == 3 and min(last[1:]) >= 3 and choose.chance(0.85):
            modules, after = choose.convolution(last, number == 0)
        else:
            after = (choose.random.choice([4, 7, 10]),)
            modules = choose.dense(last, after[0])
        net.main.append(nn.Sequential(*modules))
        if not plain:
            _extra_ways(choose, net, shapes, after)
        shapes.append(after)
    count = len(shapes) - 1
    for number, each in enumerate(shapes[1:]):
        net.neurons.append(choose.neuron(each, hidden=hidden, last=number == count - 1))
    if not plain:
        for number in range(count - 1):
            flat = len(shapes[number + 1]) == len(shapes[number + 2]) == 1
            if flat and choose.chance(0.3, "feedback"):
                back = nn.Linear(shapes[number + 2][0], shapes[number + 1][0])
                net.feedback[str(number)] = choose.dyadic(back, 0.3)
    if style == "sequential":
        parts = [each for pair in zip(net.main, net.neurons, strict=True) for each in pair]
        return nn.Sequential(*parts)
    return net


def _extra_ways(choose: Draw, net: Layers, shapes: list, after: tuple[int, ...]) -> None:
    """Maybe add a skip from the input, or take two layers side by side."""
    number = str(len(shapes) - 1)
    if len(after) > 1 or len(shapes) < 2:
        return
    if choose.chance(0.4, "skip"):
        net.skips[number] = nn.Sequential(*choose.dense(shapes[0], after[0]))
    if len(shapes[-1]) == len(shapes[-2]) == 1 and choose.chance(0.4, "concatenation"):
        net.joined[number] = Concatenated(
            nn.Sequential(*choose.dense((shapes[-1][0] + shapes[-2][0],), after[0]))
        )
        net.main[-1] = nn.Identity()


def _options(module: nn.Module, style: str, inputs: torch.Tensor) -> dict[str, Any]:
    if style == "states":
        return {"sample": inputs[0], "states": (module.start(), {})}
    if style in ("loop", "layerwise"):
        return {"sample": inputs, "time_axis": 0}
    if style == "loop_samples_first":
        return {"sample": inputs.transpose(0, 1), "time_axis": 1}
    return {"sample": inputs[0]}


def forget(module: nn.Module) -> None:
    """Set all states to zero."""
    for each in module.modules():
        if hasattr(each, "reset_mem"):
            each.reset_mem()
        if isinstance(each, Layers):
            each.before = {}


def _runner(module: nn.Module, style: str, inputs: torch.Tensor) -> Callable[[], Any]:
    def once() -> Any:
        forget(module)
        if style in ("sequential", "hidden"):
            return [module(each) for each in inputs]
        if style == "states":
            states, before = module.start(), {}
            for each in inputs:
                _, states, before = module(each, states, before)
            return None
        if style == "static":
            return module(inputs[0])
        return module(inputs.transpose(0, 1) if style == "loop_samples_first" else inputs)

    return once


def recorded(case: Case) -> tuple[dict[str, np.ndarray], float]:
    """Return spikes [samples, steps, ...] of each neuron module, and the least margin.

    The margin is the smallest distance of any membrane to its threshold.
    """
    spikes: dict[str, list[torch.Tensor]] = {}
    margin = [np.inf]
    undo = []
    for name, each in case.module.named_modules():
        if isinstance(each, snn.SpikingNeuron):
            undo.append(_watch(each, spikes.setdefault(name, []), margin))
    with torch.no_grad():
        case.run()
    for each in undo:
        del each.fire
    found = {
        name: torch.stack(steps, dim=1).numpy().astype(np.uint8) for name, steps in spikes.items()
    }
    return found, float(margin[0])


def _watch(neuron: Any, spikes: list[torch.Tensor], margin: list[float]) -> Any:
    fire = neuron.fire

    def watched(membrane: torch.Tensor) -> torch.Tensor:
        fired = fire(membrane)
        spikes.append((fired > 0).clone())
        distance = float((membrane - neuron.threshold).abs().min())
        margin[0] = min(margin[0], distance)
        return fired

    neuron.fire = watched
    return neuron
