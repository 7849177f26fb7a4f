"""Bits equal the length of strings that are really written and read back to the same spikes."""

import numpy as np
import pytest
from bit_strings import Reader, read_step, write
from codec_cases import ALL, OWN_END, STEPWISE

from chipletsim.codecs import BlockedBitmap, DenseValues, MaskedValues, RiceGaps, SpikeCounts

SHAPES = [(1, 1), (3, 1), (2, 3, 7), (2, 2, 1, 13), (1, 5, 64), (2, 4, 101)]
RATES = [0.0, 0.02, 0.3, 1.0]


def drawn(shape, rate):
    return np.random.default_rng(list(shape)).random(shape) < rate


def windows(spikes):
    """Return the samples of ``spikes`` as nested lists [samples][steps][neurons]."""
    return spikes.reshape(-1, *spikes.shape[-2:]).tolist()


def fewest(write_with, candidates):
    """Return the first candidate for which ``write_with`` writes the shortest text."""
    lengths = [len(write_with(candidate)) for candidate in candidates]
    return candidates[lengths.index(min(lengths))]


def parameter(codec, spikes):
    """Return k: the given one, or the best of all by writing everything with each."""
    if not isinstance(codec, RiceGaps) or codec.k is not None:
        return getattr(codec, "k", None)

    def everything(k):
        return "".join("".join(write(codec, window, k)) for window in windows(spikes))

    return fewest(everything, range(12))


def cases(codec, rate):
    """Yield shape, codec, random spikes and k for each shape."""
    for shape in SHAPES:
        spikes = drawn(shape, rate)
        yield shape, codec, spikes, parameter(codec, spikes)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", ALL)
def test_bits_are_those_of_the_string(name, rate):
    for shape, codec, spikes, k in cases(ALL[name], rate):
        bits = codec.bits(spikes)
        assert bits.dtype == np.int64
        assert bits.shape == shape[:-1]
        lengths = [[len(text) for text in write(codec, window, k)] for window in windows(spikes)]
        assert bits.reshape(-1, shape[-2]).tolist() == lengths


@pytest.mark.parametrize("name", ALL)
def test_linear_bits_are_all_bits_or_none_are(name):
    """Bits of events and steps, counted apart; codecs whose bits depend on more have none."""
    codec, found = ALL[name], set()
    for spikes in (drawn(shape, 0.3) for shape in SHAPES):
        linear = codec.linear_bits(spikes.shape[-1])
        found.add(linear is None)
        if linear:
            due = spikes.sum(axis=-1) * linear.event_bits + linear.step_bits
            assert codec.bits(spikes).tolist() == due.tolist()
    assert found == {name.startswith(("blocks", "gaps", "counts"))}


@pytest.mark.parametrize("codec", [DenseValues(width="7 bit"), MaskedValues(width="7 bit")])
def test_linear_bits_of_values_are_all_bits(codec):
    for spikes in (drawn(shape, 0.3) for shape in SHAPES):
        linear = codec.linear_bits(spikes.shape[-1])
        due = spikes.sum(axis=-1) * linear.event_bits + linear.step_bits
        assert codec.bits(spikes * 2.5).tolist() == due.tolist()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", STEPWISE)
def test_each_message_is_read_back_where_the_link_tells_its_end(name, rate):
    for _, codec, spikes, k in cases(STEPWISE[name], rate):
        for window in windows(spikes):
            for text, step in zip(write(codec, window, k), window, strict=True):
                reader = Reader(text)
                assert read_step(codec, reader, len(step), k) == step
                assert reader.done


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", OWN_END)
def test_joined_messages_are_read_back(name, rate):
    for shape, codec, spikes, k in cases(OWN_END[name], rate):
        samples = windows(spikes)
        reader = Reader("".join("".join(write(codec, window, k)) for window in samples))
        for window in samples:
            assert [read_step(codec, reader, shape[-1], k) for _ in window] == window
        assert reader.done
        assert reader.place == codec.bits(spikes).sum()


@pytest.mark.parametrize("rate", RATES)
def test_counts_are_read_back(rate):
    for shape, codec, spikes, _ in cases(SpikeCounts(), rate):
        steps, neurons = shape[-2:]
        for sample, window in zip(
            codec.bits(spikes).reshape(-1, steps).tolist(), windows(spikes), strict=True
        ):
            assert sample[:-1] == [0] * (steps - 1)
            reader = Reader(write(codec, window)[-1])
            counts = [reader.number(sample[-1] // neurons) for _ in range(neurons)]
            assert counts == np.sum(window, axis=0).tolist()
            assert reader.done


def test_best_k_is_the_first_of_the_fewest_bits():
    chosen = set()
    for rate in (0.0, 0.003, 0.02, 0.1, 0.3, 1.0):
        spikes = drawn((3, 4, 701), rate)
        best = RiceGaps().best_k(spikes)
        totals = [int(RiceGaps(k=k).bits(spikes).sum()) for k in range(15)]
        assert best == totals.index(min(totals))
        assert RiceGaps().bits(spikes).tolist() == RiceGaps(k=best).bits(spikes).tolist()
        chosen.add(best)
    assert RiceGaps(k=5).best_k(spikes) == 5
    assert len(chosen) >= 4


def test_a_block_larger_than_all_neurons_is_one_block():
    spikes = np.zeros((2, 3), bool)
    spikes[1, 2] = True
    assert BlockedBitmap(block=1000).bits(spikes).tolist() == [1, 4]


def test_views_of_any_layout_have_the_same_bits():
    spikes = drawn((4, 5, 30), 0.3)
    turned = np.ascontiguousarray(spikes.transpose(2, 1, 0)).transpose(2, 1, 0)
    assert not turned.flags.c_contiguous
    for codec in ALL.values():
        assert codec.bits(turned).tolist() == codec.bits(spikes).tolist()


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("shape", [(1,), (17,), (2, 3, 40)], ids=str)
def test_values_are_read_back(shape, share_of_zeros):
    rng = np.random.default_rng(7)
    values = rng.integers(1, 2**6, shape) * (rng.random(shape) >= share_of_zeros)
    dense, masked = DenseValues(width="6 bit"), MaskedValues(width="6 bit")
    for found in (dense.bits(values), masked.bits(values)):
        assert found.dtype == np.int64
        assert found.shape == shape[:-1]
    rows = values.reshape(-1, shape[-1]).tolist()
    plain = ["".join(format(value, "06b") for value in row) for row in rows]
    assert dense.bits(values).ravel().tolist() == [len(text) for text in plain]
    sparse = ["".join("1" + format(v, "06b") if v else "0" for v in row) for row in rows]
    assert masked.bits(values).ravel().tolist() == [len(text) for text in sparse]
    for row, text in zip(rows, plain, strict=True):
        reader = Reader(text)
        assert [reader.number(6) for _ in row] == row
    for row, text in zip(rows, sparse, strict=True):
        reader = Reader(text)
        assert [reader.number(6) if reader.take(1) == "1" else 0 for _ in row] == row
        assert reader.done


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_bits_by_k_are_those_of_each_k(rate):
    spikes = np.random.default_rng(1).random((2, 3, 37)) < rate
    by_k = RiceGaps(count="6 bit").bits_by_k(spikes)
    assert list(by_k) == list(range(7))
    for k, bits in by_k.items():
        assert bits == RiceGaps(k=k, count="6 bit").bits(spikes).sum()
    best = RiceGaps(count="6 bit").best_k(spikes)
    assert by_k[best] == min(by_k.values())
