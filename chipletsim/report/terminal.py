"""The report of a run in the terminal, drawn from ``result.json`` alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.baseline.compare import Comparison
from chipletsim.cost.energy import DIE_TO_DIE, label
from chipletsim.report.interconnect import interconnect_report
from chipletsim.tables import si, table


def run_report(summary: Mapping[str, Any], folder: Path, *, reused: bool) -> RenderableType:
    """Return the report of a run.

    Args:
        summary: Contents of ``result.json``.
        folder: Folder of the run.
        reused: Whether the run was found rather than made.
    """
    parts: list[RenderableType] = [
        Text(head_line(summary), style="bold"),
        Text(),
        figures_table(summary),
        energy_table(summary["energy"]),
        latency_table(summary["latency"]),
    ]
    if summary["busiest_links"]:
        parts.append(links_table(summary))
    if told := summary.get("interconnect"):
        parts += [Text(), *interconnect_report(told, max(summary["samples"], 1))]
    if summary["comparison"]:
        parts += [Text(), Comparison.from_dict(summary["comparison"])]
    parts += [Text(), *_closing(summary, folder, reused)]
    return Group(*parts)


def head_line(summary: Mapping[str, Any]) -> str:
    """Return package and network in one line."""
    package, network = summary["package"], summary["network"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in package["tiles"].items())
    return (
        f"{package['name']}: {package['chiplets']} dies ({kinds}), "
        f"{package['links_between_dies']} die-to-die links; "
        f"{network['name']}: {network['populations']} populations, "
        f"{network['neurons']:,} neurons, {network['synapses']:,} synapses, "
        f"dt {si(network['dt_s'], 's')}"
    )


def figures_table(summary: Mapping[str, Any]) -> RenderableType:
    """Return accuracy and events per inference."""
    samples, events = max(summary["samples"], 1), summary["events"]

    def each(key: str) -> str:
        return f"{events[key] / samples:,.6g}"

    rows = [
        ("spikes", each("spikes")),
        ("synaptic operations", each("synaptic_operations")),
        ("packets sent", each("packets_injected")),
        ("packets received", each("packets_delivered")),
        ("bits on chip, on the wire", si(events["wire_bits_on_chip"] / samples, "bit")),
        ("bits across dies, on the wire", si(events["wire_bits_across_dies"] / samples, "bit")),
    ]
    if accuracy := summary["accuracy"]:
        right = f"{accuracy['correct']:,} of {accuracy['samples']:,}"
        ties = f", {accuracy['ties']} ties" if accuracy["ties"] else ""
        rows.insert(0, ("accuracy", f"{accuracy['value']:.2%} ({right}{ties})"))
    title = f"{summary['samples']:,} inferences of {summary['steps']:,} steps"
    return table(title, ("per inference", "value"), rows)


def energy_table(energy: Mapping[str, Any]) -> RenderableType:
    """Return energy by component with percentages; die-to-die links that cost nothing apart.

    Args:
        energy: Totals over all samples, as in ``result.json``.
    """
    total = energy["total_j"]
    samples = total / energy["per_inference_j"] if energy["per_inference_j"] else 1.0
    components = sorted(energy["by_component_j"].items(), key=lambda part: -part[1])
    shown = [(n, v) for n, v in components if v or not n.startswith(DIE_TO_DIE)]
    rows = [(label(name), si(value / samples, "J"), _share(value, total)) for name, value in shown]
    idle = len(components) - len(shown)
    if idle:
        rows.append((f"{idle} other die-to-die links", "0 J", "0.0%"))
    rows.append(("total", si(total / samples, "J"), _share(total, total)))
    return table("Energy", ("component", "per inference", "share"), rows)


def latency_table(latency: Mapping[str, Any]) -> RenderableType:
    """Return the latency of an inference as a sum, and what bounds it."""
    total = latency["per_inference_s"]
    shares = latency["share_of_hardware_steps"]
    rows = [
        (
            name,
            si(seconds, "s"),
            _share(seconds, total),
            f"{shares[name]:.1%}" if name in shares else "",
        )
        for name, seconds in latency["terms_s"].items()
    ]
    rows.append(("total", si(total, "s"), _share(total, total), ""))
    for worst in latency["bottlenecks"][:1]:
        share = _share(worst["per_inference_s"], total)
        rows.append((f"worst: {worst['name']}", si(worst["per_inference_s"], "s"), share, ""))
    title = f"Latency: {latency['hardware_steps']} hardware steps per inference"
    return table(title, ("term", "per inference", "share", "steps it bounds"), rows)


def links_table(summary: Mapping[str, Any]) -> RenderableType:
    """Return the busiest die-to-die links, or links where there is one die."""
    samples = max(summary["samples"], 1)
    links = summary["busiest_links"]
    rows = [
        (
            link["link"],
            f"{link['packets'] / samples:,.6g}",
            si(link["wire_bits"] / samples, "bit"),
            f"{link['utilisation']:.2%}",
            si(link["dynamic_energy_j"] / samples, "J"),
        )
        for link in links
    ]
    kind = "die-to-die links" if links[0]["between_dies"] else "links"
    columns = ("link", "packets", "bits on the wire", "busy", "energy")
    return table(f"Busiest {kind}, per inference", columns, rows)


def _share(value: float, total: float) -> str:
    return f"{value / total:.1%}" if total else "-"


def _closing(summary: Mapping[str, Any], folder: Path, reused: bool) -> list[Text]:
    """Return notes, doubts, what is left out, and where the files are."""
    lines = [Text(f"note: {note}") for note in summary["notes"]]
    lines += [Text(f"suspect: {doubt}", style="bold yellow") for doubt in summary["suspect"]]
    lines.append(Text(f"not modelled: {'; '.join(summary['not_modelled'])}", style="dim"))
    origin = "found from an earlier run (--force runs it again)" if reused else "written"
    lines.append(Text(f"files {origin}: {folder}"))
    return lines
