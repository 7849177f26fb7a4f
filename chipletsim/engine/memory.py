"""How much memory a simulation takes, and how it is cut so that it stays within bounds."""

from __future__ import annotations

import os
from typing import NamedTuple

from chipletsim.engine.compile import is_graded
from chipletsim.errors import ConfigError
from chipletsim.network.model import Network
from chipletsim.network.neurons import NEURON_MODELS

MAX_RASTER_BYTES = 4 << 30
"""Rasters and values that a run keeps; a larger run streams windows of steps."""
MAX_WORK_BYTES = 512 << 20
"""Events and currents on the device at a time."""
MAX_PAST_BYTES = 4 << 30
"""Past events that delays keep, of one sample."""

_WORK_BYTES_PER_NEURON = 16
"""Per neuron, step and sample: current, event, and what a product makes of it."""


class Batching(NamedTuple):
    """How a simulation is cut into runs of one compiled program.

    Attributes:
        samples: Samples in a batch.
        steps: Steps in a window.
    """

    samples: int
    steps: int


def raster_bytes(network: Network, samples: int, steps: int) -> int:
    """Return the bytes of the rasters, values and updates of an activity."""
    row = sum(
        -(-population.size // 8) * (1 + NEURON_MODELS[population.model].tells_updates)
        + 4 * population.size * is_graded(population)
        for population in network.populations
    )
    return row * samples * steps


def keeps_raster(
    network: Network, samples: int, steps: int, limit_bytes: int = MAX_RASTER_BYTES
) -> bool:
    """Return whether the activity of a run is small enough to be kept.

    Where it is not, stream ``simulate_windows`` with windows of ``streaming_window`` steps.
    """
    return raster_bytes(network, samples, steps) <= limit_bytes


def streaming_window(
    network: Network, samples: int, steps: int, limit_bytes: int = MAX_RASTER_BYTES // 8
) -> int:
    """Return the steps of a window whose activity takes at most ``limit_bytes``; at least 1."""
    return min(max(limit_bytes // max(raster_bytes(network, samples, 1), 1), 1), steps)


def streaming_batch(
    network: Network,
    samples: int,
    steps: int,
    limit_bytes: int = MAX_RASTER_BYTES // 8,
    sample_bytes: int = 0,
) -> Batching:
    """Return samples, and steps of them, whose activity takes at most ``limit_bytes``.

    Samples come whole; steps are cut where the activity of not even one sample fits.

    Args:
        network: The network.
        samples: Number of samples.
        steps: Steps of each.
        limit_bytes: Most bytes of the rasters and values, and of the inputs.
        sample_bytes: Bytes that the inputs of a sample take.
    """
    each = max(raster_bytes(network, 1, steps), sample_bytes, 1)
    if each <= limit_bytes:
        return Batching(min(limit_bytes // each, max(samples, 1)), steps)
    window = streaming_window(network, 1, steps, limit_bytes)
    return Batching(1, min(window, batching(network, 1, steps).steps) if window < steps else steps)


def require_memory(network: Network, samples: int, steps: int, kept_bytes: int = 0) -> None:
    """Check that the activity of a run is not larger than the memory of this machine.

    Args:
        network: The network.
        samples: Number of samples.
        steps: Number of steps.
        kept_bytes: Bytes of states that are kept of one step of one sample.

    Raises:
        ConfigError: It is.
    """
    needed = raster_bytes(network, samples, steps) + kept_bytes * samples * steps
    there = _machine_bytes()
    if needed > there:
        raise ConfigError(
            f"the activity of {samples:,} samples x {steps:,} steps takes {needed / 2**30:,.0f} "
            f"GiB, and this machine has {there / 2**30:,.0f} GiB; stream it in windows "
            "(simulate_windows)"
        )


def batching(
    network: Network,
    samples: int,
    steps: int,
    limit_bytes: int = MAX_WORK_BYTES,
    *,
    kept_bytes: int = 0,
) -> Batching:
    """Return the largest batch, and window of it, that ``limit_bytes`` hold.

    Windows are cut only where one sample is too large; batches and windows are evened out,
    so that little is padded.

    Args:
        network: The network.
        samples: Number of samples.
        steps: Number of steps.
        limit_bytes: Bytes that a batch of a window may take.
        kept_bytes: Bytes of states that are kept of one step of one sample.

    Raises:
        ConfigError: The events that delays keep from the past do not fit, in one sample.
    """
    cell = max(network.neurons * _WORK_BYTES_PER_NEURON + kept_bytes, 1)
    past = _past_bytes(network)
    if past > MAX_PAST_BYTES:
        longest = max(projection.delay for projection in network.projections)
        raise ConfigError(
            f"delays of up to {longest:,} steps keep {past / 2**20:,.0f} MiB of past events in "
            f"each sample; most are {MAX_PAST_BYTES / 2**20:,.0f} MiB"
        )
    window = _even(steps, limit_bytes // cell)
    return Batching(_even(samples, limit_bytes // (cell * window + past)), window)


def _past_bytes(network: Network) -> int:
    """Return the bytes of past events of a sample: once kept, once joined to new ones."""
    longest = dict.fromkeys(network.index, 0)
    for each in network.projections:
        longest[each.source] = max(longest[each.source], each.delay)
    sizes = {each.name: each.size * (4 if is_graded(each) else 1) for each in network.populations}
    return 2 * sum(longest[name] * size for name, size in sizes.items())


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _even(total: int, most: int) -> int:
    """Return the size of the fewest equal parts of ``total`` that are at most ``most``."""
    parts = -(-total // max(most, 1))
    return -(-total // parts)
