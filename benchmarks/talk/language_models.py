"""A 7 B RWKV and a 70 B Llama on 64 to 1,024 dies, dense and hybrid, beside H100 systems.

One token of one sequence at a time, with a context of 4,096 tokens for Llama, weights and values
of 8 bits on the dies. The package is the shipped one of a thousand dies in smaller grids, each
stage has 64 dies, and memory dies hold what does not fit. Everything is modelled, by
`chipletsim.deploy` and `chipletsim.dense_system`; nothing is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.harness import Row
from benchmarks.talk.language_systems import (
    DENSE_GATHERED,
    DENSE_SUMS,
    GAPS,
    GAPS_SUMS,
    PACKETS,
    RATE,
    STEPS,
    Line,
    lines,
)
from benchmarks.talk.output import arguments, factor, show
from chipletsim.tables import si, table


def shown(found: Sequence[Line], model: str) -> Table:
    """Return the lines of a model as a table."""
    rows = [
        (
            each.system,
            each.version,
            si(each.boundary_bits, "bit"),
            "" if each.sum_bits is None else si(each.sum_bits, "bit"),
            "" if each.value_bits is None else si(each.value_bits, "bit"),
            si(each.energy_j, "J"),
            si(each.idle_j, "J") if each.idle_j else "",
            si(each.latency_s, "s"),
            each.bound_by,
        )
        for each in found
        if each.model == model
    ]
    columns = (
        "system", "version", "dearest boundary", "partial sums, all", "values, spikes, all",
        "energy/token", "of it idle", "time/token", "most time in",
    )  # fmt: skip
    title = (
        f"{model}, one token: all modelled; spikes T = {STEPS}, r = {RATE}; weights 8 bit on dies"
    )
    return table(title, columns, rows)


def findings(found: Sequence[Line]) -> list[str]:
    """Return what spikes change on each system, and how devices compare."""
    said = []
    for model in dict.fromkeys(each.model for each in found):
        mine = [each for each in found if each.model == model]
        systems = dict.fromkeys(each.system for each in mine if each.sum_bits is not None)
        for system in systems:
            said.append(_on_system(system, {e.version: e for e in mine if e.system == system}))
        said.append(_beside_devices(model, mine))
    return said


def _beside_devices(model: str, mine: Sequence[Line]) -> str:
    die = min((each for each in mine if each.sum_bits is not None), key=_energy)
    device = min((each for each in mine if each.sum_bits is None), key=_energy)
    dynamic_j = device.energy_j - device.idle_j
    return (
        f"{model}: least energy of a token on dies {si(die.energy_j, 'J')} ({die.system}, "
        f"{die.version}; {si(die.latency_s, 's')}), on devices {si(device.energy_j, 'J')} "
        f"({device.system}, {device.version}; {si(device.latency_s, 's')}), which is "
        f"{factor(device.energy_j / die.energy_j)} as much, and "
        f"{factor(dynamic_j / die.energy_j)} without idle power, which dies do not state."
    )


def _energy(line: Line) -> float:
    return line.energy_j


def _on_system(system: str, by_version: dict[str, Line]) -> str:
    dense, gaps = by_version[DENSE_GATHERED], by_version[GAPS]
    text = (
        f"{dense.model} on {system}, inputs gathered: spikes move "
        f"{factor(dense.value_bits / gaps.value_bits if gaps.value_bits else 1)} fewer bits of "  # type: ignore[operator]
        f"values as gaps of all steps in a message; energy gain "
        f"{factor(dense.energy_j / gaps.energy_j)}, latency gain "
        f"{factor(dense.latency_s / gaps.latency_s)}"
    )
    if PACKETS in by_version:
        packets, summed, dense_summed = (
            by_version[each] for each in (PACKETS, GAPS_SUMS, DENSE_SUMS)
        )
        text += (
            f"; a packet a spike, step by step, {factor(dense.energy_j / packets.energy_j)} and "
            f"{factor(dense.latency_s / packets.latency_s)}. With sums reduced, sums are "
            f"{si(summed.sum_bits or 0.0, 'bit')} beside {si(summed.value_bits or 0.0, 'bit')} of "
            f"values and spikes (dense {si(dense_summed.value_bits or 0.0, 'bit')}; "
            f"{si(dense.value_bits or 0.0, 'bit')} with inputs gathered), and spikes gain "
            f"{factor(dense_summed.energy_j / summed.energy_j)} and "
            f"{factor(dense_summed.latency_s / summed.latency_s)}"
        )
    return f"{text}."


def rows(found: Sequence[Line]) -> list[Row]:
    """Return figures of a token, each hybrid one beside the dense one of its kind."""
    every = {each.name: each for each in found}
    made = []
    for each in found:
        peer = None
        if each.version.startswith("hybrid"):
            dense = DENSE_SUMS if each.version.endswith("sums reduced") else DENSE_GATHERED
            peer = every[f"{each.model}, {each.system}, {dense}"]
        for quantity, unit, field in (
            ("bits over the dearest boundary", "bit", "boundary_bits"),
            ("energy of a token", "J", "energy_j"),
            ("time of a token", "s", "latency_s"),
        ):
            theirs = None if peer is None else float(getattr(peer, field))
            made.append(
                Row(each.name, quantity, unit, float(getattr(each, field)),
                    None if peer is None else peer.version, theirs)
            )  # fmt: skip
    return made


def main() -> None:
    """Run the command."""
    chosen = arguments("language_models", __doc__)
    found = lines(quick=chosen.quick)
    models = dict.fromkeys(each.model for each in found)
    show(
        "talk.language_models",
        [shown(found, model) for model in models],
        findings(found),
        rows(found),
        chosen.json,
    )
    if chosen.figure is not None:
        from benchmarks.talk.language_figure import draw

        draw(found, chosen.figure)


if __name__ == "__main__":
    main()
