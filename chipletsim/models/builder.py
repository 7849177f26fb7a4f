"""Adds layers to a graph one by one, with shapes and counts that follow from the source.

Each method adds one layer to the current `Builder.block` and returns its name. Closed
forms: a k x k convolution with g groups and output h x w has ``p = (c_in / g) c_out k^2``
(and ``c_out`` for a bias) and ``m = (c_in / g) c_out k^2 h w``; a linear layer over
``n`` rows has ``p = in * out`` (and ``out``) and ``m = n * in * out``; a norm has 2 numbers
per channel.
"""

from __future__ import annotations

from math import prod
from typing import Any

from chipletsim.errors import UsageError
from chipletsim.models.checks import require_divisible, require_positive
from chipletsim.models.model import Kind, Layer, Model, Signal

Shape = tuple[int, ...]


class Builder:
    """A model in the making.

    Attributes:
        name: Name of the model.
        block: Block that the next layers belong to.
    """

    def __init__(self, name: str, family: str, time_steps: int = 1) -> None:
        require_positive(name, time_steps=time_steps)
        self.name = name
        self.block = "stem"
        self._family = family
        self._time_steps = time_steps
        self._layers: dict[str, Layer] = {}

    def model(self) -> Model:
        """Return the finished model."""
        return Model(self.name, self._family, tuple(self._layers.values()), self._time_steps)

    def shape(self, name: str) -> Shape:
        """Return the output shape of a layer."""
        return self._layers[name].outputs

    def signal(self, name: str) -> Signal:
        """Return what the outputs of a layer are."""
        return self._layers[name].signal

    def layer(
        self,
        name: str,
        kind: Kind,
        sources: tuple[str, ...],
        outputs: Shape,
        each_step: bool | None = None,
        **fields: Any,
    ) -> str:
        """Add any layer.

        Args:
            name: Unique name.
            kind: What it does.
            sources: Layers it reads, already there.
            outputs: Its output shape.
            each_step: Left out, it is applied as often as the busiest of its sources.
            fields: Further fields of `Layer`; ``inputs`` is the first source's shape.

        Raises:
            UsageError: The name is taken.
        """
        if name in self._layers:
            raise UsageError(f"{self.name} has two layers named {name!r}")
        if each_step is None:
            each_step = any(self._layers[source].each_step for source in sources)
        inputs = fields.pop("inputs", self.shape(sources[0]) if sources else ())
        self._layers[name] = Layer(
            name, kind, sources, inputs, outputs, self.block, each_step=each_step, **fields
        )
        return name

    def input(
        self,
        shape: Shape,
        signal: Signal = Signal.VALUES,
        name: str = "input",
        each_step: bool = True,
    ) -> str:
        """Add the input of the network."""
        require_positive(self.name, **{f"input_{axis}": size for axis, size in enumerate(shape)})
        return self.layer(name, Kind.INPUT, (), shape, each_step, inputs=shape, signal=signal)

    def convolution(
        self,
        name: str,
        source: str,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = False,
    ) -> str:
        """Add a square convolution; left out, ``padding`` is half the kernel."""
        inputs = self.shape(source)
        require_positive(self.name, channels=channels, kernel=kernel, stride=stride, groups=groups)
        require_divisible(
            self.name, input_channels=(inputs[0], groups), channels=(channels, groups)
        )
        padding = kernel // 2 if padding is None else padding
        size = self._windows(name, inputs, kernel, stride, padding)
        weights = inputs[0] // groups * channels * kernel**2
        return self.layer(
            name,
            Kind.CONVOLUTION,
            (source,),
            (channels, *size),
            parameters=weights + channels * bias,
            weights=weights,
            macs=weights * prod(size),
            kernel=kernel,
            stride=stride,
            padding=padding,
            groups=groups,
        )

    def linear(
        self,
        name: str,
        source: str,
        features: int,
        bias: bool = True,
        tied_to: str | None = None,
        **fields: Any,
    ) -> str:
        """Add a linear layer over the last axis of vectors and sequences, or a flat image."""
        require_positive(self.name, features=features)
        inputs = self.shape(source)
        if len(inputs) == 3:
            inputs = (prod(inputs),)
        weights = inputs[-1] * features
        parameters = (0 if tied_to else weights) + features * bias
        return self.layer(
            name,
            Kind.LINEAR,
            (source,),
            (*inputs[:-1], features),
            inputs=inputs,
            parameters=parameters,
            weights=weights,
            macs=prod(inputs[:-1]) * weights,
            tied_to=tied_to,
            **fields,
        )

    def norm(self, name: str, source: str, per_channel: int = 2) -> str:
        """Add a norm: scale and shift for each channel, or ``per_channel`` 1 for a scale."""
        shape = self.shape(source)
        channels = shape[0] if len(shape) == 3 else shape[-1]
        return self.layer(name, Kind.NORM, (source,), shape, parameters=per_channel * channels)

    def neuron(
        self,
        name: str,
        *sources: str,
        parameters: int = 0,
        state: int | None = None,
        signal: Signal = Signal.SPIKES,
        each_step: bool = True,
    ) -> str:
        """Add spiking neurons; left out, ``state`` is one number for each."""
        shape = self.shape(sources[0])
        return self.layer(
            name,
            Kind.NEURON,
            sources,
            shape,
            each_step,
            signal=signal,
            parameters=parameters,
            state_elements=prod(shape) if state is None else state,
        )

    def pool(
        self,
        name: str,
        source: str,
        kernel: int,
        stride: int | None = None,
        padding: int = 0,
        *,
        mean: bool = False,
    ) -> str:
        """Add pooling by maximum or by mean; left out, ``stride`` is the kernel."""
        channels, *_ = inputs = self.shape(source)
        stride = stride or kernel
        size = self._windows(name, inputs, kernel, stride, padding)
        signal = self.signal(source)
        if mean and signal.sparse:
            signal = Signal.SPIKE_COUNTS
        return self.layer(
            name,
            Kind.POOL,
            (source,),
            (channels, *size),
            signal=signal,
            kernel=kernel,
            stride=stride,
            padding=padding,
        )

    def reduce(self, name: str, source: str, outputs: Shape, sparse: bool = False) -> str:
        """Add a mean, or a choice, of the shape ``outputs``.

        It gives values; with ``sparse``, a local mean of spikes stays mostly zeros.
        """
        keep = sparse and self.signal(source).sparse
        signal = Signal.SPIKE_COUNTS if keep else Signal.VALUES
        return self.layer(name, Kind.POOL, (source,), outputs, signal=signal)

    def time_mean(self, name: str, source: str) -> str:
        """Add the mean or sum over the time steps, from which on layers run once."""
        return self.layer(name, Kind.TIME_MEAN, (source,), self.shape(source), each_step=False)

    def add(self, name: str, *sources: str, outputs: Shape | None = None) -> str:
        """Add a sum of layers, seen with the shape ``outputs`` if given."""
        shape = outputs or self.shape(sources[0])
        sizes = {prod(self.shape(source)) for source in sources} | {prod(shape)}
        if len(sizes) > 1:
            raise UsageError(f"{self.name}: layer {name!r} adds shapes of different sizes {sizes}")
        sparse = all(self.signal(source).sparse for source in sources)
        signal = Signal.SPIKE_COUNTS if sparse else Signal.VALUES
        return self.layer(name, Kind.ADD, sources, shape, signal=signal)

    def gate(self, name: str, *sources: str) -> str:
        """Add a product element by element; a mask where all sources are spikes."""
        spikes = all(self.signal(source) is Signal.SPIKES for source in sources)
        signal = Signal.SPIKES if spikes else Signal.VALUES
        return self.layer(name, Kind.GATE, sources, self.shape(sources[0]), signal=signal)

    def embedding(self, name: str, source: str, rows: int, features: int) -> str:
        """Add a look-up table; its outputs are (tokens, features)."""
        require_positive(self.name, rows=rows, features=features)
        size, shape = rows * features, (self.shape(source)[0], features)
        return self.layer(name, Kind.EMBEDDING, (source,), shape, parameters=size, weights=size)

    def unused(self, name: str, parameters: int) -> str:
        """Add parameters that are never applied."""
        return self.layer(name, Kind.UNUSED, (), (0,), parameters=parameters)

    def _windows(
        self, name: str, inputs: Shape, kernel: int, stride: int, padding: int
    ) -> tuple[int, int]:
        """Return height and width of the output of a sliding window."""
        if len(inputs) != 3:
            raise UsageError(f"{self.name}: layer {name!r} needs an image, its input is {inputs}")
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in inputs[1:])
        if min(height, width) < 1:
            raise UsageError(
                f"{self.name}: the {inputs[1]} x {inputs[2]} input of layer {name!r} is smaller "
                f"than its {kernel} x {kernel} window"
            )
        return height, width
