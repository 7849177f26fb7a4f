"""The three commands run whole in their quick form, and write what they print."""

from __future__ import annotations

import json
import sys

import pytest

pytest.importorskip("benchmarks", reason="benchmarks are run from the root of the repository")
from benchmarks.talk import break_even, claim, language_models, language_systems
from benchmarks.talk.grid import FAIR


def run(command, name, tmp_path, monkeypatch, capsys, *, figure=True):
    arguments = [name, "--quick", "--json", str(tmp_path / "rows.json")]
    if figure:
        arguments += ["--figure", str(tmp_path / "figure.png")]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    content = json.loads((tmp_path / "rows.json").read_text())
    assert content["benchmark"] == f"talk.{name}"
    assert "versions" in content["machine"]
    assert all(set(row) >= {"case", "quantity", "unit", "ours", "peer", "theirs", "ratio"}
               for row in content["rows"])  # fmt: skip
    if figure:
        assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    return capsys.readouterr().out, content["rows"]


def test_claim(tmp_path, monkeypatch, capsys) -> None:
    out, rows = run(claim, "claim", tmp_path, monkeypatch, capsys)
    for text in ("Findings", "wins both", "slow serial", "5.3x energy is reached with", "estimate"):
        assert text in out
    peers = {row["peer"] for row in rows}
    assert {f"dense, {FAIR}", "spiking, dense cores in steps", "formula"} <= peers
    assert {row["unit"] for row in rows} == {"J", "s", "x"}


def test_break_even(tmp_path, monkeypatch, capsys) -> None:
    out, rows = run(break_even, "break_even", tmp_path, monkeypatch, capsys, figure=False)
    assert "±" in out
    exact = {row["case"]: row["ours"] for row in rows if row["quantity"] == "exact"}
    # 8 bits over T a: 8 / (4 x 12), and 4 bits over 8 x 32.
    assert exact["events, 12 bit, T=4, 8 bit dense"] == pytest.approx(8 / 48)
    assert exact["a 32-bit packet a spike, T=8, 4 bit dense"] == pytest.approx(4 / 256)
    assert "All three agree in 72 of 72 cells" in out


def test_language_models(tmp_path, monkeypatch, capsys) -> None:
    out, rows = run(language_models, "language_models", tmp_path, monkeypatch, capsys)
    assert "all modelled" in out
    bits = {row["case"]: row for row in rows if row["quantity"] == "energy of a token"}
    hybrid = bits[f"rwkv4_7b, 64 dies, board SerDes, {language_systems.GAPS}"]
    assert hybrid["peer"] == language_systems.DENSE_GATHERED
    assert hybrid["ratio"] < 1
    assert any("8 H100, int8" in case for case in bits)


def test_drawn_rates_that_disagree_with_the_expectation_are_told() -> None:
    cell = break_even.Cell("line", 4, 8, 0.1, 0.1, 0.2, 0.01)
    assert not cell.agrees()
    assert not break_even.Cell("line", 4, 8, "always", "always", "never", 0.0).agrees()
    assert break_even.Cell("line", 4, 8, 0.1, 0.1, 0.12, 0.01).agrees()
