"""Firing statistics of an activity: rates, irregularity of intervals, synchrony.

The measures are those by which states of recurrent networks are told apart: Brunel, J. Comput.
Neurosci. 8, 183-208 (2000).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.tables import render, table

IRREGULAR_CV = 0.3
"""From this coefficient of variation on intervals are called irregular; a clock has 0, a Poisson
process 1. A choice of this program."""
SYNCHRONOUS_MODULATION = 0.7
"""From this modulation on a population is called synchronous. A choice of this program, between
the asynchronous and the synchronous examples of Brunel's network of 12,500 neurons."""

_CHUNK_BYTES = 1 << 22
_LEAST_INTERVALS = 10
_SEGMENT_BINS = 256


@dataclass(frozen=True)
class PopulationStatistics:
    """Firing of one population.

    Attributes:
        neurons: Number of neurons.
        rate_hz: Mean firing rate.
        rate_std_hz: Standard deviation of the rates of the neurons.
        cv: Standard deviation of the intervals between spikes over their mean, averaged over
            the neurons that have some; nan where none has.
        cv_neurons: Neurons that the mean is over, which have at least ten intervals. Where
            these are few, or a recording holds few intervals, the mean is too low.
        synchrony: Golomb's chi of spike counts in bins: the standard deviation over time of the
            mean over neurons, over the root mean square of those of single neurons. It is 1
            where all do the same, and ``1 / sqrt(neurons)`` where each is for itself.
        modulation: Relative standard deviation over time of the population's rate in bins,
            without the noise of counting a Poisson process; 0 where the rate is constant.
        oscillation_hz: Frequency of most power of the population's rate; nan for less than a
            few bins.
    """

    neurons: int
    rate_hz: float
    rate_std_hz: float
    cv: float
    cv_neurons: int
    synchrony: float
    modulation: float
    oscillation_hz: float

    @property
    def regime(self) -> str:
        """Brunel's name of the state: S or A (synchronous or not), R or I (regular or not).

        Empty where there are too few spikes to tell.
        """
        if np.isnan(self.cv) or np.isnan(self.modulation):
            return ""
        synchronous = self.modulation >= SYNCHRONOUS_MODULATION
        return f"{'S' if synchronous else 'A'}{'I' if self.cv >= IRREGULAR_CV else 'R'}"


@dataclass(frozen=True)
class SpikeStatistics:
    """Firing of the populations of an activity; printing it gives a table.

    Attributes:
        populations: Name to statistics.
        duration_s: Time that they are over, of each sample.
        bin_s: Width of the bins of counts.
    """

    populations: dict[str, PopulationStatistics]
    duration_s: float
    bin_s: float

    def __getitem__(self, population: str) -> PopulationStatistics:
        return self.populations[population]

    def __str__(self) -> str:
        rows = [
            (
                name,
                each.neurons,
                f"{each.rate_hz:.4g} Hz",
                f"{each.cv:.3f}",
                f"{each.synchrony:.3f}",
                f"{each.modulation:.3f}",
                f"{each.oscillation_hz:.3g} Hz",
                each.regime,
            )
            for name, each in self.populations.items()
        ]
        title = f"Spikes of {self.duration_s:g} s, in bins of {1e3 * self.bin_s:g} ms"
        columns = (
            *("population", "neurons", "rate", "CV of intervals", "synchrony"),
            *("modulation", "most power at", "regime"),
        )
        return render(table(title, columns, rows))


def spike_statistics(
    activity: Activity,
    dt_s: float,
    *,
    populations: Sequence[str] | None = None,
    skip_s: float = 0.0,
    bin_s: float = 0.5e-3,
) -> SpikeStatistics:
    """Return the firing statistics of spiking populations.

    Args:
        activity: Who spiked when.
        dt_s: Time step of its network.
        populations: Names; all that spike if None.
        skip_s: Time at the start that is left out.
        bin_s: Width of the bins of counts, rounded to a whole number of steps.

    Raises:
        UsageError: A population is unknown or graded, the time step is not positive, or no step
            is left.

    Example:
        statistics = spike_statistics(activity, network.dt_s, skip_s=0.1)
        print(statistics, statistics["excitatory"].rate_hz)
    """
    if not 0 < dt_s < np.inf:
        raise UsageError(f"dt_s must be a positive time step, got {dt_s}")
    first, width = round(skip_s / dt_s), max(round(bin_s / dt_s), 1)
    steps = activity.steps - first
    if steps < 1 or first < 0:
        raise UsageError(f"skip_s={skip_s:g} leaves no step of {activity.steps} of {dt_s:g} s")
    graded = set(activity.values)
    names = [name for name in activity.populations if name not in graded]
    if populations is not None:
        unknown = [name for name in populations if name not in names]
        if unknown:
            known = ", ".join(names) or "none"
            raise UsageError(f"{unknown[0]!r} is no population of spikes; there are: {known}")
        names = list(populations)
    found = {name: _statistics(activity, name, first, width, dt_s) for name in names}
    return SpikeStatistics(found, steps * dt_s, width * dt_s)


