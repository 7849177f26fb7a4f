"""Energy of conversion: the printed table, and the point where both sides cost the same."""

from math import inf

import pytest
from printed import agrees

from chipletsim.codecs import AddressEvents, BlockedBitmap
from chipletsim.codecs.conversion import Conversion, least_link_energy_j_per_bit

ENERGIES = ("0.02 pJ/op", "0.5 pJ/op", "4 pJ/op", "52 pJ/op")
# T | r | a + h | bits saved | least link energy in pJ/bit for each encoder
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


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_row_of_the_table(row):
    steps, rate, codec = int(row[0]), float(row[1]), AddressEvents(address=f"{row[2]} bit")
    assert agrees(8 - codec.expected_bits_per_neuron(steps, rate), row[3])
    for energy, printed in zip(ENERGIES, row[4:], strict=True):
        conversion = Conversion(energy_per_update=energy)
        least = least_link_energy_j_per_bit(conversion, codec, steps, rate, 8)
        assert agrees(least * 1e12, printed)


@pytest.mark.parametrize("codec", [AddressEvents(address="12 bit"), BlockedBitmap(block=16)])
def test_both_sides_cost_the_same_at_that_energy(codec):
    steps, rate, neurons, dense_bits = 4, 0.03, 1 << 12, 8
    conversion = Conversion(energy_per_update="2 pJ/op", energy_per_add="0.3 pJ/op")
    link = least_link_energy_j_per_bit(conversion, codec, steps, rate, dense_bits)
    spikes = round(neurons * steps * rate * 1e6)
    converting = conversion.encode_j(neurons, steps) + conversion.decode_j(spikes) / 1e6
    spiking = converting + codec.expected_bits(neurons, steps, rate) * link
    assert spiking == pytest.approx(neurons * dense_bits * link, rel=1e-9, abs=0)


def test_energy_of_a_converter():
    conversion = Conversion(energy_per_update="3 pJ/op", energy_per_add="0.5 pJ/op")
    assert conversion.encode_j(neurons=10, steps=4) == pytest.approx(120e-12, rel=1e-9, abs=0)
    assert conversion.decode_j(spikes=8) == pytest.approx(4e-12, rel=1e-9, abs=0)
    assert conversion.decode_j(spikes=0) == 0
    assert conversion.expected_j_per_neuron(4, 0.2) == pytest.approx(12.4e-12, rel=1e-9, abs=0)


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_no_energy_pays_where_no_bits_are_saved(rate):
    conversion = Conversion(energy_per_update="0 pJ/op")
    codec = AddressEvents(address="16 bit")
    assert least_link_energy_j_per_bit(conversion, codec, 2, rate, 8) == inf
    assert least_link_energy_j_per_bit(conversion, codec, 2, 0.24, 8) == 0
