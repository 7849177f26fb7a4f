"""Networks that read digits on two dies: two convolutions in front of the boundary, then dense.

All have the same layers: 12 x 12 x 12 and 24 x 5 x 5 convolved values or neurons on `front`, 128
and 10 on `back`. They differ in what crosses: values of few bits, spikes of an encoder, or the
spikes of a network without dense layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne
from chipletsim.network.model import Network

DT = "1 ms"
BOUNDARY_CHANNELS = 24
BOUNDARY_PLANE = (5, 5)
HIDDEN = 128
IMAGE_BITS = 8
LARGEST = 4.0
"""Values at the boundary lie below it; with b bits their step is ``LARGEST / 2^b``."""
INNER_STEP = 2.0**-5
"""Step of 8-bit values inside a die."""
ANSWER_BITS = 16
ANSWER_STEP = 2.0**-6
SPIKING, RATE, LATENCY = "spiking", "rate", "latency"
ENCODERS = {RATE: "encode_rate", LATENCY: "encode_latency"}
DECODERS = {RATE: "decode_rate", LATENCY: "decode_latency"}
FRONT, BACK = "front", "back"


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Attributes:
        channels: Channels of the population in front of the boundary.
        extra: Further 3 x 3 convolutions on either side of it.
    """

    channels: int = BOUNDARY_CHANNELS
    extra: int = 0


