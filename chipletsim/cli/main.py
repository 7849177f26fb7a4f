"""The program ``chipletsim``, and what becomes of failures."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from chipletsim.cli.output import note
from chipletsim.errors import ChipletsimError, UsageError

INTERRUPTED = 130
RETRY_S = 0.02
YOUNG_OBJECTS = 10_000
"""Objects made before they are searched for garbage, for which Python takes 700: imports make many
that all stay, and looking at them took a tenth of the time of a quick command."""
MOST_LINES = 50
"""Lines of an error that are printed; `validate --json` holds all problems."""


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: Words after the program's name; those of the process if left out.
    """
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    try:
        from chipletsim.cli.app import program  # here, so that Ctrl-C meanwhile is no traceback

        program(words)(words, prog_name="chipletsim")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        if isinstance(ended.__context__, BrokenPipeError):
            code = 0  # the reader, such as `head`, has seen enough
    except ChipletsimError as error:
        note(f"error: {_shortened(str(error))}")
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


def _shortened(text: str) -> str:
    """Return the first lines of a text, and how many more there are."""
    lines = text.split("\n")
    if len(lines) <= MOST_LINES:
        return text
    return "\n".join([*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES:,} more"])


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or try again soon from where it would get lost."""
    while frame is not None:
        if frame.f_code is _unraisable.__code__:
            _interrupt_again()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def _interrupt_again() -> None:
    """Send the signal to the main thread itself: another would not wake it from a wait."""
    main_thread = threading.main_thread().ident
    threading.Timer(RETRY_S, signal.pthread_kill, (main_thread, signal.SIGTERM)).start()


def _handle_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Handle the signals of a terminal and of a scheduler that end a process.

    Those that are ignored, as in the background of a shell, stay ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where an interrupt got lost, else say what Python would.

    Python drops exceptions out of callbacks of its garbage collector, and JAX has one.
    """
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _interrupt_again()
    else:
        sys.__unraisablehook__(lost)


def main() -> None:
    """Run the command line of this process."""
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()  # if closed
    sys.unraisablehook = _unraisable
    # Pydantic would look for plugins in the metadata of all packages, for a tenth of the start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(YOUNG_OBJECTS)
    _handle_signals(_interrupt)  # what is half-written is removed, what is done is kept
    code = execute()
    _handle_signals(signal.SIG_DFL)  # nothing is left to be done tidily
    if code == INTERRUPTED and "multiprocessing.synchronize" not in sys.modules:
        # Threads of XLA may still compute, and crash while the interpreter is torn down.
        # (Where other processes compute, it has no such threads, but locks to release.)
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
