"""``chipletsim winner``: where spikes beat dense activations across one boundary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chipletsim.cli.options import Json, Set, example, texts
from chipletsim.cli.output import note, show, show_json
from chipletsim.errors import UsageError

if TYPE_CHECKING:
    from chipletsim.baseline.winner import Winner

Link = Annotated[str, typer.Option("--link", metavar="LINK", help="Name or file of a link.")]
Codec = Annotated[
    str, typer.Option("--codec", metavar="KIND", help="Codec of spikes, such as bitmap.")
]
Activations = Annotated[
    int, typer.Option("--activations", min=1, help="Activations that cross the boundary.")
]
DenseBits = Annotated[
    int, typer.Option("--dense-bits", min=1, max=64, help="Bits of a dense activation.")
]
Encode = Annotated[
    str, typer.Option("--encode", metavar="ENERGY", help="Encoder: one neuron in one step.")
]
Barrier = Annotated[
    str, typer.Option("--barrier", metavar="TIME", help="Held after each step of spikes.")
]
Flush = Annotated[bool, typer.Option("--flush", help="Each step ends its last frame.")]
StepCounts = Annotated[
    list[int] | None, typer.Option("--steps", min=1, help="Time steps T; may be repeated.")
]
Rates = Annotated[
    list[float] | None,
    typer.Option("--rate", min=0.0, max=1.0, help="Spikes per neuron and step; may be repeated."),
]
Figure = Annotated[
    Path | None, typer.Option("--figure", metavar="PNG", help="Draw the break-even to a file.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "winner",
        epilog=example(
            "chipletsim winner --link ucie_standard --steps 4 --rate 0.05",
            "chipletsim winner --codec bitmap --encode '4 pJ/op' --figure break_even.png",
        ),
    )(winner)


def winner(
    *,
    link: Link = "ucie_standard",
    codec: Codec = "address_events",
    activations: Activations = 4096,
    dense_bits: DenseBits = 8,
    encode: Encode = "0.5 pJ/op",
    barrier: Barrier = "0 s",
    flush: Flush = False,
    steps: StepCounts = None,
    rates: Rates = None,
    overrides: Set = None,
    figure: Figure = None,
    as_json: Json = False,
) -> None:
    """Say where spikes beat dense activations.

    For one boundary: the rates below which spikes save bits and energy, and which win in
    time. `--set` changes a detail, such as `--set codec.address='16 bit'`.
    """
    from chipletsim.baseline import winner as room

    contents = {
        "activations": activations,
        "dense_bits": dense_bits,
        "link": {"use": link if "/" in link or link.endswith(".yaml") else f"links/{link}"},
        "codec": _codec(codec, activations),
        "conversion": {"energy_per_update": encode},
        "barrier": barrier,
        "flush": flush,
    }
    found = room.winner(
        contents,
        steps=steps or room.STEPS,
        rates=rates or room.RATES,
        overrides=texts(overrides),
    )
    if figure is not None:
        _draw(found, figure)
    if as_json:
        show_json(found.to_dict())
    else:
        show(found)


def _codec(kind: str, activations: int) -> dict[str, Any]:
    """Return a codec with the widths that it needs.

    Raises:
        UsageError: There is no such codec of spikes.
    """
    from difflib import get_close_matches

    from chipletsim.codecs import SPIKE_CODECS

    widths: dict[str, dict[str, Any]] = {
        "address_events": {"address": f"{max((activations - 1).bit_length(), 1)} bit"},
        "address_packets": {"packet": "32 bit"},
        "blocked_bitmap": {"block": 32},
    }
    if kind not in SPIKE_CODECS:
        close = get_close_matches(kind, SPIKE_CODECS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"there is no codec of spikes {kind!r}{hint}; there are: {', '.join(SPIKE_CODECS)}"
        )
    return {"kind": kind, **widths.get(kind, {})}


def _draw(found: Winner, path: Path) -> None:
    """Write the figure.

    Raises:
        UsageError: matplotlib is missing, or there is no such folder.
    """
    from chipletsim.baseline.crossing import payload_energy_j_per_bit
    from chipletsim.report.figures import (
        PIP_LINE,
        WinnerCurves,
        figures_available,
        write_winner_figure,
    )

    if not figures_available():
        raise UsageError(f"a figure needs matplotlib; {PIP_LINE}")
    if found.rates.size < 2:
        raise UsageError("a figure needs at least two rates; leave --rate out or repeat it")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder; --figure takes the PNG file to write")
    limits = zip(found.steps, found.break_even_rates, strict=True)
    curves = WinnerCurves(
        rates=found.rates,
        least_j_per_bit=dict(zip(found.steps, found.least_link_energy_j_per_bit, strict=True)),
        bit_limits={steps: rate for steps, rate in limits if isinstance(rate, float)},
        link_j_per_bit=payload_energy_j_per_bit(found.boundary.link),
    )
    name = f"{found.boundary.codec.kind} against {found.boundary.dense_bits} bit"
    write_winner_figure(path, name, curves)
    note(f"figure written: {path}")
