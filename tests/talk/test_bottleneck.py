"""Bottlenecks: bits fall exactly as one over the ratio, from shapes written out by hand."""

from fractions import Fraction

import pytest

from benchmarks.talk import bottleneck
from benchmarks.talk.bottleneck import RATIOS, Cut, cut, cuts, findings, last_blocks
from benchmarks.talk.digit_training import Outcome
from chipletsim.models import build_model

# Channels and side of what leaves each stage, for images of 224 x 224.
STAGES = {
    "resnet18": [(64, 56), (128, 28), (256, 14), (512, 7)],
    "resnet34": [(64, 56), (128, 28), (256, 14), (512, 7)],
    "resnet50": [(256, 56), (512, 28), (1024, 14), (2048, 7)],
}


@pytest.fixture(scope="module")
def all_cuts():
    return list(cuts())


def test_bits_are_those_of_the_shapes_over_the_ratio(all_cuts):
    assert len(all_cuts) == 3 * 4 * 6
    for each in all_cuts:
        channels, side = STAGES[each.model][each.stage - 1]
        assert Fraction(channels * side * side * 8, each.ratio) == each.value_bits
        # 4 steps, 0.05 spikes a step, 12 bits each: 2.4 bits a neuron
        assert each.spike_bits == pytest.approx(2.4 * channels * side * side / each.ratio)


def test_a_ratio_that_does_not_divide_the_channels_is_no_cut():
    model = build_model("resnet18")
    with pytest.raises(AssertionError, match="3 does not divide 64 channels"):
        cut(model, 1, last_blocks(model)[0], 3)


def outcome(accuracy):
    return Outcome(0.0, accuracy, 0.5, {"dense": 4800.0}, "dense", 5440.0, 1000, None)


@pytest.mark.parametrize(
    ("shallow", "deeper", "said"),
    [
        ((0.97, 0.9, 0.8), (0.97, 0.95, 0.9), "this agrees with the trend"),
        ((0.97, 0.96, 0.95), (0.97, 0.95, 0.9), "this does not agree with the trend"),
        ((0.97, 0.96, 0.8), (0.97, 0.95, 0.9), "this agrees in part with the trend"),
    ],
)
def test_findings_follow_the_figures(all_cuts, shallow, deeper, said):
    outcomes = {
        name: dict(zip((1, 4, 24), map(outcome, accuracies), strict=True))
        for name, accuracies in (("shallow", shallow), ("deeper", deeper))
    }
    lines = findings(all_cuts, outcomes)
    assert "bits fall exactly as 1/k in all 72 cuts: yes" in lines
    assert said in lines[-1]
    assert "ratio 3.33" in lines[1]  # 8 / 2.4
    lost = f"{100 * (shallow[0] - shallow[1]):.1f} at k = 4"
    assert any(lost in line for line in lines)


def test_findings_see_bits_that_do_not_fall(all_cuts):
    wrong = [*all_cuts, Cut("resnet18", 1, 2, 1, 8, 2.4)]
    outcomes = {"shallow": {1: outcome(0.9)}}
    assert any(line.endswith("cuts: no") for line in findings(wrong, outcomes))


def test_rows_compare_with_no_bottleneck(all_cuts):
    by_case = {
        (row.case, row.quantity): row.ratio
        for row in bottleneck.rows(all_cuts, {"shallow": {1: outcome(0.9)}})
    }
    for ratio in RATIOS:
        assert by_case[f"resnet34 after stage 2, k = {ratio}", "values"] == 1 / ratio
