"""Files that are whole or not there at all, whoever else writes them at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from chipletsim.errors import UsageError


def part_of(path: Path) -> Path:
    """Return a name beside a file, for what is written of it until it is whole.

    No two calls return the same: of two programs that write one file the last one's stays, whole.
    """
    return path.with_name(f".{path.name}-{token_hex(4)}.part")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name of a file that becomes ``path`` if the block ends well.

    Args:
        path: File to write, in an existing folder.

    Raises:
        UsageError: It cannot be written; what was there before stays.
    """
    part = part_of(path)
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> UsageError:
    """Return the failure to write a file or a folder, as its user is told of it."""
    return UsageError(f"cannot write {path}: {error.strerror or error}")
