"""The commands of the program ``chipletsim``.

A module for each; only that of the command asked for is imported, unless help lists them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from chipletsim.cli.options import example
from chipletsim.cli.output import line

COMMANDS = {
    "run": "run",
    "validate": "validate",
    "show": "show",
    "map": "map",
    "codecs": "codecs",
    "encode": "encode",
    "compare": "compare",
    "deploy": "deploy",
    "baseline": "baseline",
    "winner": "winner",
    "sweep": "sweep",
    "train": "train",
    "noc": "noc",
    "import": "import_",
    "list": "list",
    "new": "new",
    "doctor": "doctor",
}
"""Command to its module in this folder, in the order of the help."""


def program(words: Sequence[str]) -> typer.Typer:
    """Return the program with the command that a command line begins with, or with all.

    Args:
        words: Words after the program's name.
    """
    app = typer.Typer(
        name="chipletsim",
        help="Simulate spiking neural networks on packages of chiplets.",
        epilog=example("chipletsim run experiments/mnist", "chipletsim new my_first"),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_top)
    asked = [word for word in words[:1] if word in COMMANDS]
    for name in asked or COMMANDS:
        import_module(f"chipletsim.cli.{COMMANDS[name]}").register(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        import chipletsim

        line(f"chipletsim {chipletsim.__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass
