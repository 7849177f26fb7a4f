"""A user's module, left as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TABLES = ("_buffers", "_parameters", "_modules")


@contextmanager
def left_as_found(module: Any) -> Iterator[None]:
    """Put back hidden states, buffers, flags and attributes of a module when the block ends.

    Attributes are put back as the objects they were; what lists, sets and dictionaries among
    them hold, too; buffers changed in place get their values back.

    Args:
        module: A module of PyTorch.
    """
    found = [_Found(each) for each in module.modules()]
    try:
        yield
    finally:
        for each in found:
            each.put_back()


class _Found:
    """What a module's own attributes are."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._attributes = dict(module.__dict__)
        self._tables = {name: dict(module.__dict__[name]) for name in _TABLES}
        self._buffers = [
            (buffer, buffer.detach().clone())
            for buffer in module._buffers.values()
            if buffer is not None
        ]
        self._containers = [
            (value, value.copy())
            for name, value in module.__dict__.items()
            if isinstance(value, list | dict | set) and name not in _TABLES
        ]

    def put_back(self) -> None:
        own = self._module.__dict__
        own.clear()
        own.update(self._attributes)
        for name, table in self._tables.items():
            _refill(own[name], table)
        for container, contents in self._containers:
            _refill(container, contents)
        for buffer, values in self._buffers:
            buffer.data.copy_(values)  # its version does not tell of changes to `buffer.data`


def _refill(container: Any, contents: Any) -> None:
    if isinstance(container, list):
        container[:] = contents
        return
    container.clear()
    container.update(contents)
