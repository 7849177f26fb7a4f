"""Digits on two dies: accuracy against the bits that cross, for values and for spikes.

    python -m benchmarks.talk.digits [--quick] [--json FILE] [--figure FILE] [--write-configs]

Networks of one shape (see `benchmarks.talk.digit_networks`) are trained alike on 4,000 MNIST
images and judged on 1,000 held-out ones: dense ones that send values of 8 bits or fewer, hybrid
ones that send them as spikes, and one of spiking neurons alone; with and without the bits
across dies in the loss. Counted are payload bits in every codec, and bits on the wire of a UCIe
link that sends messages of the best one, in whole frames of 68 B after each step.

`--write-configs` keeps the dense network of 8 bits as ``configs/networks/mnist_dense.yaml``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.harness import Row
from benchmarks.talk.digit_findings import Point, findings
from benchmarks.talk.digit_networks import (
    LATENCY,
    RATE,
    dense_network,
    hybrid_network,
    spiking_network,
)
from benchmarks.talk.digit_report import points_table, write_json, write_points_figure
from benchmarks.talk.digit_training import QUICK, Budget, train_and_judge
from chipletsim.codecs import fair_bits
from chipletsim.network.model import Network
from chipletsim.network.save import save_network

NETWORK_FILE = Path(__file__).parents[2] / "configs" / "networks" / "mnist_dense.yaml"
REFERENCE = "dense 8 bit"
VALUE_WEIGHTS = (0.0, 3e-3, 1e-2, 3e-2)
SPIKE_WEIGHTS = (0.0, 3e-4, 1e-3, 3e-3)
SINGLE_WEIGHTS = (0.0, 1e-3, 3e-3, 1e-2)
"""Loss per event where a neuron sends one at most."""
WIDTH = 160
EPILOGUE = (
    "weight: loss per event across the boundary; rate: events (spikes, or values other than 0) per"
    " neuron and step; payload: bits of the best code that links have; wire: bits of whole 68 B"
    " frames, each step ending one; all per inference, means over held-out images"
)


@dataclass(frozen=True)
class Case:
    """A network to train.

    Attributes:
        name: What it is called in tables.
        family: What it has in common with others.
        steps: Steps of an inference.
        build: Makes the network at the start, given a seed.
        event_weights: Loss per event across the boundary.
    """

    name: str
    family: str
    steps: int
    build: Callable[..., Network]
    event_weights: tuple[float, ...] = (0.0,)


def cases(quick: bool) -> Iterator[Case]:
    """Yield the networks, the reference first."""
    yield Case(REFERENCE, "dense", 1, partial(dense_network, 8))
    widths = sorted({fair_bits(steps) for steps in _steps(quick)}, reverse=True)
    for bits in widths:
        weights = VALUE_WEIGHTS[:: 2 if quick else 1]
        yield Case(f"dense {bits} bit", "dense", 1, partial(dense_network, bits), weights)
    for steps in _steps(quick):
        weights = SPIKE_WEIGHTS if steps > 1 else SINGLE_WEIGHTS
        weights = weights[:: 2 if quick else 1]
        build = partial(hybrid_network, RATE, steps)
        yield Case(f"hybrid, rate, T={steps}", "hybrid, rate", steps, build, weights)
    if quick:
        return
    for steps in (4, 8):
        build = partial(hybrid_network, LATENCY, steps)
        name = f"hybrid, latency, T={steps}"
        yield Case(name, "hybrid, latency", steps, build, SINGLE_WEIGHTS)
    yield Case("spiking, T=8", "spiking", 8, partial(spiking_network, 8), (0.0, 1e-3))


def _steps(quick: bool) -> tuple[int, ...]:
    return (1,) if quick else (1, 2, 4, 8)


def measured(quick: bool, write_configs: bool) -> list[Point]:
    """Train all networks and return what they reach and send."""
    budget, found = QUICK if quick else Budget(), []
    with TemporaryDirectory() as folder:
        for case in cases(quick):
            network = case.build(seed=budget.seed)
            trained = train_and_judge(network, case.steps, case.event_weights, budget, Path(folder))
            for outcome in trained.outcomes:
                found.append(Point(case.name, case.family, case.steps, outcome, trained.step_s))
                print(_line(found[-1]), flush=True)
            if write_configs and case.name == REFERENCE:
                kept = replace(trained.outcomes[0].mapping.network, name="mnist_dense")
                save_network(kept, NETWORK_FILE)
    return found


def _line(point: Point) -> str:
    outcome = point.outcome
    return (
        f"{point.case}, weight {outcome.event_weight:g}: accuracy {outcome.accuracy:.1%}, "
        f"{outcome.payload:,.0f} bit as {outcome.best}, {outcome.wire:,.0f} on the wire"
    )


def rows(points: list[Point]) -> list[Row]:
    """Return the figures of all points; the peer is the dense network of 8 bits."""
    reference = next(each.outcome for each in points if each.case == REFERENCE)
    found = []
    for point in points:
        case, own = f"{point.case}, weight {point.outcome.event_weight:g}", point.outcome
        found += [
            Row(case, "accuracy", "1", own.accuracy, REFERENCE, reference.accuracy),
            Row(case, "events per neuron and step", "1", own.rate),
            Row(case, "bits on the wire", "bit", own.wire, f"{REFERENCE}, masked", reference.wire),
            Row(case, "training step", "s", point.step_s),
        ]
        dense = reference.codes["dense"]
        for code, bits in own.codes.items():
            found.append(Row(case, f"payload, {code}", "bit", bits, REFERENCE, dense))
    return found


def main() -> None:
    """Train, print, and write what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few images, epochs and networks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the points in FILE")
    parser.add_argument("--write-configs", action="store_true", help=f"write {NETWORK_FILE.name}")
    given = parser.parse_args()
    points = measured(given.quick, given.write_configs)
    console = Console(width=None if Console().is_terminal else WIDTH)
    console.print(points_table(points))
    console.print(EPILOGUE)
    for line in findings(points, REFERENCE):
        console.print(f"- {line}")
    if given.json:
        write_json(given.json, "talk.digits", rows(points))
    if given.figure:
        write_points_figure(given.figure, points, REFERENCE)


if __name__ == "__main__":
    main()
