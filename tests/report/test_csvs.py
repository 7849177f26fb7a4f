"""CSV files."""

import csv

import pytest

from chipletsim.report.csvs import write_csv


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-2", "@SUM(A1)", "\tx", "\r=1"])
def test_text_is_never_a_formula(tmp_path, name):
    write_csv(tmp_path / "t.csv", ["name", "energy_j"], [(name, -1.5)])
    with (tmp_path / "t.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["name", "energy_j"]
    assert row == ["'" + name, "-1.5"]


def test_numbers_and_plain_text_stay_as_they_are(tmp_path):
    write_csv(tmp_path / "t.csv", ["name", "bits"], [('a,"b"', 2**60), ("west(0,0)", 0)])
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [['a,"b"', str(2**60)], ["west(0,0)", "0"]]
