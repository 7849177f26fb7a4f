"""What a spiking model computes at given firing rates, and other ways to count it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from chipletsim.errors import UsageError
from chipletsim.models.model import Kind, Layer, Model, Signal

# 45 nm, 32-bit floats (Horowitz, "Computing's energy problem", ISSCC 2014, table 1), the
# convention of nearly all papers on spiking transformers: arithmetic only, no memory.
MAC_ENERGY_J = 4.6e-12
ADDITION_ENERGY_J = 0.9e-12


@dataclass(frozen=True)
class Operations:
    """Operations of one run.

    Attributes:
        macs: MACs of each layer that reads values only.
        accumulations: Mean additions of each layer that reads events.
    """

    macs: dict[str, int]
    accumulations: dict[str, float]

    @property
    def total_macs(self) -> int:
        """MACs of all layers."""
        return sum(self.macs.values())

    @property
    def total_accumulations(self) -> float:
        """Additions of all layers."""
        return sum(self.accumulations.values())

    def energy_j(
        self, mac_energy_j: float = MAC_ENERGY_J, addition_energy_j: float = ADDITION_ENERGY_J
    ) -> float:
        """Return the energy of the arithmetic, without memory and network."""
        return mac_energy_j * self.total_macs + addition_energy_j * self.total_accumulations


def operations(model: Model, rates: Mapping[str, float], *, biases: bool = False) -> Operations:
    """Return the operations of a run in which layers send events at mean rates.

    A layer that reads events takes ``rate x MACs x applications`` additions, the rate being
    that of its source, after pooling if it is pooled. A product of two spike tensors can
    only count where both fired; as their coincidence is not known from rates, the smaller
    one is taken, which bounds it from above.

    Args:
        model: The model.
        rates: Name of a layer to its mean events per output and time step (0.25 is 25 %).
        biases: Whether a bias counts as one more operation of each output, as in the counts
            that Spikingformer publishes.

    Raises:
        UsageError: A rate that is needed is missing, a name is unknown, or a rate is below 0.
    """
    for name, rate in rates.items():
        model.layer(name)
        if not rate >= 0:  # nor a NaN
            raise UsageError(f"the rate of {name!r} is {rate}; a rate is at least 0")
    macs: dict[str, int] = {}
    accumulations: dict[str, float] = {}
    for layer in model.layers:
        if not layer.macs:
            continue
        count = layer.macs + layer.activations * (biases and layer.biased)
        count *= model.applications(layer)
        if any(signal.sparse for signal in model.input_signals(layer)):
            accumulations[layer.name] = _input_rate(model, layer, rates) * count
        else:
            macs[layer.name] = count
    return Operations(macs, accumulations)


def _input_rate(model: Model, layer: Layer, rates: Mapping[str, float]) -> float:
    """Return the rate at which ``layer`` is driven: that of its rarest spiking source."""
    sources = layer.sources + layer.delayed
    spiking = [name for name in sources if model.layer(name).signal is Signal.SPIKES]
    needed = spiking or [name for name in sources if model.layer(name).signal.sparse]
    if missing := [name for name in needed if name not in rates]:
        raise UsageError(
            f"{model.name}: layer {layer.name!r} needs the rate of {', '.join(missing)}"
        )
    return min(rates[name] for name in needed)


def in_bounds_macs(layer: Layer) -> int:
    """Return the MACs of one application without the taps of kernels on padding.

    NeuroBench counts this way; everything else in this room prices the padding.
    """
    if layer.kind is not Kind.CONVOLUTION:
        return layer.macs
    taps = (
        _taps(side, outputs, layer)
        for side, outputs in zip(layer.inputs[1:], layer.outputs[1:], strict=True)
    )
    return layer.weights // layer.kernel**2 * prod(taps)


def _taps(side: int, outputs: int, layer: Layer) -> int:
    """Return how many taps of all windows along one axis fall inside the image."""
    total = 0
    for place in range(outputs):
        first = place * layer.stride - layer.padding
        total += max(0, min(first + layer.kernel, side) - max(first, 0))
    return total
