"""From values to events over time: the encodings of an experiment file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from chipletsim.errors import ConfigError, UsageError
from chipletsim.spec.experiment import (
    BernoulliEncoding,
    DeltaEncoding,
    DirectEncoding,
    Encoding,
    LatencyEncoding,
    OnceEncoding,
    RegularEncoding,
    SpikesEncoding,
)

_FORGIVEN = 1e-9
"""Added before rounding down, so that ten steps of 0.7 give 7 spikes although 0.7 is no binary
fraction."""


def encode(values: np.ndarray, encoding: Any, steps: int, *, first_sample: int = 0) -> np.ndarray:
    """Return the events of values over time, T steps from 0.

    ==================== ===========================================================
    ``regular`` (gain)   rate: a spike in step t where floor(g x (t + 1)) > floor(g x t),
                         so floor(g x T) spikes in all, evenly spread
    ``bernoulli`` (gain) rate: a spike in each step with probability g x, independently
    ``latency``          one spike of x > threshold, in step
                         round((1 - x) / (1 - threshold) (T - 1))
    ``direct``           the value in every step, rounded to k / 2^bits
    ``once``             the value in step 0 alone, rounded so
    ``delta``            frames x_0, x_1, ...: an on event in step t where
                         x_t - x_0 >= threshold (n + 1), an off event where it is
                         <= threshold (n - 1); n is the number of on events minus that of
                         off events before t
    ``spikes``           the values are spikes over time already
    ==================== ===========================================================

    To add an encoding, write its spec and a function here, and a line in ``ENCODINGS``.

    Args:
        values: Numbers [samples, *shape]. Whole numbers of type uint8 are divided by 255,
            as for images. The encodings ``spikes`` and ``delta`` take [samples, T or more
            steps, *shape].
        encoding: An encoding of ``chipletsim.spec.experiment``; or its name, or its keys such as
            ``{"kind": "delta", "threshold": 0.1}``.
        steps: Time steps T.
        first_sample: Number of the first sample in the draws of ``bernoulli``: samples drawn in
            several calls are those of one.

    Returns:
        [samples, T, *shape]: bool for spikes, float32 for graded events. ``delta`` gives
        [samples, T, 2, *shape]: off events (0) and on events (1), as event cameras number them.

    Raises:
        ConfigError: Values lie outside [0, 1], or there are fewer steps.
        UsageError: There is no such encoding.
    """
    encoding = _parsed(encoding)
    if isinstance(encoding, SpikesEncoding):
        return _given_steps(values, steps)
    if isinstance(encoding, DeltaEncoding):
        return _delta(_scaled(_given_steps(values, steps)), encoding)
    unit = _unit_values(values)
    if isinstance(encoding, BernoulliEncoding):
        return _bernoulli(unit, encoding, steps, first_sample)
    return ENCODINGS[type(encoding)](unit, encoding, steps)


def over_time(encoding: Any) -> bool:
    """Return whether an encoding takes values over time, [samples, steps, ...]."""
    return isinstance(encoding, SpikesEncoding | DeltaEncoding)


def channels_of(encoding: Any) -> int:
    """Return the channels that an encoding gives each value: 2 for off and on events."""
    return 2 if isinstance(encoding, DeltaEncoding) else 1


def _parsed(encoding: Any) -> Any:
    """Return an encoding from its name or its keys; itself if it is one."""
    if isinstance(encoding, str):
        encoding = {"kind": encoding}
    if not isinstance(encoding, Mapping):
        return encoding
    try:
        return TypeAdapter(Encoding).validate_python(dict(encoding))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"encoding {place}: {first['msg']}") from None


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

    After t steps there are ``floor(r t)`` spikes.
    """
    rate = values * encoding.gain
    spikes = np.empty((values.shape[0], steps, *values.shape[1:]), np.bool_)
    before = np.zeros_like(rate)
    for step in range(steps):
        after = np.floor(rate * (step + 1) + _FORGIVEN)
        spikes[:, step] = after > before
        before = after
    return spikes


def _bernoulli(
    values: np.ndarray, encoding: BernoulliEncoding, steps: int, first_sample: int
) -> np.ndarray:
    """Spike in each step with probability ``gain x``, from NumPy's PCG64."""
    bits = np.random.PCG64(encoding.seed)
    bits.advance(first_sample * steps * prod(values.shape[1:]))  # a draw for each double
    generator = np.random.Generator(bits)
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


def _delta(frames: np.ndarray, encoding: DeltaEncoding) -> np.ndarray:
    """Send where a value has moved by the threshold since the events so far add up to it.

    At most one event in a step: faster changes are sent in the steps that follow.
    """
    moved = (frames - frames[:, :1]) / encoding.threshold
    events = np.zeros((*frames.shape[:2], 2, *frames.shape[2:]), np.bool_)
    sent = np.zeros_like(moved[:, 0])
    for step in range(1, frames.shape[1]):
        change = moved[:, step] - sent
        off, on = events[:, step, 0], events[:, step, 1]
        off[...] = change <= -1 + _FORGIVEN
        on[...] = change >= 1 - _FORGIVEN
        sent += on.astype(np.float64) - off
    return events


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
    LatencyEncoding: _latency,
    DirectEncoding: _direct,
    OnceEncoding: _once,
}


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return values as float64, pixels from 0 to 1."""
    values = np.asarray(values)
    return values.astype(np.float64) / (255.0 if values.dtype == np.uint8 else 1.0)


def _unit_values(values: np.ndarray) -> np.ndarray:
    """Return values as float64 in [0, 1]."""
    unit = _scaled(values)
    if unit.size and not 0 <= unit.min() <= unit.max() <= 1:
        low, high = unit.min(), unit.max()
        raise ConfigError(f"values to encode must lie in [0, 1], got {low:g} to {high:g}")
    return unit


def _given_steps(values: np.ndarray, steps: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim < 3 or values.shape[1] < steps:
        given = list(values.shape)
        raise ConfigError(f"dataset has shape {given}, expected [samples, {steps} steps, ...]")
    return values[:, :steps]
