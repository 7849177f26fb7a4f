"""Break-even rates: both printed tables to the last digit, and what lies on either side.

One entry is not as printed, see `test_gaps_at_4_steps_against_3_bits`.
"""

import numpy as np
import pytest
from printed import agrees

from chipletsim.codecs import (
    AddressEvents,
    AddressPackets,
    Bitmap,
    BlockedBitmap,
    CountEntropy,
    MaskedValues,
    RiceGaps,
    SpikeCounts,
    SpikeEntropy,
    fair_bits,
)
from chipletsim.codecs.break_even import break_even

STEPS = (1, 4, 8, 16)
CODINGS = {
    "events 8": AddressEvents(address="8 bit"),
    "events 12": AddressEvents(address="12 bit"),
    "events 16": AddressEvents(address="16 bit"),
    "packets 32": AddressPackets(packet="32 bit"),
    "packets 64": AddressPackets(packet="64 bit"),
    "bitmap": Bitmap(),
    "blocks 8": BlockedBitmap(block=8),
    "blocks 32": BlockedBitmap(block=32),
    "blocks 64": BlockedBitmap(block=64),
    "gaps": RiceGaps(),
    "entropy": SpikeEntropy(),
}
AGAINST_8_BITS = """
events 8    | 1.0    | 0.25   | 0.125  | 0.0625
events 12   | 0.667  | 0.167  | 0.083  | 0.042
events 16   | 0.500  | 0.125  | 0.0625 | 0.031
packets 32  | 0.250  | 0.0625 | 0.031  | 0.0156
packets 64  | 0.125  | 0.031  | 0.0156 | 0.0078
bitmap      | always | always | always | never
blocks 8    | always | always | 0.229  | 0.057
blocks 32   | always | always | 0.103  | 0.020
blocks 64   | always | always | 0.063  | 0.010
gaps        | always | always | always | 0.107
entropy     | always | always | always | 0.110
"""
AGAINST_FAIR_BITS = """
events 8    | 0.125  | 0.094  | 0.0625 | 0.039
events 12   | 0.083  | 0.0625 | 0.042  | 0.026
packets 32  | 0.031  | 0.023  | 0.0156 | 0.0098
blocks 8    | 0.229  | 0.115  | 0.057  | 0.026
blocks 32   | 0.103  | 0.039  | 0.020  | 0.010
gaps        | always | 0.204  | 0.107  | 0.055
entropy     | always | 0.215  | 0.110  | 0.056
"""


def entries(table):
    """Yield name, T and printed entry of each cell."""
    for line in table.strip().splitlines():
        name, *cells = (cell.strip() for cell in line.split("|"))
        yield from ((name, steps, cell) for steps, cell in zip(STEPS, cells, strict=True))


CELLS = [(*cell, lambda steps: 8) for cell in entries(AGAINST_8_BITS)]
CELLS += [(*cell, fair_bits) for cell in entries(AGAINST_FAIR_BITS)]


def test_both_tables_are_whole():
    assert len(CELLS) == 11 * 4 + 7 * 4


@pytest.mark.parametrize(("name", "steps", "printed", "dense_bits"), CELLS)
def test_entry_of_the_tables(name, steps, printed, dense_bits):
    found = break_even(CODINGS[name], steps, dense_bits(steps))
    if printed in {"always", "never"}:
        assert found == printed
    else:
        assert isinstance(found, float)
        assert agrees(found, printed)


def test_gaps_at_4_steps_against_3_bits():
    """The table prints 0.205. The rate is below 0.2045, by which every k costs above 3 bits."""
    costs = [4 * 0.2045 * (k + 1 / (1 - (1 - 0.2045) ** 2**k)) for k in range(12)]
    assert 3 < min(costs) < 3.001
    assert costs.index(min(costs)) == 2
    below = 4 * 0.20446 * (2 + 1 / (1 - (1 - 0.20446) ** 4))
    assert 2.999 < below < 3


@pytest.mark.parametrize("neurons", [None, 100])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", CODINGS)
def test_spikes_win_below_and_lose_above(name, steps, neurons):
    coding, dense_bits = CODINGS[name], 3.7

    def cost(rate):
        if neurons is None:
            return coding.expected_bits_per_neuron(steps, rate)
        return coding.expected_bits(neurons, steps, rate) / neurons

    found = break_even(coding, steps, dense_bits, neurons)
    costs = np.array([cost(float(rate)) for rate in np.linspace(1e-6, 1, 301)])
    if found == "always":
        assert (costs <= dense_bits).all()
    elif found == "never":
        assert (costs > dense_bits).all()
    else:
        assert cost(found) == pytest.approx(dense_bits, rel=1e-9, abs=0)
        assert cost(found * 0.999) < dense_bits < cost(found * 1.001)


@pytest.mark.parametrize("steps", STEPS)
def test_events_per_inference_do_not_depend_on_the_steps(steps):
    """Spikes per inference at break-even are b / (a + h) for any T."""
    codec = AddressEvents(address="12 bit", other="4 bit")
    assert steps * break_even(codec, steps, 8) == pytest.approx(8 / 16, rel=1e-12, abs=0)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 15, 16, 100])
def test_counts_never_cost_more_than_the_fair_width(steps):
    for coding in (SpikeCounts(), CountEntropy()):
        assert break_even(coding, steps, fair_bits(steps)) == "always"
    assert break_even(SpikeCounts(), steps, fair_bits(steps) - 0.01) == "never"


def test_ends_count_where_neurons_are_given():
    """A count of 8 bits costs 0.5 bit per step for 16 neurons: T (r a + 0.5) = b."""
    codec = AddressEvents(address="12 bit", count="8 bit")
    assert break_even(codec, 4, 8, neurons=16) == pytest.approx(
        (8 / 4 - 0.5) / 12, rel=1e-12, abs=0
    )
    assert break_even(codec, 4, 8) == pytest.approx(8 / 4 / 12, rel=1e-12, abs=0)
    assert break_even(codec, 16, 8, neurons=16) == "never"


def test_a_tie_at_rate_0_alone_is_never():
    """Flags of blocks of 2 take T / 2 = b bits before any spike."""
    assert break_even(BlockedBitmap(block=2), 16, 8) == "never"
    assert break_even(BlockedBitmap(block=2), 15, 8) < 0.05


def test_a_tie_at_rate_1_alone_is_a_rate():
    assert break_even(AddressPackets(packet="8 bit"), 1, 8) == 1.0
    assert break_even(AddressPackets(packet="8 bit"), 1, 8.01) == "always"
    assert 0.99 < break_even(AddressPackets(packet="8 bit"), 1, 7.99) < 1


def test_dense_bits_may_be_those_of_sparse_values():
    dense_bits = MaskedValues(width="8 bit").expected_bits(1, 0.6)
    found = break_even(AddressEvents(address="12 bit"), 4, dense_bits)
    assert found == pytest.approx(4.2 / 48, rel=1e-12, abs=0)