def _statistics(
    activity: Activity, name: str, first: int, width: int, dt_s: float
) -> PopulationStatistics:
    neurons, steps = prod(activity.populations[name]), activity.steps - first
    neuron, time, sample = _spikes(activity, name, first)
    seconds = steps * dt_s * max(activity.samples, 1)
    rates = np.bincount(neuron, minlength=neurons) / seconds
    cvs = _interval_cvs(neuron, time, sample, neurons)
    bins = steps // width
    binned = time < bins * width
    place = sample[binned] * bins + time[binned] // width
    counts = np.bincount(place, minlength=bins * activity.samples)
    return PopulationStatistics(
        neurons=neurons,
        rate_hz=float(rates.mean()),
        rate_std_hz=float(rates.std()),
        cv=float(cvs.mean()) if cvs.size else float("nan"),
        cv_neurons=cvs.size,
        synchrony=_synchrony(neuron[binned], place, counts, neurons),
        modulation=_modulation(counts),
        oscillation_hz=_strongest(counts.reshape(activity.samples, bins), width * dt_s),
    )


def _spikes(activity: Activity, name: str, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return int64 neuron, step from ``first`` on, and sample of every spike, in order of time."""
    raster = activity.rasters[name]
    size = prod(activity.populations[name])
    parts = list(_chunks(raster, first, size))
    if not parts:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    neuron, time, sample = (np.concatenate(each) for each in zip(*parts, strict=True))
    return neuron, time, sample


def _chunks(
    raster: np.ndarray, first: int, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rows = max(_CHUNK_BYTES // (8 * max(raster.shape[-1], 1)), 1)
    for sample in range(raster.shape[0]):
        for start in range(first, raster.shape[1], rows):
            part = raster[sample, start : start + rows]
            step, neuron = np.nonzero(np.unpackbits(part, axis=-1, count=size, bitorder="little"))
            yield neuron, step + (start - first), np.full(step.size, sample)


def _interval_cvs(
    neuron: np.ndarray, time: np.ndarray, sample: np.ndarray, neurons: int
) -> np.ndarray:
    """Return float64 [neurons with enough intervals]: variation of the intervals of each."""
    order = np.lexsort((time, sample, neuron))
    neuron, time, sample = neuron[order], time[order], sample[order]
    within = (np.diff(neuron) == 0) & (np.diff(sample) == 0)
    owner, interval = neuron[1:][within], np.diff(time)[within].astype(np.float64)
    number = np.bincount(owner, minlength=neurons)
    enough = number >= _LEAST_INTERVALS
    mean = np.bincount(owner, interval, neurons) / np.maximum(number, 1)
    squares = np.bincount(owner, (interval - mean[owner]) ** 2, neurons) / np.maximum(number - 1, 1)
    return np.sqrt(squares[enough]) / mean[enough]


def _synchrony(neuron: np.ndarray, place: np.ndarray, counts: np.ndarray, neurons: int) -> float:
    """Return Golomb's chi of counts in bins.

    Golomb, "Neuronal synchrony measures", Scholarpedia 2(1), 1347 (2007), with counts in place
    of membrane potentials.
    """
    bins = counts.size
    if bins < 2:
        return float("nan")
    _, times = np.unique(neuron * bins + place, return_counts=True)
    per_neuron = np.bincount(neuron, minlength=neurons) / bins
    single = float((times.astype(float) ** 2).sum()) / bins / neurons - (per_neuron**2).mean()
    together = (counts / neurons).var()
    return sqrt(together / single) if single > 0 else float("nan")


def _modulation(counts: np.ndarray) -> float:
    """Return the relative standard deviation of a rate of which counts are Poisson samples."""
    mean = counts.mean() if counts.size else 0.0
    if mean == 0:
        return float("nan")
    return sqrt(max(counts.var() - mean, 0.0)) / float(mean)


def _strongest(counts: np.ndarray, bin_s: float) -> float:
    """Return the frequency of most power, over segments of at most 256 bins that overlap by half.

    Welch's method with a Hann window; the mean of each segment is taken out.
    """
    length = min(counts.shape[1], _SEGMENT_BINS)
    if length < 8 or not counts.any():
        return float("nan")
    starts = range(0, counts.shape[1] - length + 1, max(length // 2, 1))
    segments = np.concatenate([counts[:, at : at + length] for at in starts]).astype(float)
    segments -= segments.mean(axis=1, keepdims=True)
    power = (np.abs(np.fft.rfft(segments * np.hanning(length), axis=1)) ** 2).mean(axis=0)
    return float(np.fft.rfftfreq(length, bin_s)[1 + np.argmax(power[1:])])
