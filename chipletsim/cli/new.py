"""``chipletsim new``: a commented experiment that runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from chipletsim.cli.options import Force, Out, example
from chipletsim.cli.output import line, note
from chipletsim.errors import UsageError

STARTER = "experiments/starter"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=example("chipletsim new my_first", "chipletsim run my_first.yaml"))(new)


def new(name: Name, out: Out = None, force: Force = False) -> None:
    """Write a commented experiment.

    NAME.yaml holds a small network on two dies, runs as it stands, and explains itself.
    """
    from chipletsim.spec.resolve import shipped_configs

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise UsageError(f"{name!r} is no name; use letters, digits, `_`, `-` and `.`")
    path = (out or Path()) / f"{name.removesuffix('.yaml')}.yaml"
    if path.exists() and not force:
        raise UsageError(f"{path} exists; --force writes over it")
    text = (shipped_configs() / f"{STARTER}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^name: .*$", f'name: "{path.stem}"', text, count=1, flags=re.MULTILINE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    line(str(path))
    note(f"next: chipletsim run {path}")
