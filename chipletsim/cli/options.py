"""The flags, which mean the same on every command that has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from chipletsim.cli.compiled import keep_compiled_programs
from chipletsim.errors import UsageError

Config = Annotated[
    str, typer.Argument(metavar="FILE", help="A file, or the name of a shipped one.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set a dotted path, after presets; may be repeated."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="PATH", help="Where results are written.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of everything random in the file.")
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Time steps per sample.")]
Timing = Annotated[
    str | None,
    typer.Option("--timing", metavar="MODEL", help="Timing model: auto, bound, queue, cycle, ..."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")]
Force = Annotated[bool, typer.Option("--force", help="Write over what is already there.")]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="cpu|gpu|tpu", help="Where JAX computes; its choice if not given."
    ),
]


def example(*lines: str) -> str:
    """Return the last part of a command's help: examples, a line each."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def use_device(name: str | None) -> None:
    """Make JAX compute on the first device of a platform, and keep what it compiles.

    Raises:
        UsageError: JAX has no such platform here.
    """
    keep_compiled_programs()
    if name is None:
        return
    import jax

    try:
        jax.config.update("jax_default_device", jax.devices(name)[0])
    except RuntimeError:
        found = ", ".join(sorted({device.platform for device in jax.devices()}))
        raise UsageError(f"JAX has no {name!r} device here; it has: {found}") from None


def texts(values: Sequence[str] | None) -> list[str]:
    """Return the values of a flag that may be repeated."""
    return list(values or ())


def settings(
    overrides: Sequence[str] | None, timing: str | None, section: str | None = None
) -> list[str]:
    """Return what is set in a file: by ``--set``, and by ``--timing``.

    Args:
        overrides: Of ``--set``.
        timing: Of ``--timing``.
        section: That of the file which has the timing; the file itself if left out.
    """
    key = f"{section}.timing" if section else "timing"
    return [*texts(overrides), *([f"{key}={timing}"] if timing else [])]
