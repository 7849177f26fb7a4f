"""Bottlenecks at a die boundary: bits and accuracy against the ratio of channels left out.

    python -m benchmarks.talk.bottleneck [--quick] [--json FILE] [--figure FILE]

A convolution in front of the boundary keeps one channel of k (R. Lin, R.-J. Zhu and J. Eshraghian,
Reducing data bottlenecks in distributed, heterogeneous neural networks, arXiv 2410.09650, 2024).
Bits: ResNet-18, 34 and 50 cut after each stage, with the counts of `chipletsim.models`, as values
of 8 bits and as spikes of 12-bit events in 4 steps at 0.05 spikes per neuron and step (expected
bits). Accuracy: a shallow and a deeper network that read digits on two dies, trained alike (see
`benchmarks.talk.digits`), the boundary convolution with 24 / k channels.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.digit_networks import BOUNDARY_CHANNELS, Shape, dense_network
from benchmarks.talk.digit_report import write_json
from benchmarks.talk.digit_training import QUICK, Budget, Outcome, train_and_judge
from chipletsim.codecs import AddressEvents
from chipletsim.models import build_model
from chipletsim.models.model import Model

MODELS = ("resnet18", "resnet34", "resnet50")
RATIOS = (1, 2, 4, 8, 16, 32)
VALUE_BITS = 8
STEPS, RATE = 4, 0.05
EVENTS = AddressEvents.model_validate({"address": "12 bit"})
TRAINED_RATIOS = (1, 4, 8, 24)
DEPTHS = {"shallow": Shape(), "deeper": Shape(extra=1)}
"""Two convolutions and two dense layers; one more 3 x 3 convolution on either die."""
BUDGET = Budget(epochs=6)


@dataclass(frozen=True)
class Cut:
    """What crosses a cut of a model for a bottleneck.

    Attributes:
        model: Name of the model.
        stage: Stage after which it is cut.
        ratio: Channels over those that cross.
        values: Values that cross per inference.
        value_bits: Bits of them as values.
        spike_bits: Expected bits of them as spikes.
    """

    model: str
    stage: int
    ratio: int
    values: int
    value_bits: int
    spike_bits: float


def cuts() -> Iterator[Cut]:
    """Yield the cuts of all models after each stage, for all ratios."""
    for name in MODELS:
        model = build_model(name)
        for stage, block in enumerate(last_blocks(model), 1):
            for ratio in RATIOS:
                yield cut(model, stage, block, ratio)


def last_blocks(model: Model) -> list[str]:
    """Return the last block of each stage, ``layer1`` to ``layer4``."""
    found: dict[str, str] = {}
    for block in model.blocks:
        if block.startswith("layer"):
            found[block.partition(".")[0]] = block
    return list(found.values())


def cut(model: Model, stage: int, block: str, ratio: int) -> Cut:
    """Return what crosses after a block whose channels a convolution divides by the ratio.

    Args:
        model: The model.
        stage: Number of the stage, for the table.
        block: Last block in front of the cut.
        ratio: Divides the channels of all that crosses.
    """
    values = 0
    for layer in model.crossing(block):
        channels, height, width = layer.outputs
        narrow, rest = divmod(channels, ratio)
        assert not rest, f"{ratio} does not divide {channels} channels"
        values += narrow * height * width
    spike_bits = values * EVENTS.expected_bits_per_neuron(STEPS, RATE)
    return Cut(model.name, stage, ratio, values, values * VALUE_BITS, spike_bits)


def trained(quick: bool) -> dict[str, dict[int, Outcome]]:
    """Return depth to ratio to what the digits network reaches and sends."""
    ratios = TRAINED_RATIOS[:: len(TRAINED_RATIOS) - 1] if quick else TRAINED_RATIOS
    depths = ("shallow",) if quick else tuple(DEPTHS)
    budget = QUICK if quick else BUDGET
    found: dict[str, dict[int, Outcome]] = {depth: {} for depth in depths}
    with TemporaryDirectory() as folder:
        for depth in depths:
            for ratio in ratios:
                shape = Shape(BOUNDARY_CHANNELS // ratio, DEPTHS[depth].extra)
                network = dense_network(VALUE_BITS, seed=budget.seed, shape=shape)
                made = Path(folder) / f"{depth}_{ratio}"
                made.mkdir()
                (outcome,) = train_and_judge(network, 1, (0.0,), budget, made).outcomes
                print(f"{depth}, ratio {ratio}: accuracy {outcome.accuracy:.1%}", flush=True)
                found[depth][ratio] = outcome
    return found


def cuts_table(found: list[Cut]) -> Table:
    """Return bits by model, stage and ratio."""
    table = Table(
        title="Bits across a cut per inference, by bottleneck ratio", title_justify="left"
    )
    for name in ("model", "after stage", "code"):
        table.add_column(name)
    for ratio in RATIOS:
        table.add_column(f"k = {ratio}", justify="right")
    by_place = {(each.model, each.stage, each.ratio): each for each in found}
    for model, stage in dict.fromkeys((each.model, each.stage) for each in found):
        own = [by_place[model, stage, ratio] for ratio in RATIOS]
        values = (f"{each.value_bits:,}" for each in own)
        spikes = (f"{each.spike_bits:,.0f}" for each in own)
        table.add_row(model, str(stage), f"{VALUE_BITS}-bit values", *values)
        table.add_row("", "", f"spikes, T={STEPS}, r={RATE}", *spikes)
    return table


def accuracy_table(outcomes: dict[str, dict[int, Outcome]]) -> Table:
    """Return accuracy and bits by depth and ratio."""
    table = Table(title="Digits: accuracy by bottleneck ratio", title_justify="left")
    table.add_column("network")
    for name in ("k", "channels", "bits, 8-bit values", "masked", "accuracy", "lost, points"):
        table.add_column(name, justify="right")
    for depth, by_ratio in outcomes.items():
        for ratio, own in by_ratio.items():
            codes = (f"{own.codes[name]:,.0f}" for name in ("dense", "masked"))
            lost = f"{100 * _lost(by_ratio, ratio):.1f}"
            channels = str(BOUNDARY_CHANNELS // ratio)
            table.add_row(depth, str(ratio), channels, *codes, f"{own.accuracy:.1%}", lost)
    return table


def findings(found: list[Cut], outcomes: dict[str, dict[int, Outcome]]) -> list[str]:
    """Return what the figures show, a sentence or two each."""
    whole = {(each.model, each.stage): each for each in found if each.ratio == 1}
    exact = all(
        each.value_bits * each.ratio == whole[each.model, each.stage].value_bits for each in found
    )
    spikes = VALUE_BITS / EVENTS.expected_bits_per_neuron(STEPS, RATE)
    lines = [
        f"bits fall exactly as 1/k in all {len(found)} cuts: {'yes' if exact else 'no'}",
        f"spikes at T={STEPS}, r={RATE} and {EVENTS.address_bits} bit save as much as a bottleneck"
        f" of ratio {spikes:.2f}, and on top of one: k = 8 with spikes takes 1/{8 * spikes:.1f} of"
        " the bits",
    ]
    for depth, by_ratio in outcomes.items():
        lost = ", ".join(
            f"{100 * _lost(by_ratio, ratio):.1f} at k = {ratio}" for ratio in by_ratio if ratio > 1
        )
        lines.append(f"{depth} network: {by_ratio[1].accuracy:.1%} at k = 1; points lost: {lost}")
    if len(outcomes) > 1:
        lines.append(_trend(outcomes))
    return lines


def _trend(outcomes: dict[str, dict[int, Outcome]]) -> str:
    """Return whether the shallow network loses more, ratio by ratio."""
    ratios = [ratio for ratio in outcomes["shallow"] if ratio > 1]
    more = [
        ratio
        for ratio in ratios
        if _lost(outcomes["shallow"], ratio) > _lost(outcomes["deeper"], ratio)
    ]
    agrees = {len(ratios): "agrees", 0: "does not agree"}.get(len(more), "agrees in part")
    listed = ", ".join(map(str, more)) or "none"
    return (
        f"the shallow network loses more than the deeper one at k = {listed} of"
        f" {', '.join(map(str, ratios))}: this {agrees} with the trend of the paper; one seed, and"
        " differences below about a point are within the noise of 1,000 images"
    )


def _lost(by_ratio: dict[int, Outcome], ratio: int) -> float:
    return by_ratio[1].accuracy - by_ratio[ratio].accuracy


def rows(found: list[Cut], outcomes: dict[str, dict[int, Outcome]]) -> list[Row]:
    """Return all figures; the peer is the same without a bottleneck."""
    whole = {(each.model, each.stage): each for each in found if each.ratio == 1}
    made = []
    for each in found:
        case = f"{each.model} after stage {each.stage}, k = {each.ratio}"
        peer = whole[each.model, each.stage]
        made.append(Row(case, "values", "bit", each.value_bits, "k = 1", peer.value_bits))
        made.append(Row(case, "spikes", "bit", each.spike_bits, "k = 1", peer.spike_bits))
    for depth, by_ratio in outcomes.items():
        for ratio, own in by_ratio.items():
            case, peer_bits = f"digits, {depth}, k = {ratio}", by_ratio[1].codes["dense"]
            accuracy = by_ratio[1].accuracy
            made.append(Row(case, "accuracy", "1", own.accuracy, "k = 1", accuracy))
            made.append(Row(case, "values", "bit", own.codes["dense"], "k = 1", peer_bits))
    return made


def write_figure(path: Path, found: list[Cut], outcomes: dict[str, dict[int, Outcome]]) -> None:
    """Draw bits of ResNet-50, and the accuracy on digits, against the ratio."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for stage in sorted({each.stage for each in found}):
        own = [each for each in found if (each.model, each.stage) == (MODELS[-1], stage)]
        ratios = [each.ratio for each in own]
        (line,) = left.plot(
            ratios, [each.value_bits for each in own], marker="o", label=f"stage {stage}, values"
        )
        bits = [each.spike_bits for each in own]
        left.plot(ratios, bits, "--", marker="s", color=line.get_color(), label="the same, spikes")
    left.set(xscale="log", yscale="log", xlabel="bottleneck ratio k", ylabel="bits per inference")
    left.set_title(f"{MODELS[-1]}, cut after each stage")
    left.legend(fontsize=7)
    for depth, by_ratio in outcomes.items():
        accuracy = [100 * each.accuracy for each in by_ratio.values()]
        right.plot(list(by_ratio), accuracy, marker="o", label=depth)
    right.set(xscale="log", xlabel="bottleneck ratio k", ylabel="held-out accuracy (%)")
    right.set_title("digits")
    right.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Count, train, print, and write what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few images, epochs and networks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the figures in FILE")
    given = parser.parse_args()
    found = list(cuts())
    console = Console(width=None if Console().is_terminal else 150)
    console.print(cuts_table(found))
    outcomes = trained(given.quick)
    console.print(accuracy_table(outcomes))
    for line in findings(found, outcomes):
        console.print(f"- {line}")
    if given.json:
        write_json(given.json, "talk.bottleneck", rows(found, outcomes))
    if given.figure:
        write_figure(given.figure, found, outcomes)


if __name__ == "__main__":
    main()
