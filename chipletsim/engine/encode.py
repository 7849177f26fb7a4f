"""From values to events over time: the encodings of an experiment file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError
from chipletsim.spec.experiment import (
    BernoulliEncoding,
    DirectEncoding,
    LatencyEncoding,
    OnceEncoding,
    RegularEncoding,
    SpikesEncoding,
)


def encode(values: np.ndarray, encoding: Any, steps: int) -> np.ndarray:
    """Return the events of values over time.

    To add an encoding, write its spec and a function here, and a line in ``ENCODINGS``.

    Args:
        values: Numbers [samples, *shape]. Whole numbers of type uint8 are divided by 255,
            as for images. The encoding ``spikes`` takes [samples, steps, *shape].
        encoding: An encoding of ``chipletsim.spec.experiment``.
        steps: Time steps.

    Returns:
        [samples, steps, *shape]: bool for spikes, float32 for graded events.

    Raises:
        ConfigError: Values lie outside [0, 1], or spikes have another number of steps.
    """
    if isinstance(encoding, SpikesEncoding):
        return _given_spikes(values, steps)
    return ENCODINGS[type(encoding)](_unit_values(values), encoding, steps)


def poisson(
    shape: tuple[int, ...], rate_per_step: float, *, samples: int, steps: int, seed: int
) -> np.ndarray:
    """Return random spikes: bool [samples, steps, *shape].

    Each channel spikes in each step with probability ``rate_per_step``, independently: the
    discrete form of a Poisson process. A seed gives the same spikes on every machine.

    Args:
        shape: Shape of the input population.
        rate_per_step: Probability of a spike in a step.
        samples: Number of samples.
        steps: Number of steps.
        seed: Seed of NumPy's PCG64.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    spikes = np.empty((samples, steps, *shape), np.bool_)
    for sample in range(samples):
        spikes[sample] = generator.random((steps, *shape), np.float32) < rate_per_step
    return spikes


def _regular(values: np.ndarray, encoding: RegularEncoding, steps: int) -> np.ndarray:
    """Spike in step t where ``floor(r (t + 1)) > floor(r t)`` with ``r = gain x``.

    After t steps there are ``floor(r t)`` spikes. A billionth is added before rounding
    down, so that ten steps of 0.7 give 7 spikes although 0.7 is no binary fraction.
    """
    rate = values * encoding.gain
    spikes = np.empty((values.shape[0], steps, *values.shape[1:]), np.bool_)
    before = np.zeros_like(rate)
    for step in range(steps):
        after = np.floor(rate * (step + 1) + 1e-9)
        spikes[:, step] = after > before
        before = after
    return spikes


def _bernoulli(values: np.ndarray, encoding: BernoulliEncoding, steps: int) -> np.ndarray:
    """Spike in each step with probability ``gain x``, from NumPy's PCG64."""
    generator = np.random.Generator(np.random.PCG64(encoding.seed))
    spikes = np.empty((values.shape[0], steps, *values.shape[1:]), np.bool_)
    for sample, value in enumerate(values):
        draws = generator.random((steps, *value.shape))
        spikes[sample] = draws < value * encoding.gain
    return spikes


def _latency(values: np.ndarray, encoding: LatencyEncoding, steps: int) -> np.ndarray:
    """Spike once, in step ``round((1 - x) / (1 - threshold) (steps - 1))``, if x > threshold."""
    late = (1 - values) / (1 - encoding.threshold) * (steps - 1)
    when = np.where(values > encoding.threshold, np.rint(late), -1).astype(np.int64)
    time = np.arange(steps).reshape(1, steps, *([1] * (values.ndim - 1)))
    return when[:, None] == time


def _direct(values: np.ndarray, encoding: DirectEncoding, steps: int) -> np.ndarray:
    """Send the value in every step, rounded to ``value_bits`` bits.

    A value is the nearest of ``0, 1, ..., 2^bits - 1`` over ``2^bits``, so that sums of
    quantised weights times values stay exact.
    """
    levels = 2**encoding.value_bits
    rounded = np.minimum(np.rint(values * levels), levels - 1) / levels
    return np.repeat(rounded.astype(np.float32)[:, None], steps, axis=1)


def _once(values: np.ndarray, encoding: OnceEncoding, steps: int) -> np.ndarray:
    """Send the value in the first step, rounded as by ``_direct``, and nothing in the others."""
    events = np.zeros((values.shape[0], steps, *values.shape[1:]), np.float32)
    events[:, :1] = _direct(
        values, DirectEncoding(kind="direct", value_bits=encoding.value_bits), 1
    )
    return events


ENCODINGS: dict[type, Callable[[np.ndarray, Any, int], np.ndarray]] = {
    RegularEncoding: _regular,
    BernoulliEncoding: _bernoulli,
    LatencyEncoding: _latency,
    DirectEncoding: _direct,
    OnceEncoding: _once,
}


def _unit_values(values: np.ndarray) -> np.ndarray:
    """Return values as float64 in [0, 1]."""
    values = np.asarray(values)
    scale = 255.0 if values.dtype == np.uint8 else 1.0
    unit = values.astype(np.float64) / scale
    if unit.size and not 0 <= unit.min() <= unit.max() <= 1:
        low, high = unit.min(), unit.max()
        raise ConfigError(f"values to encode must lie in [0, 1], got {low:g} to {high:g}")
    return unit


def _given_spikes(values: np.ndarray, steps: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim < 3 or values.shape[1] < steps:
        given = list(values.shape)
        raise ConfigError(f"dataset has shape {given}, expected [samples, {steps} steps, ...]")
    return values[:, :steps]
