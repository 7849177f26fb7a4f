"""Numbers with units, and tables as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.tables import render, si, table

PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0,
          "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}  # fmt: skip


@settings(derandomize=True, deadline=None)
@given(st.floats(1e-14, 9e14))
def test_si_reads_back_to_four_digits(value):
    number, unit = si(value, "J").split()
    assert float(number) * PREFIX[unit.removesuffix("J")] == pytest.approx(value, rel=6e-4)
    assert 1 <= float(number) < 1000 or value > 9.9e14


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 J"), (999.96, "1 kJ"), (-2.5e-12, "-2.5 pJ"), (1e-18, "0.001 fJ"), (1e-6, "1 uJ")],
)
def test_si_at_the_edges(value, text):
    assert si(value, "J") == text


def test_tables_keep_brackets_and_group_digits():
    text = render(table("title", ["name", "bits"], [("west[0]", 1234567), ("[bold]x", 2)]))
    assert "west[0]" in text
    assert "[bold]x" in text
    assert "1,234,567" in text


def test_figures_are_never_cut_short():
    text = render(table("t", ["link", "bits"], [("west(1,0)>east(0,0)", 123456789)]), width=20)
    cells = [line.split("│")[1:3] for line in text.splitlines() if "│" in line]
    names, figures = (
        "".join(part.strip() for part in column) for column in zip(*cells, strict=True)
    )
    assert (names, figures) == ("west(1,0)>east(0,0)", "123,456,789")
