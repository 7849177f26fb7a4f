"""Die-to-die links: what UCIe, BoW and an off-package SerDes change, and what full frames save.

A trained network on handwritten digits (``experiments/mnist``: four dies, 202,464 synapses), and a
balanced random recurrent network of 100,000 LIF neurons with 100 synapses each on the first dies of
``packages/sixty_four_chiplets``. All links between dies are of one preset; everything else stays.
Spikes are simulated once for a network, and it is placed once, for all links.

Links send frames of 64 B of payload in 68 B, which are UCIe's; on BoW and SerDes, whose presets
have none, they are an assumption, so that like is compared with like:

* `own frame`: each packet takes a frame (flits of 64 B); nothing is gathered.
* `shared`: a frame leaves as soon as the link is free, with what has come by then.
* `wait`: the first packet of a frame waits for others for up to 1 us (digits) or 100 ns.
* `no frames`: the presets of BoW and SerDes as they are.

Digits are timed by `bound`, `queue` and `cycle`, the recurrent network by the first two: `cycle`
alone had not ended on it after six minutes of processor time.

Under `bound` all but the last frame of a step are full, with or without a wait. `bits` are on the
wires between dies, whole frames: what an open frame lacks is in them and in the energy under
`queue` and `cycle`, which know when frames leave; `full frames = 1` is over the bits of `shared`
under `bound`. `share` is that of links between dies in all
energy, static energy included.

    python -m benchmarks.die_to_die [--quick] [--json FILE] [--figure FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

import chipletsim as cs
from benchmarks.engine import lif, random_spikes, random_synapses
from benchmarks.harness import Row, machine, write
from chipletsim.cost.price import price_many
from chipletsim.cost.result import Result
from chipletsim.engine.activity import Activity
from chipletsim.inputs.make import make_inputs
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network, Population, Projection
from chipletsim.spec.load import Loaded
from chipletsim.stages import load_experiment, make_network
from chipletsim.tables import si, table

CONFIGS = Path(__file__).parents[1] / "configs"
LINKS = {
    "UCIe standard": "links/ucie_standard",
    "UCIe advanced": "links/ucie_advanced",
    "BoW": "links/bow",
    "SerDes": "links/serdes_off_package",
}
FRAME = {"payload": "64 B", "total": "68 B"}
OWN, SHARED, WAIT, NONE = "own frame", "shared", "wait", "no frames"
WAITS = {"digits": "1 us", "recurrent": "100 ns"}
PER = {"digits": "inference", "recurrent": "step"}
UNFRAMED = ("BoW", "SerDes")


class Case(NamedTuple):
    """A network on a package under a timing model.

    Attributes:
        network: ``digits`` or ``recurrent``.
        link: Name of the link.
        frames: How packets share frames.
        timing: Timing model.
        per: What figures are of: ``inference`` or ``step``.
        energy_j: Energy.
        latency_s: Latency.
        bits: On the wires between dies, whole frames.
        padding_bits: Of them, what frames lacked.
        share: Of links between dies in the energy.
    """

    network: str
    link: str
    frames: str
    timing: str
    per: str
    energy_j: float
    latency_s: float
    bits: float
    padding_bits: float
    share: float

    @property
    def link_energy_j(self) -> float:
        """Energy of links between dies."""
        return self.share * self.energy_j


def cases(*, quick: bool) -> Iterator[Case]:
    """Return all cases, one after the other."""
    yield from digits(20 if quick else 200)
    yield from recurrent(*((20_000, 50, 5) if quick else (100_000, 100, 10)))


def digits(samples: int) -> Iterator[Case]:
    """Price the trained network on handwritten digits."""
    experiment = load_experiment("experiments/mnist", [f"inputs.samples={samples}"])
    network = make_network(experiment)
    events = make_inputs(experiment, network).events
    mapping = cs.map_network(network, cs.load_package("packages/four_dies"), **_placing(experiment))
    activity = cs.simulate(network, events, mapping=mapping)
    for timing in ("bound", "queue", "cycle"):
        yield from priced("digits", activity, mapping, timing, samples)


def recurrent(neurons: int, fan_out: int, steps: int) -> Iterator[Case]:
    """Price a large random network."""
    network = random_network(neurons, fan_out)
    package = cs.load_package("packages/sixty_four_chiplets")
    mapping = cs.map_network(network, package, strategy="sequential")
    activity = cs.simulate(network, random_spikes(network, 1, steps), mapping=mapping)
    for timing in ("bound", "queue"):
        yield from priced("recurrent", activity, mapping, timing, steps)


def priced(
    network: str, activity: Activity, mapping: Mapping, timing: str, count: int
) -> Iterator[Case]:
    """Price an activity on all variants of its package, which share what they can."""
    variants = [
        each
        for each in packages(mapping.package.name, network)
        if not (timing == "bound" and each[1] == WAIT)
    ]
    results = price_many(activity, mapping, [each[2] for each in variants], timing=timing)
    for (link, frames, _), result in zip(variants, results, strict=True):
        yield case(network, link, frames, result, count)


def packages(name: str, network: str) -> Iterator[tuple[str, str, Any]]:
    """Return link, frames and package of all variants of a shipped package."""
    content = yaml.safe_load((CONFIGS / "packages" / f"{name}.yaml").read_text())
    for link, preset in LINKS.items():
        variants: dict[str, dict[str, Any]] = {
            OWN: {"flit": FRAME["payload"], "frame": FRAME},
            SHARED: {"frame": FRAME},
            WAIT: {"frame": {**FRAME, "wait": WAITS[network]}},
        }
        if link in UNFRAMED:
            variants[NONE] = {}
        for frames, changes in variants.items():
            chosen = {"use": preset, **changes}
            own = {key: chosen for key in ("link", "link_vertical") if key in content["network"]}
            yield (
                link,
                frames,
                cs.load_package({**content, "network": {**content["network"], **own}}),
            )


def case(network: str, link: str, frames: str, result: Result, count: int) -> Case:
    """Return the figures of a result, each divided by a count of inferences or steps."""
    per = PER[network]
    figures = result.metrics()
    uses, package = result.link_uses, result.mapping.package
    between = np.array([each.between_dies for each in package.links])
    padding = 0.0 if uses is None else float(uses.padding_bits[between].sum())
    crossing = figures["energy_die_to_die_links_j"]
    latency_s = float(result.latency_s.sum())
    return Case(
        network, link, frames, result.timing, per, result.energy.total_j / count,
        latency_s / count, (result.events.wire_bits_across_dies + padding) / count,
        padding / count, crossing / result.energy.total_j,
    )  # fmt: skip


def random_network(neurons: int, fan_out: int) -> Network:
    """Return LIF neurons, four fifths of them excitatory, and 1,000 input channels.

    A neuron's synapses go to random neurons; inhibitory ones are eight times as strong.
    """
    rng = np.random.default_rng(0)
    inhibitory = neurons * fan_out // 5
    inner = random_synapses(
        rng, neurons, neurons, fan_out, largest=12 / fan_out, inhibitory=inhibitory
    )
    driving = random_synapses(rng, 1000, neurons, neurons // 50, largest=0.9)
    return Network(
        "recurrent",
        (Population("drive", (1000,), "input"), lif("neurons", (neurons,))),
        (
            Projection("in", "drive", "neurons", driving),
            Projection("inner", "neurons", "neurons", inner, delay=1),
        ),
        1e-3,
    )


def _placing(experiment: Loaded[Any]) -> dict[str, Any]:
    spec = experiment.spec.mapping
    return {"strategy": spec.strategy, "seed": spec.seed, "place": spec.place}


def rows(quick: bool) -> list[Row]:
    """Return the rows."""
    return [row for each in cases(quick=quick) for row in case_rows(each)]


def case_rows(found: Case) -> list[Row]:
    """Return the figures of a case as rows."""
    name = f"{found.network}, {found.link}, {found.frames}, {found.timing}"
    return [
        Row(name, f"energy per {found.per}", "J", found.energy_j),
        Row(name, f"latency per {found.per}", "s", found.latency_s),
        Row(name, f"bits between dies per {found.per}", "bit", found.bits),
        Row(name, f"of them in unfilled frames per {found.per}", "bit", found.padding_bits),
        Row(name, "share of links between dies in the energy", "1", found.share),
    ]


def shown(found: list[Case], network: str) -> Table:
    """Return the table of a network."""
    own = [each for each in found if each.network == network]
    full = {each.link: each.bits for each in own if (each.timing, each.frames) == ("bound", SHARED)}
    head = ["link", "frames", "timing", "energy", "links between dies", "share", "latency",
            "bits between dies", "full frames = 1"]  # fmt: skip
    lines = [
        [
            each.link,
            each.frames,
            each.timing,
            si(each.energy_j, "J"),
            si(each.link_energy_j, "J"),
            f"{each.share:.1%}",
            si(each.latency_s, "s"),
            si(each.bits, "bit"),
            f"{each.bits / full[each.link]:.2f}",
        ]
        for each in own
    ]
    return table(f"{network}, per {own[0].per}", head, lines)


def draw(found: list[Case], path: Path) -> None:
    """Draw energy of links between dies and latency, by link and use of frames, under `queue`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    axes: Any = figure.subplots(2, 2)
    for row, network in zip(axes, WAITS, strict=True):
        chosen = [each for each in found if (each.network, each.timing) == (network, "queue")]
        per = chosen[0].per
        values = (
            ("link_energy_j", 1e9, f"links between dies, nJ per {per}"),
            ("latency_s", 1e6, f"latency, us per {per}"),
        )
        for axis, (name, factor, label) in zip(row, values, strict=True):
            for place, frames in enumerate((OWN, SHARED, WAIT, NONE)):
                bars = [each for each in chosen if each.frames == frames]
                at = [list(LINKS).index(each.link) + 0.2 * place - 0.3 for each in bars]
                axis.bar(at, [getattr(each, name) * factor for each in bars], 0.2, label=frames)
            axis.set_xticks(range(len(LINKS)), list(LINKS))
            axis.set_ylabel(label)
            axis.set_title(network)
        row[0].set_yscale("log")
    axes[0][0].legend()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Print the tables; write rows and figure where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.die_to_die")
    parser.add_argument("--quick", action="store_true", help="small networks, in a minute or two")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw to FILE")
    given = parser.parse_args()
    found = list(cases(quick=given.quick))
    for network in WAITS:
        Console(width=None if Console().is_terminal else 130).print(shown(found, network))
    if given.json:
        every = [row for each in found for row in case_rows(each)]
        write("die_to_die", every, given.json, machine())
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
