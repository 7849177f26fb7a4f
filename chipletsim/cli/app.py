"""The commands of the program ``chipletsim``."""

from __future__ import annotations

from typing import Annotated

import typer

from chipletsim.cli import (
    baseline,
    codecs,
    compare,
    deploy,
    doctor,
    encode,
    import_,
    new,
    run,
    show,
    sweep,
    train,
    validate,
    winner,
)
from chipletsim.cli import list as list_
from chipletsim.cli import map as map_
from chipletsim.cli.options import example
from chipletsim.cli.output import line

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
for command in (
    run,
    validate,
    show,
    map_,
    codecs,
    encode,
    compare,
    deploy,
    baseline,
    winner,
    sweep,
    train,
    import_,
    list_,
    new,
    doctor,
):
    command.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        import chipletsim

        line(f"chipletsim {chipletsim.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass
