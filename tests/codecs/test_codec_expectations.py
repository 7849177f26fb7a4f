"""Expected bits: by listing every pattern of spikes, by drawing many, and in the limit."""

from math import comb, log2

import numpy as np
import pytest
from codec_cases import ALL

from chipletsim.codecs import (
    BOUNDS,
    AddressEvents,
    Bitmap,
    BlockedBitmap,
    CountEntropy,
    DenseValues,
    MaskedValues,
    RiceGaps,
    SpikeCounts,
    SpikeEntropy,
)

RATES = [0.0, 0.02, 0.3, 0.5, 0.9, 1.0]
# With k left out the bits of each pattern have their own k; see the tests of the best k.
FIXED = {name: codec for name, codec in ALL.items() if getattr(codec, "k", 0) is not None}


@pytest.mark.parametrize(("steps", "neurons"), [(1, 1), (1, 11), (2, 6), (4, 3)])
@pytest.mark.parametrize("name", FIXED)
def test_expectation_is_the_sum_over_every_pattern(name, steps, neurons):
    """Each of the 2^(T N) patterns with s spikes has the chance r^s (1-r)^(T N - s)."""
    size = steps * neurons
    patterns = (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)
    spikes = patterns.sum(axis=1)
    bits = ALL[name].bits(patterns.reshape(-1, steps, neurons)).sum(axis=-1)
    for rate in RATES:
        chance = rate**spikes * (1 - rate) ** (size - spikes)
        expected = ALL[name].expected_bits(neurons, steps, rate)
        assert expected == pytest.approx(float(chance @ bits), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.004, 0.02, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("name", ALL)
def test_means_of_many_draws_agree(name, rate):
    """Within 4.5 standard errors: about one in 150,000 correct means lies farther away.

    The k of a best code is that of all draws together. Where two tie it may be either, at the
    same mean.
    """
    draws, steps, neurons = 6000, 2, 150
    rng = np.random.default_rng(2024)
    spikes = rng.random((draws, steps, neurons)) < rate
    bits = ALL[name].bits(spikes).sum(axis=-1)
    expected = ALL[name].expected_bits(neurons, steps, rate)
    error = bits.std(ddof=1) / draws**0.5
    if error == 0:
        assert expected == pytest.approx(bits[0], rel=1e-12, abs=0)
    else:
        assert abs(bits.mean() - expected) < 4.5 * error
        assert error < 0.03 * expected  # Else a wrong formula might pass.


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("neurons", [1, 2, 9, 300])
def test_expectation_of_the_best_k_is_the_least_of_all(neurons, rate):
    each = [RiceGaps(k=k).expected_bits(neurons, 3, rate) for k in range(33)]
    assert RiceGaps().expected_bits(neurons, 3, rate) == min(each)
    limits = [RiceGaps(k=k).expected_bits_per_neuron(3, rate) for k in range(33)]
    assert RiceGaps().expected_bits_per_neuron(3, rate) == min(limits)


CLOSED_FORMS = {
    "events": (AddressEvents(address="24 bit", other="4 bit"), lambda T, r: T * r * 28),
    "packets": (ALL["packets"], lambda T, r: T * r * 32),
    "bitmap": (Bitmap(), lambda T, r: T),
    "blocks 8": (BlockedBitmap(block=8), lambda T, r: T * (1 / 8 + 1 - (1 - r) ** 8)),
    "blocks 64": (BlockedBitmap(block=64), lambda T, r: T * (1 / 64 + 1 - (1 - r) ** 64)),
    "gaps 0": (RiceGaps(k=0), lambda T, r: T * r * (0 + 1 / (1 - (1 - r)))),
    "gaps 3": (RiceGaps(k=3), lambda T, r: T * r * (3 + 1 / (1 - (1 - r) ** 8))),
    "counts": (SpikeCounts(), lambda T, r: {1: 1, 4: 3, 7: 3, 16: 5}[T]),
    "entropy": (SpikeEntropy(), lambda T, r: T * h2(r)),
}


def h2(r):
    return -sum(p * log2(p) for p in (r, 1 - r) if p)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("steps", [1, 4, 7, 16])
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_bits_per_neuron_are_those_of_the_table(name, steps, rate):
    coding, formula = CLOSED_FORMS[name]
    expected = formula(steps, rate)
    assert coding.expected_bits_per_neuron(steps, rate) == pytest.approx(expected, rel=1e-12, abs=0)
    # Ends of blocks and gaps are a few hundred bits, spread over 2^21 neurons.
    mean = coding.expected_bits(1 << 21, steps, rate) / (1 << 21)
    assert mean == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("rate", [0.0, 0.003, 0.05, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 8, 31])
def test_entropy_of_counts_is_that_of_the_binomial_distribution(steps, rate):
    chances = [comb(steps, n) * rate**n * (1 - rate) ** (steps - n) for n in range(steps + 1)]
    entropy = -sum(p * log2(p) for p in chances if p)
    found = CountEntropy().expected_bits_per_neuron(steps, rate)
    assert found == pytest.approx(entropy, rel=1e-10, abs=1e-12)
    assert CountEntropy().expected_bits(10, steps, rate) == pytest.approx(10 * found)
    assert found <= SpikeCounts().expected_bits_per_neuron(steps, rate) + 1e-12
    assert found <= SpikeEntropy().expected_bits_per_neuron(steps, rate) + 1e-12


def test_entropy_of_long_windows_is_that_of_a_normal_distribution():
    """Half of log2(2 pi e T r (1-r)), up to 1/T."""
    found = CountEntropy().expected_bits_per_neuron(100_000, 0.3)
    assert found == pytest.approx(0.5 * log2(2 * np.pi * np.e * 100_000 * 0.21), abs=1e-4)


@pytest.mark.parametrize("rate", [1e-6, 0.001, 0.02, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("codec", [Bitmap(), BlockedBitmap(block=8), RiceGaps(k=4), RiceGaps()])
def test_no_codec_beats_the_entropy(codec, rate):
    bound = SpikeEntropy().expected_bits_per_neuron(3, rate)
    assert codec.expected_bits_per_neuron(3, rate) >= bound
    if codec == RiceGaps() and rate < 0.1:
        assert codec.expected_bits_per_neuron(3, rate) < 1.05 * bound


@pytest.mark.parametrize("name", [*ALL, *BOUNDS])
def test_bits_never_fall_up_to_the_peak_rate(name):
    """`break_even` relies on it."""
    coding = ALL[name] if name in ALL else BOUNDS[name]()

    def total(rate):
        return coding.expected_bits(77, 5, rate)

    def limit(rate):
        return coding.expected_bits_per_neuron(5, rate)

    for cost in (total, limit):
        bits = [cost(rate) for rate in np.linspace(1e-9, coding.peak_rate, 400).tolist()]
        assert np.diff(bits).min() >= -1e-9
        most = max(cost(rate) for rate in np.linspace(0, 1, 401).tolist())
        assert bits[-1] == pytest.approx(most, rel=1e-12, abs=0)


def test_small_rates_keep_their_digits():
    """1 - (1-r)^n is n r (1 - (n-1) r / 2) to second order."""
    rate = 1e-13
    assert BlockedBitmap(block=4).expected_bits_per_neuron(1, rate) - 0.25 == pytest.approx(
        4 * rate, rel=1e-3
    )
    assert RiceGaps(k=2).expected_bits_per_neuron(1, rate) == pytest.approx(0.25, rel=1e-9, abs=0)
    assert RiceGaps(k=2).expected_bits(4, 1, rate) == pytest.approx(12 * rate, rel=1e-12, abs=0)


def test_a_window_without_spikes_takes_no_events():
    assert RiceGaps().expected_bits(100, 3, 0.0) == 0
    assert RiceGaps(k=2).expected_bits_per_neuron(3, 0.0) == 0
    assert RiceGaps(count="7 bit").expected_bits(100, 3, 0.0) == 21


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.35, 1.0])
def test_expectation_of_values_is_their_mean(share_of_zeros):
    """Means within 4.5 standard errors, as above."""
    draws, neurons = 5000, 30
    values = np.random.default_rng(3).random((draws, neurons)) >= share_of_zeros
    bits = MaskedValues(width="5 bit").bits(values.astype(np.float32))
    expected = MaskedValues(width="5 bit").expected_bits(neurons, share_of_zeros)
    assert abs(bits.mean() - expected) <= 4.5 * bits.std() / draws**0.5
    assert DenseValues(width="5 bit").expected_bits(neurons, share_of_zeros) == 150


def test_examples_of_the_reading():
    """T = 8, r = 0.05, and values of 8 bits of which 0.6 are zeros."""
    assert CountEntropy().expected_bits_per_neuron(8, 0.05) == pytest.approx(1.17, abs=0.005)
    assert SpikeEntropy().expected_bits_per_neuron(8, 0.05) == pytest.approx(2.29, abs=0.005)
    events = AddressEvents(address="12 bit")
    assert events.expected_bits_per_neuron(8, 0.05) == pytest.approx(4.8, rel=1e-12, abs=0)
    assert MaskedValues(width="8 bit").expected_bits(1, 0.6) == pytest.approx(4.2, rel=1e-12, abs=0)