class _Drawn:
    """A network under construction, its weights drawn at random, scaled by fan-in."""

    def __init__(self, name: str, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.made = NetworkBuilder(name, DT)

    def weights(self, gain: float, *shape: int) -> np.ndarray:
        scale = gain / np.sqrt(np.prod(shape[1:]))
        return self.random.normal(0, scale, shape).astype(np.float32)

    def values(self, name: str, shape: tuple[int, ...], step: float, bits: int) -> Self:
        bias = np.zeros(shape, np.float32)
        self.made.population(name, shape, "relu", step=step, value_bits=bits, bias=bias)
        return self

    def convolved(self, source: str, target: str, gain: float, *shape: int, stride: int) -> Self:
        padding = ((0, 0), (0, 0)) if stride > 1 else ((1, 1), (1, 1))
        kernel = self.weights(gain, *shape)
        self.made.project(source, target, Conv2d(kernel, stride=(stride, stride), padding=padding))
        return self

    def full(self, source: str, target: str, gain: float, *shape: int) -> Self:
        self.made.project(source, target, Dense(self.weights(gain, *shape)))
        return self


def dense_network(bits: int, *, seed: int, shape: Shape | None = None) -> Network:
    """Return a network of dense layers that sends values of some bits over the boundary.

    Args:
        bits: Bits of a value that crosses.
        seed: Of the weights.
        shape: Its sizes.
    """
    shape = shape or Shape()
    drawn = _front(f"digits_dense_{bits}", shape, LARGEST / 2**bits, bits, seed)
    last = "conv2"
    for number in range(shape.extra):
        name = f"after{number}"
        plane = (BOUNDARY_CHANNELS, *BOUNDARY_PLANE)
        channels = BOUNDARY_CHANNELS if number else shape.channels
        drawn.values(name, plane, INNER_STEP, 8)
        drawn.convolved(last, name, 1.4, BOUNDARY_CHANNELS, channels, 3, 3, stride=1)
        last = name
    channels = BOUNDARY_CHANNELS if shape.extra else shape.channels
    drawn.values("hidden", (HIDDEN,), INNER_STEP, 8)
    drawn.full(last, "hidden", 1.4, HIDDEN, channels * int(np.prod(BOUNDARY_PLANE)))
    return _answered(drawn)


def hybrid_network(code: str, steps: int, *, seed: int) -> Network:
    """Return a network of dense layers whose values cross the boundary as spikes.

    The dense layer behind the boundary adds up the weights of the spikes as they come, so it is
    the decoder.

    Args:
        code: `RATE` or `LATENCY`.
        steps: Steps over which a value is spread.
        seed: Of the weights.
    """
    drawn = _front(f"digits_{code}_{steps}", Shape(), LARGEST / 2**8, 8, seed)
    plane = (BOUNDARY_CHANNELS, *BOUNDARY_PLANE)
    size = int(np.prod(plane))
    drawn.made.population("encoder", plane, ENCODERS[code], steps=steps, ceiling=1.0)
    drawn.made.project("conv2", "encoder", OneToOne(np.ones(size, np.float32)))
    gain = 2.0 / steps if code == RATE else 2.0
    drawn.made.population(
        "hidden",
        (HIDDEN,),
        DECODERS[code],
        step=INNER_STEP,
        value_bits=8,
        gain=gain,
        bias=np.zeros(HIDDEN, np.float32),
    )
    drawn.full("encoder", "hidden", 1.4, HIDDEN, size)
    return _answered(drawn)


def spiking_network(steps: int, *, seed: int) -> Network:
    """Return a network of leaky neurons that all work in every step.

    Args:
        steps: Steps of an inference, for the name alone.
        seed: Of the weights.
    """
    drawn = _Drawn(f"digits_spiking_{steps}", seed)
    leaky: dict[str, Any] = {"tau": "4 ms", "r": 4}
    plane = (BOUNDARY_CHANNELS, *BOUNDARY_PLANE)
    made = drawn.made.input("input", (1, 28, 28))
    for name, shape in (("conv1", (12, 12, 12)), ("conv2", plane), ("hidden", (HIDDEN,))):
        made.population(name, shape, "lif", bias=np.zeros(shape, np.float32), **leaky)
    made.population("readout", (10,), "lif", output=True, tau="8 ms", r=8)
    drawn.convolved("input", "conv1", 1.5, 12, 1, 5, 5, stride=2)
    drawn.convolved("conv1", "conv2", 2.5, BOUNDARY_CHANNELS, 12, 3, 3, stride=2)
    drawn.full("conv2", "hidden", 2.0, HIDDEN, int(np.prod(plane)))
    drawn.full("hidden", "readout", 1.5, 10, HIDDEN)
    return made.build()


def places(network: Network) -> dict[str, dict[str, str]]:
    """Return on which die each population lives."""
    front = ("input", "conv", "before", "encoder")
    return {
        each.name: {"chiplet": FRONT if each.name.startswith(front) else BACK}
        for each in network.populations
    }


def boundary_population(network: Network) -> str:
    """Return the name of the population whose events cross from `FRONT` to `BACK`."""
    return "encoder" if "encoder" in network.index else "conv2"


def _front(name: str, shape: Shape, step: float, bits: int, seed: int) -> _Drawn:
    """Return the layers in front of the boundary."""
    drawn = _Drawn(name, seed)
    drawn.made.input("input", (1, 28, 28), value_bits=IMAGE_BITS, steps=1)
    drawn.values("conv1", (12, 12, 12), INNER_STEP, 8)
    drawn.convolved("input", "conv1", 2.0, 12, 1, 5, 5, stride=2)
    last = "conv1"
    for number in range(shape.extra):
        name = f"before{number}"
        drawn.values(name, (12, 12, 12), INNER_STEP, 8)
        drawn.convolved(last, name, 1.4, 12, 12, 3, 3, stride=1)
        last = name
    drawn.values("conv2", (shape.channels, *BOUNDARY_PLANE), step, bits)
    drawn.convolved(last, "conv2", 1.4, shape.channels, 12, 3, 3, stride=2)
    return drawn


def _answered(drawn: _Drawn) -> Network:
    drawn.made.population(
        "readout",
        (10,),
        "linear",
        step=ANSWER_STEP,
        value_bits=ANSWER_BITS,
        bias=np.zeros(10, np.float32),
        output=True,
    )
    drawn.full("hidden", "readout", 1.0, 10, HIDDEN)
    return drawn.made.build()
