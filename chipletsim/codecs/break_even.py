"""The firing rate up to which spikes cost fewer bits than dense activations."""

from __future__ import annotations

from typing import Literal

from scipy.optimize import brentq

from chipletsim.codecs.base import SpikeCoding, check_dense_bits, check_whole

BreakEven = float | Literal["always", "never"]

_LEAST_RATE = 1e-12
"""Stands for rates just above 0, where codes of gaps differ from silence itself."""
_NEARLY_ALL = 0.999
_TOLERANCE = 1e-12


def break_even(
    coding: SpikeCoding, steps: int, dense_bits: float, neurons: int | None = None
) -> BreakEven:
    """Return the rate per step at which spikes cost as much as dense activations.

    It solves ``expected bits per neuron (T, r*) = b``. Below r* spikes cost fewer bits.
    Expected bits never fall on the way from rate 0 to `SpikeCoding.peak_rate`, so there is
    at most one such crossing.

    Args:
        coding: Codec or bound of spikes.
        steps: Time steps T of one inference.
        dense_bits: Bits b of a dense activation, on average if they vary.
        neurons: Neurons that cross; as many as make ends negligible if left out.

    Returns:
        The rate; or ``always`` if spikes cost at most as much at every rate, a tie at every
        rate included; or ``never`` if they cost more at every rate above 0. Where spikes
        cost as much only if every neuron spikes in every step, the rate is 1.0.

    Raises:
        UsageError: A number is out of range.
        ConfigError: The widths of the codec are too small for so many neurons.

    Example:
        >>> from chipletsim.codecs import AddressEvents, Bitmap
        >>> break_even(AddressEvents(address="16 bit"), steps=4, dense_bits=8)
        0.125
        >>> break_even(Bitmap(), steps=4, dense_bits=8)
        'always'
        >>> break_even(Bitmap(), steps=16, dense_bits=8)
        'never'
    """
    check_whole("steps", steps)
    check_dense_bits(dense_bits)

    def excess(rate: float) -> float:
        """Return by which share of the dense bits spikes cost more."""
        if neurons is None:
            bits = coding.expected_bits_per_neuron(steps, rate)
        else:
            bits = coding.expected_bits(neurons, steps, rate) / neurons
        return bits / dense_bits - 1

    most = excess(coding.peak_rate)
    if most <= _TOLERANCE:
        only_at_one = coding.peak_rate == 1 and most >= -_TOLERANCE
        return 1.0 if only_at_one and excess(_NEARLY_ALL) < -_TOLERANCE else "always"
    if excess(_LEAST_RATE) > 0:
        return "never"
    return float(brentq(excess, _LEAST_RATE, coding.peak_rate, xtol=1e-15, rtol=1e-14))
