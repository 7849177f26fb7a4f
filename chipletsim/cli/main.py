"""The program ``chipletsim``: its commands, and what becomes of failures."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from chipletsim.cli import compare, doctor, new, run, show, sweep, validate
from chipletsim.cli import list as list_
from chipletsim.cli import map as map_
from chipletsim.cli.options import example
from chipletsim.cli.output import line, note
from chipletsim.errors import ChipletsimError, UsageError

INTERRUPTED = 130

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
for command in (run, validate, show, map_, compare, sweep, list_, new, doctor):
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


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: Words after the program's name; those of the process if left out.
    """
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    try:
        app(words, prog_name="chipletsim")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        if isinstance(ended.__context__, BrokenPipeError):
            code = 0  # the reader, such as `head`, has seen enough
    except ChipletsimError as error:
        note(f"error: {error}")
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if os.environ.get("CHIPLETSIM_DEBUG"):
            raise
        code = _unexpected(error)
    if code == INTERRUPTED:
        note("interrupted")
    return code


def _unexpected(error: Exception) -> int:
    """Say what went wrong that chipletsim did not foresee, and return the exit code."""
    if isinstance(error, OSError):
        note(f"error: {error.filename or 'a file'}: {error.strerror or error}")
        return UsageError.exit_code
    if isinstance(error, MemoryError) or str(error).startswith("RESOURCE_EXHAUSTED"):
        note(
            f"error: not enough memory for this many neurons, samples or steps: {_one_line(error)}"
        )
        return UsageError.exit_code
    note(f"internal error: {_one_line(error)}")
    note("This is a bug; CHIPLETSIM_DEBUG=1 in the environment shows where it is.")
    return 1


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def main() -> None:
    """Run the command line of this process."""
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()  # if closed
    code = execute()
    if code == INTERRUPTED and "multiprocessing.synchronize" not in sys.modules:
        # Threads of XLA may still compute, and crash while the interpreter is torn down.
        # (Where other processes compute, it has no such threads, but locks to release.)
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
