"""Dense, all-spiking and hybrid networks on a package of dies: where the hybrid one wins.

The claim is that of Nardone et al., arXiv 2501.08645. Models are placed once for each number of
dies, every layer on one die, by the deployment of chipletsim; all bits, energies and times are
modelled from firing rates, nothing is measured. See README.md in this folder.
"""

from __future__ import annotations

from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.grid import cases
from benchmarks.talk.limits import limit_rows, limit_table, limits
from benchmarks.talk.output import arguments, factor, show
from benchmarks.talk.prices import ASSUMED, LOIHI
from benchmarks.talk.sensitivity import Point, Tornado, tornado
from benchmarks.talk.summary import findings, rows, tables
from chipletsim.tables import table

SENSITIVE = (
    ("resnet50", 16, "board SerDes", Point()),
    ("resnet50", 64, "slow serial", Point(steps=1, width="32 bit")),
)
QUICK_SENSITIVE = (("resnet18", 16, "board SerDes", Point()),)
"""Model, dies, link and coding about which constants are changed; the first is drawn."""


def assumption_table() -> Table:
    """Return constants that no file of the package holds, with what is said of them."""
    names = {
        "accumulate_j": "add of an event",
        "encode_j": "converter, neuron and step",
        "decode_j": "converter, spike received",
        "barrier_s": "barrier after a layer and step",
    }
    found = [(names[key], each.shown, each.source) for key, each in ASSUMED.items()]
    loihi = f"{LOIHI.synaptic_j * 1e12:g} pJ/op, {LOIHI.update_j * 1e12:g} pJ/update"
    found.append(("Loihi 1 core", loihi, "Davies et al., IEEE Micro 2018, Table 2 (read second"
                  " hand); 3.5 and 8.4 ns, eight cores in the place of one"))  # fmt: skip
    title = "Constants besides those of hnn.yaml and the links, whose files name their sources"
    return table(title, ("constant", "value", "source"), found)


def tornado_table(found: Tornado) -> Table:
    """Return what each constant does, ratios at its two values."""
    names = ("energy / dense", "latency / dense", "energy / spiking", "latency / spiking")
    title = (
        f"Ratios other over hybrid as one constant changes: {found.case}; spiking on ideal cores"
    )
    base = ("as stated", *map(factor, found.base))
    changed = [
        (bar.name, *(f"{low:.3g} .. {high:.3g}x"
                     for low, high in zip(bar.low, bar.high, strict=True)))
        for bar in found.bars
    ]  # fmt: skip
    return table(title, ("constant and its two values", *names), [base, *changed])


def tornado_findings(found: Tornado) -> list[str]:
    """Return what decides, in words."""
    lost = [bar.name for bar in found.bars if min(bar.low[0], bar.high[0]) < 1]
    slower = [bar.name for bar in found.bars if min(bar.low[1], bar.high[1]) < 1]
    moved = [
        ", ".join(f"{bar.name} ({factor(bar.span(ratio))})"
                  for bar in sorted(found.bars, key=lambda bar: -bar.span(ratio))[:4])
        for ratio in (0, 1)
    ]  # fmt: skip
    return [
        f"{found.case}: the energy ratio to dense is moved most by {moved[0]}; the latency ratio "
        f"by {moved[1]}.",
        f"There, one value of these makes the hybrid version take more energy than dense: "
        f"{'; '.join(lost) or 'none'}; and more time: {'; '.join(slower) or 'none'}.",
    ]


def tornado_rows(found: Tornado) -> list[Row]:
    """Return all bars as rows: the ratio with a constant changed, beside that as stated."""
    names = ("energy, dense / hybrid", "latency, dense / hybrid", "energy, spiking / hybrid",
             "latency, spiking / hybrid")  # fmt: skip
    return [
        Row(
            f"{found.case}; {bar.name}: {end} value",
            name,
            "x",
            values[number],
            "as stated",
            found.base[number],
        )
        for bar in found.bars
        for end, values in (("first", bar.low), ("second", bar.high))
        for number, name in enumerate(names)
    ]


def main() -> None:
    """Run the command."""
    chosen = arguments("claim", __doc__)
    found, beyond = cases(quick=chosen.quick)
    changed = [tornado(*each) for each in (QUICK_SENSITIVE if chosen.quick else SENSITIVE)]
    conditions = limits()
    said = [*findings(found), *(line for each in changed for line in tornado_findings(each))]
    if beyond:
        said.append(f"Left out, as their weights do not fit the dies: {', '.join(beyond)}.")
    show(
        "talk.claim",
        [assumption_table(), limit_table(conditions), *tables(found), *map(tornado_table, changed)],
        said,
        [
            *limit_rows(conditions),
            *rows(found),
            *(row for each in changed for row in tornado_rows(each)),
        ],
        chosen.json,
    )
    if chosen.figure is not None:
        from benchmarks.talk.claim_figure import draw

        draw(found, changed[0], chosen.figure)


if __name__ == "__main__":
    main()
