"""Where spikes win at a boundary: printed tables, both sides equal at the edge, frames."""

from math import inf, isinf

import numpy as np
import pytest

from chipletsim.baseline.surface import surface
from chipletsim.baseline.winner import winner
from chipletsim.errors import ConfigError, UsageError

# Least link energy in pJ/bit at which spikes save energy, against 8 bit:
# T | r | a + h | bits saved | for encoders of 0.02, 0.5, 4 and 52 pJ per neuron and step
TABLE = """
1  | 0.05 | 12 | 7.4 | 0.003 | 0.07 | 0.54 | 7.0
4  | 0.02 | 12 | 7.0 | 0.011 | 0.28 | 2.3  | 30
4  | 0.05 | 12 | 5.6 | 0.014 | 0.36 | 2.9  | 37
4  | 0.05 | 32 | 1.6 | 0.05  | 1.25 | 10   | 130
8  | 0.02 | 12 | 6.1 | 0.03  | 0.66 | 5.3  | 68
8  | 0.05 | 12 | 3.2 | 0.05  | 1.25 | 10   | 130
16 | 0.02 | 12 | 4.2 | 0.08  | 1.9  | 15   | 200
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
ENCODERS = ("0.02 pJ/op", "0.5 pJ/op", "4 pJ/op", "52 pJ/op")


def boundary(**changes):
    return {
        "activations": 4096,
        "link": {"use": "links/ucie_standard"},
        "codec": {"kind": "address_events", "address": "12 bit"},
        "conversion": {"energy_per_update": "0.5 pJ/op"},
        **changes,
    }


def printed_as(value, text):
    """Whether ``value`` rounds to the text, to half a unit of its last digit."""
    decimals = len(text.partition(".")[2])
    return abs(value - float(text)) <= 0.5 * 10.0**-decimals * (1 + 1e-9)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
@pytest.mark.parametrize("column", range(4))
def test_every_cell_of_the_energy_table(row, column):
    found = winner(
        boundary(
            codec={"kind": "address_events", "address": f"{row[2]} bit"},
            conversion={"energy_per_update": ENCODERS[column]},
        ),
        steps=(int(row[0]),),
        rates=(float(row[1]),),
    )
    assert printed_as(8 - found.spike_bits[0, 0], row[3])
    assert printed_as(found.least_link_energy_j_per_bit[0, 0] * 1e12, row[4 + column])


def test_rates_at_which_events_stop_to_save_bits():
    # r* = b / (T (a + h)) = 8 / (12 T).
    found = winner(boundary())
    assert found.break_even_rates == pytest.approx([8 / 12, 8 / 48, 8 / 96, 8 / 192])
    bitmap = winner(boundary(codec={"kind": "bitmap"}))
    assert bitmap.break_even_rates == ("always", "always", "always", "never")
    assert not bitmap.wins_bits[2].any()  # a tie of 8 steps with 8 bits is no win


@pytest.mark.parametrize("steps", [1, 4, 8, 16])
@pytest.mark.parametrize("add", ["0 pJ/op", "0.3 pJ/op"])
def test_both_sides_cost_the_same_at_the_rate_of_energy(steps, add):
    spec = boundary(conversion={"energy_per_update": "0.5 pJ/op", "energy_per_add": add})
    (rate,) = winner(spec, steps=(steps,), rates=(0.1,)).energy_break_even_rates
    found = winner(spec, steps=(steps,), rates=(rate * 0.999, rate, rate * 1.001))
    assert found.spike_energy_j[0, 1] == pytest.approx(found.dense_energy_j, rel=1e-9, abs=0)
    assert found.wins_energy[0].tolist()[::2] == [True, False]


def test_energies_by_hand():
    # 68 B on the wire for 64 B: 1.0625 pJ a payload bit. Dense 4096 x 8 x 1.0625 = 34.816 nJ;
    # spikes 4096 x (4 x 0.5 + 4 x 0.05 x 12 x 1.0625) pJ = 4096 x 4.55 pJ = 18.6368 nJ.
    found = winner(boundary(), steps=(4,), rates=(0.05,))
    assert found.dense_energy_j == pytest.approx(34.816e-9, rel=1e-12, abs=0)
    assert found.spike_energy_j[0, 0] == pytest.approx(18.6368e-9, rel=1e-12, abs=0)


def test_times_by_hand():
    # 64 frames of 68 B at 256 Gb/s are 136 ns; 2.4 x 4096 bit are 19.2, thus 20, frames.
    free = winner(boundary(), steps=(4,), rates=(0.05,))
    assert free.dense_time_s == pytest.approx(136e-9 + 2e-9, rel=1e-12, abs=0)
    assert free.spike_time_s[0, 0] == pytest.approx(42.5e-9 + 2e-9, rel=1e-12, abs=0)
    held = winner(boundary(barrier="113 ns"), steps=(4,), rates=(0.05,))
    assert held.spike_time_s[0, 0] == pytest.approx(42.5e-9 + 2e-9 + 452e-9, rel=1e-12, abs=0)
    assert (free.wins_time.item(), held.wins_time.item()) == (True, False)


@pytest.mark.parametrize("steps", [1, 4, 8, 16])
def test_flushed_spikes_never_beat_few_dense_activations_in_time(steps):
    # Each step sends a frame, which holds 64 dense activations: no win up to 64 T of them.
    few = winner(boundary(activations=64 * steps, flush=True), steps=(steps,), rates=(1e-6,))
    assert not few.wins_time.any()
    more = winner(boundary(activations=64 * steps + 1, flush=True), steps=(steps,), rates=(1e-6,))
    assert more.wins_time.all()


def test_wins_agree_with_energies_and_bits_everywhere():
    for codec in ({"kind": "bitmap"}, {"kind": "rice_gaps"}, {"kind": "spike_counts"}):
        found = winner(boundary(codec=codec))
        assert np.array_equal(found.wins_energy, found.spike_energy_j < found.dense_energy_j)
        saves = found.spike_bits < 8
        assert np.array_equal(found.wins_bits, saves)
        assert np.isinf(found.least_link_energy_j_per_bit[~saves]).all()
    assert found.to_dict()["least_link_energy_j_per_bit"][0][0] is not inf
    assert not any(
        isinstance(each, float) and isinf(each)
        for row in winner(boundary()).to_dict()["least_link_energy_j_per_bit"]
        for each in row
    )


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        (boundary(link={"use": "links/truenorth_hop"}), UsageError, "no energy_per_bit"),
        (boundary(link={"use": "links/ucie_standrd"}), ConfigError, "links/ucie_standard"),
        (boundary(codec={"kind": "dense", "width": "8 bit"}), ConfigError, "codec"),
        (boundary(activations=0), ConfigError, "activations"),
    ],
)
def test_wrong_boundaries_are_refused(spec, error, says):
    with pytest.raises(error, match=says):
        winner(spec)


def test_wrong_numbers_are_refused():
    with pytest.raises(UsageError, match="at least one"):
        winner(boundary(), steps=())
    with pytest.raises(UsageError, match="rate"):
        winner(boundary(), rates=(1.5,))


def test_overrides_and_the_table():
    text = str(winner(boundary(), steps=(4,), rates=(0.05,), overrides=["codec.address=32 bit"]))
    assert "1.25 pJ/bit" in text
    assert "bits, time" in text


def test_a_surface_over_widths_steps_and_rates():
    """Bits by r < b / (12 T), energy by e_link (b - 12 T r) > T e_enc, point by point."""
    found = surface(boundary(), dense_bits=(3, 8), steps=(1, 4), rates=(0.01, 0.07, 0.2))
    assert found.wins_bits.shape == (2, 2, 3)
    for i, width in enumerate((3, 8)):
        for j, steps in enumerate((1, 4)):
            for k, rate in enumerate((0.01, 0.07, 0.2)):
                saved = width - 12 * steps * rate
                assert found.wins_bits[i, j, k] == (saved > 0)
                assert found.wins_energy[i, j, k] == (1.0625 * saved > 0.5 * steps)
    with pytest.raises(UsageError, match="1 to 64 bits"):
        surface(boundary(), dense_bits=(0,))
