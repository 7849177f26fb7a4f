"""Spiking networks that are a plain sequence of layers, written as a layout.

A layout is a line of words: ``12C5`` is a convolution of 12 channels and kernel 5 (``12C5v``
without padding), ``BN`` a norm, ``S`` spiking neurons, ``MP2`` and ``AP2`` pooling by
maximum and by mean, ``V10`` a vote (mean of 10 neurons each), a number a linear layer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chipletsim.errors import UsageError
from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_divisible
from chipletsim.models.model import Model, Signal

_WORD = re.compile(
    r"(?P<channels>\d+)C(?P<kernel>\d+)(?P<valid>v?)|(?P<rest>BN|S|(?:MP|AP|V)\d+|\d+)"
)


@dataclass(frozen=True)
class LayoutSize:
    """A sequential spiking network.

    Attributes:
        layout: Its layers, in the words above.
        inputs: Shape of the input.
        time_steps: Time steps per run; 1 where the source leaves them open.
        weighted: Names of its convolutions and linear layers, in order.
        bias: Whether convolutions have a bias; linear layers always have.
        events: Whether the input is events of a sensor, else real values.
    """

    layout: str
    inputs: tuple[int, ...]
    time_steps: int
    weighted: tuple[str, ...]
    bias: bool = True
    events: bool = False


def sequential(size: LayoutSize, name: str = "sequential", time_steps: int | None = None) -> Model:
    """Return the network of a layout, every layer in each step.

    Args:
        size: Layout, input and names.
        name: Name of the model.
        time_steps: Time steps instead of those of ``size``.

    Raises:
        UsageError: A word is unknown, or the layout does not have as many weighted layers
            as names.
    """
    builder = Builder(name, "sequential", size.time_steps if time_steps is None else time_steps)
    x = builder.input(size.inputs, Signal.SPIKE_COUNTS if size.events else Signal.VALUES)
    names, owner = list(size.weighted), "input"
    for word in size.layout.split():
        match = _WORD.fullmatch(word)
        if match is None:
            raise UsageError(f"{name}: {word!r} is no word of a layout")
        if match["channels"] or word.isdigit():
            if not names:
                raise UsageError(f"{name}: there are fewer names than weighted layers")
            owner = builder.block = names.pop(0)
            x = _weighted(builder, owner, x, match, size.bias)
        else:
            x = _unweighted(builder, owner, x, word)
    if names:
        raise UsageError(f"{name}: no layer for the name {names[0]!r}")
    return builder.model()


def _weighted(builder: Builder, name: str, x: str, match: re.Match[str], bias: bool) -> str:
    if not match["channels"]:
        return builder.linear(name, x, int(match[0]))
    padding = 0 if match["valid"] else None
    channels, kernel = int(match["channels"]), int(match["kernel"])
    return builder.convolution(name, x, channels, kernel, padding=padding, bias=bias)


def _unweighted(builder: Builder, owner: str, x: str, word: str) -> str:
    """Add a layer without a name of its own, called after the weighted one before it."""
    if word == "BN":
        return builder.norm(f"{owner}.bn", x)
    if word == "S":
        return builder.neuron(f"{owner}.neuron", x)
    size = int(word.lstrip("MAPV"))
    if word.startswith("V"):
        (neurons,) = builder.shape(x)
        require_divisible(builder.name, voting_neurons=(neurons, size))
        return builder.reduce(f"{owner}.vote", x, (neurons // size,), sparse=True)
    return builder.pool(f"{owner}.pool", x, size, mean=word.startswith("A"))


def _names(prefix: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in numbers)


def _repeat(unit: str, times: int) -> str:
    return " ".join([unit] * times)


_POOLED = "128C3 BN S MP2"

# PLIF nets: Fang et al., "Incorporating learnable membrane time constant" (ICCV 2021), as built
# by spikingjelly 2.0.0 parametric_lif_net; time steps recalled from the paper. The time constant
# that each of their neuron layers learns is left out of the counts.
# VGGSNN: Deng et al., "Temporal efficient training" (ICLR 2022), and CIFARNet: Wu et al.,
# "Direct training for spiking neural networks" (AAAI 2019), both recalled.
# snnTorch: docs/tutorials 5, 6 and 7 of github.com/jeshraghian/snntorch at 634fc22.
# NeuroBench: examples/dvs_gesture and examples/gsc of github.com/NeuroBench/neurobench at e521c28.
LAYOUT_SIZES = {
    "plif_mnistnet": LayoutSize(
        f"{_repeat(_POOLED, 2)} 2048 S 100 S V10",
        (1, 28, 28), 8, _names("conv_fc.", 0, 4, 10, 13), bias=False,
    ),
    "plif_nmnistnet": LayoutSize(
        f"{_repeat(_POOLED, 2)} 2048 S 100 S V10",
        (2, 34, 34), 10, _names("conv_fc.", 0, 4, 10, 13), bias=False, events=True,
    ),
    "plif_cifar10net": LayoutSize(
        f"{_repeat(_repeat('256C3 BN S', 3) + ' MP2', 2)} 2048 S 100 S V10",
        (3, 32, 32), 8, _names("conv_fc.", 0, 3, 6, 10, 13, 16, 22, 25), bias=False,
    ),
    "plif_cifar10dvsnet": LayoutSize(
        f"{_repeat(_POOLED, 4)} 512 S 100 S V10",
        (2, 128, 128), 20, _names("conv_fc.", 0, 4, 8, 12, 18, 21), bias=False, events=True,
    ),
    "plif_dvsgesturenet": LayoutSize(
        f"{_repeat(_POOLED, 5)} 512 S 110 S V10",
        (2, 128, 128), 20, _names("conv_fc.", 0, 4, 8, 12, 16, 22, 25), bias=False, events=True,
    ),
    "vggsnn_cifar10dvs": LayoutSize(
        "64C3 BN S 128C3 BN S AP2 256C3 BN S 256C3 BN S AP2 "
        "512C3 BN S 512C3 BN S AP2 512C3 BN S 512C3 BN S AP2 10",
        (2, 48, 48), 10, _names("", 0, 2, 5, 7, 10, 12, 15, 17, 21), events=True,
    ),
    "cifarnet_wu2019": LayoutSize(
        "128C3 S 256C3 S AP2 512C3 S AP2 1024C3 S 512C3 S 1024 S 512 S 10",
        (3, 32, 32), 8, _names("", 0, 1, 3, 5, 6, 8, 9, 10),
    ),
    "snntorch_mnist_fc": LayoutSize("1000 S 10 S", (784,), 25, _names("", 0, 1)),
    "snntorch_mnist_conv": LayoutSize(
        "12C5v MP2 S 64C5v MP2 S 10 S", (1, 28, 28), 50, _names("", 0, 2, 5)
    ),
    "snntorch_nmnist_conv": LayoutSize(
        "12C5v MP2 S 32C5v MP2 S 10 S", (2, 34, 34), 1, _names("", 0, 2, 5), events=True
    ),
    "neurobench_dvs_gesture_snn": LayoutSize(
        "16C5 S MP2 32C5 S MP2 64C5 S MP2 11 S",
        (2, 32, 32), 150, ("conv1", "conv2", "conv3", "linear1"), events=True,
    ),
    "neurobench_gsc_snn": LayoutSize(
        "256 S 256 S 256 S 35 S", (20,), 200, ("fc1", "fc2", "fc3", "fc4"), events=True
    ),
}  # fmt: skip
