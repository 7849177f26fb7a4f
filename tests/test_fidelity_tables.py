"""The tables of fidelity in README.md files are those of the figures beside them."""

import json

import pytest

from benchmarks.fidelity.tables import FIGURES, FILES, MARKED, figure, filled, summary_table


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_tables_show_the_figures(path) -> None:
    figures = json.loads(FIGURES.read_text())["rows"]
    text = path.read_text()
    assert MARKED.search(text)
    assert filled(text, FILES[path], figures) == text


def test_spikes_of_layers_and_cases_add_up() -> None:
    def row(case, quantity, ours, difference, unit="spikes"):
        return {"case": case, "quantity": quantity, "unit": unit, "ours": ours, "peer": "tool",
                "theirs": 7, "difference": difference}  # fmt: skip

    lines = summary_table(
        [
            row("a", "spikes of x", 5, 1),
            row("b", "spikes of y", 8, 2),
            row("b", "energy", 0.5, 1e-13, "J"),
            row("c", "energy", 0.25, 3e-13, "J"),
        ]
    ).splitlines()
    assert lines[2] == "| tool | spikes | 2 | spikes | 13 | 14 | 3 |"
    assert lines[3] == "| tool | energy | 2 | J | 0.75 | 14 | 3e-13 |"


def test_figures_are_printed_whole_or_to_six_digits() -> None:
    assert [figure(each) for each in (1234567, 0.1234567, 3e-13, None)] == [
        "1,234,567", "0.123457", "3e-13", "",
    ]  # fmt: skip
