"""The folder of a run: whole or not there at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chipletsim.errors import UsageError
from chipletsim.whole_files import cannot_write

_ATTEMPTS = 5


def run_folder(out: Path, name: str, config_hash: str) -> Path:
    """Return the folder in ``out`` that belongs to a resolved configuration.

    Args:
        out: Folder that holds runs.
        name: Name of the experiment.
        config_hash: Hash of the resolved configuration, of which 8 digits are used.
    """
    return out / f"{safe_name(name)}-{config_hash[:8]}"


def safe_name(name: str) -> str:
    """Return a name as part of a file name: plain characters only, and not too long."""
    return (re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "run")[:80]


def refuse_unwritable(folder: Path) -> None:
    """Raise UsageError where a folder cannot be made, before hours are spent on its contents.

    Nothing is made yet: what is interrupted leaves no empty folders.

    Args:
        folder: Folder that is to be written.
    """
    there = next((above for above in folder.absolute().parents if _exists(above)), None)
    if there is not None and not there.is_dir():
        raise UsageError(f"cannot write to {folder.parent}: {there} is not a folder")
    if there is not None and not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write to {folder.parent}: permission denied")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # below a file, or not to be looked at
        return False


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``folder`` if the block ends well.

    Files are written beside it and renamed at the end, so that an interruption leaves
    neither half a folder nor a damaged older one.

    Raises:
        UsageError: The folder or what is in it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {folder.parent}: {error.strerror}") from None
    try:
        yield temporary
        temporary.chmod(0o755)
        _replace(temporary, folder)
    except OSError as error:
        raise cannot_write(folder, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(new: Path, folder: Path) -> None:
    """Rename ``new`` to ``folder``, moving an older one out of the way first.

    Another process may put its own there at the same time; the last one stays.
    """
    for _ in range(_ATTEMPTS):
        with suppress(OSError):
            new.rename(folder)
            return
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        with suppress(FileNotFoundError):
            folder.rename(old / folder.name)
        shutil.rmtree(old, ignore_errors=True)
    new.rename(folder)
