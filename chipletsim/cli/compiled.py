"""Compiled programs kept on disk, so that the next run of a command need not compile them."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

FOLDER = "JAX_COMPILATION_CACHE_DIR"
"""Set by JAX's users to a folder of their own."""
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""Least severe reports that XLA prints."""
SIZE = 2**28
"""Bytes that are kept; what was not used for longest goes first."""


def keep_compiled_programs() -> None:
    """Have JAX keep what it compiles, in this process and in those that it starts.

    Nothing changes where the user has told JAX a folder, or where none can be written. To be
    called before JAX is imported.
    """
    # XLA takes `prefer-no-gather`, which only tunes code, for something that the processor lacks,
    # and reports each program that it loads as an error (openxla/xla#44565). Faults are raised,
    # too, so no other report is missed. JAX itself sets 1, which processes started here inherit.
    if os.environ.get(LOG_LEVEL, "1") == "1":
        os.environ[LOG_LEVEL] = "3"
    if FOLDER in os.environ:
        return
    folder = compiled_programs()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK | os.X_OK):
        os.environ[FOLDER] = str(folder)
        os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(SIZE))
        # Programs are small and many: each takes JAX less than the second that it would wait for.
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def compiled_programs() -> Path:
    """Return the folder of programs compiled for this processor.

    A home directory may be shared by machines that do not run each other's code.
    """
    import platformdirs

    processor = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return Path(platformdirs.user_cache_dir("chipletsim", appauthor=False)) / f"jax-{processor}"


def _processor() -> str:
    """Return the kind of processor, and what it can do where that is to be read."""
    kind = f"{platform.system()} {platform.machine()}"
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return kind
    features = {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    return "\n".join([kind, *sorted(features)])
