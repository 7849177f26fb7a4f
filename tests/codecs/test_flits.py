"""Flits against packing by hand, the floor of a flush, and the printed examples."""

import numpy as np
import pytest

from chipletsim.codecs import AddressEvents, Bitmap, DenseValues
from chipletsim.codecs.flits import (
    UCIE_68B,
    UCIE_256B_OPTIMISED,
    UCIE_256B_STANDARD,
    FrameSpec,
    flit_floor_neurons,
    flits,
)

FORMATS = [
    UCIE_68B,
    UCIE_256B_STANDARD,
    UCIE_256B_OPTIMISED,
    FrameSpec(payload="7 bit", total="9 bit"),
]


def packed(bits_of_steps, payload_bits, flush):
    """Return the flits after each step, filled bit by bit."""
    sent, room = [], 0
    for step, bits in enumerate(bits_of_steps):
        flits_now = 0
        if flush:
            room = 0
            if bits == 0:
                flits_now = 1
        for _ in range(bits):
            if room == 0:  # A flit is opened when its first bit comes,
                room = payload_bits
            room -= 1
            flits_now += room == 0  # and sent when it is full,
        last = step == len(bits_of_steps) - 1
        if room and (flush or last):  # or when nothing more may be waited for.
            flits_now += 1
            room = 0
        sent.append(flits_now)
    return sent


@pytest.mark.parametrize("flush", [True, False])
@pytest.mark.parametrize("flit", FORMATS, ids=str)
def test_flits_equal_those_filled_bit_by_bit(flit, flush):
    payload = flit.payload_bits
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 3 * payload, (2, 6, 5)) * (rng.random((2, 6, 5)) < 0.7)
    special = [[0] * 5, [payload] * 5, [payload - 1, 1, 0, payload + 1, 0], [1, 0, 0, 0, 0]]
    bits = np.concatenate([bits.reshape(-1, 5), special])
    found = flits(bits, flit, flush=flush)
    assert found.dtype == np.int64
    assert found.tolist() == [packed(row, payload, flush) for row in bits.tolist()]
    nested = flits(bits.reshape(4, 4, 5), flit, flush=flush)
    assert nested.tolist() == found.reshape(4, 4, 5).tolist()


def test_without_flush_the_bits_of_all_steps_share_flits():
    bits = np.array([[100, 0, 400, 12], [0, 0, 0, 0], [1, 0, 0, 0]])
    assert flits(bits, UCIE_68B, flush=False).sum(axis=-1).tolist() == [1, 0, 1]
    assert flits(bits, UCIE_68B, flush=True).sum(axis=-1).tolist() == [4, 4, 4]


def test_unsigned_and_large_numbers_are_counted_exactly():
    bits = np.array([2**40 + 1, 2**40], np.uint64)
    due = [2**31 + 1, 2**31]
    assert flits(bits, UCIE_68B, flush=True).tolist() == due
    assert flits(bits, UCIE_68B, flush=False).sum() == 2**32 + 1


@pytest.mark.parametrize(
    ("flit", "payload_bytes", "total_bytes"),
    [(UCIE_68B, 64, 68), (UCIE_256B_STANDARD, 236, 256), (UCIE_256B_OPTIMISED, 250, 256)],
)
def test_formats(flit, payload_bytes, total_bytes):
    assert (flit.payload_bits, flit.total_bits) == (8 * payload_bytes, 8 * total_bytes)


def one_flush_each(steps, neurons, spikes, codec):
    """Return the flits of steps with ``spikes`` spikes each, as the codec writes them."""
    raster = np.zeros((steps, neurons), bool)
    raster[:, :spikes] = True
    return codec.bits(raster)


@pytest.mark.parametrize(
    ("rate", "due"),
    [(0.02, [2, 8, 16, 32]), (0.05, [5, 20, 40, 80]), (0.1, [10, 40, 80, 160])],
)
def test_4096_neurons_over_flits_of_68_bytes(rate, due):
    """N = 4096, a = 12; the mean number of spikes in each step, for T = 1, 4, 8, 16."""
    codec, spikes = AddressEvents(address="12 bit"), round(4096 * rate)
    for steps, expected in zip((1, 4, 8, 16), due, strict=True):
        bits = one_flush_each(steps, 4096, spikes, codec)
        assert flits(bits, UCIE_68B, flush=True).sum() == expected


def test_4096_dense_values_take_64_flits_and_136_ns():
    bits = DenseValues(width="8 bit").bits(np.ones((1, 4096)))
    assert flits(bits, UCIE_68B, flush=True).tolist() == [64]
    # UCIe-S x16 at 16 GT/s: 256 Gb/s.
    assert 64 * UCIE_68B.total_bits / 256e9 == pytest.approx(136e-9)
    assert 20 * UCIE_68B.total_bits / 256e9 == pytest.approx(42.5e-9)


def test_1024_neurons_over_flits_of_256_bytes():
    """N = 1024, a = 10: dense 5. T = 4 takes 4 where a step fits one flit, T = 8 takes 8."""
    codec = AddressEvents(address="10 bit")
    dense = DenseValues(width="8 bit").bits(np.ones((1, 1024)))
    assert flits(dense, UCIE_256B_STANDARD, flush=True).tolist() == [5]
    for spikes in (0, 1, 20, 51, 102, 188):  # Rates up to 0.18; 188 events fill the flit.
        for steps in (4, 8):
            bits = one_flush_each(steps, 1024, spikes, codec)
            assert flits(bits, UCIE_256B_STANDARD, flush=True).sum() == steps
    bits = one_flush_each(4, 1024, 189, codec)
    assert flits(bits, UCIE_256B_STANDARD, flush=True).sum() == 8


@pytest.mark.parametrize("steps", [1, 4, 8, 16])
@pytest.mark.parametrize(("flit", "each"), [(UCIE_68B, 64), (UCIE_256B_STANDARD, 236)])
def test_floor_is_where_dense_needs_one_flit_per_step(flit, each, steps):
    floor = flit_floor_neurons(steps, flit, 8)
    assert floor == each * steps
    dense = DenseValues(width="8 bit")
    assert flits(dense.bits(np.ones((1, floor))), flit, flush=True).sum() == steps
    assert flits(dense.bits(np.ones((1, floor + 1))), flit, flush=True).sum() == steps + 1
    # Even silence cannot send fewer, and just above the floor it does.
    silent = AddressEvents(address="16 bit").bits(np.zeros((steps, floor), bool))
    assert flits(silent, flit, flush=True).sum() == steps


def test_floor_of_a_width_that_does_not_divide_the_payload():
    assert flit_floor_neurons(1, UCIE_68B, 5) == 102
    dense = DenseValues(width="5 bit")
    counts = [flits(dense.bits(np.ones((1, n))), UCIE_68B, flush=True).sum() for n in (102, 103)]
    assert counts == [1, 2]


def test_batching_removes_the_floor():
    bits = Bitmap().bits(np.zeros((4, 100), bool))
    assert flits(bits, UCIE_68B, flush=True).sum() == 4
    assert flits(bits, UCIE_68B, flush=False).sum() == 1
