"""Contiguous cuts of a row of loads so that the greatest part is least."""

from __future__ import annotations

from collections.abc import Sequence


def cut_evenly(loads: Sequence[int], parts: int) -> list[range]:
    """Return contiguous parts, none empty, whose greatest load is the least there is.

    The least greatest load is found by bisection over whole numbers: a bound holds if filling
    parts one after another needs no more than ``parts`` of them. Parts that are left over are
    cut off the end one by one, which makes no part greater.

    Args:
        loads: What each piece weighs, at least 0.
        parts: From 1 to the number of pieces.

    Example:
        >>> cut_evenly([2, 3, 4, 5, 1], 3)
        [range(0, 2), range(2, 3), range(3, 5)]
    """
    low, high = max(loads, default=0), sum(loads)
    while low < high:
        middle = (low + high) // 2
        if len(_filled(loads, middle)) <= parts:
            high = middle
        else:
            low = middle + 1
    found = _filled(loads, low)
    while len(found) < parts:
        at = next(i for i in reversed(range(len(found))) if len(found[i]) > 1)
        first, last = found[at].start, found[at].stop
        found[at : at + 1] = [range(first, last - 1), range(last - 1, last)]
    return found


def _filled(loads: Sequence[int], most: int) -> list[range]:
    """Return parts filled one after another up to ``most``, which is at least every load."""
    found, first, load = [], 0, 0
    for number, each in enumerate(loads):
        if number > first and load + each > most:
            found.append(range(first, number))
            first, load = number, 0
        load += each
    return [*found, range(first, len(loads))]


def even_bounds(pieces: int, parts: int) -> list[int]:
    """Return where parts begin and end; the first ones have one piece more.

    Example:
        >>> even_bounds(10, 4)
        [0, 3, 6, 8, 10]
    """
    size, more = divmod(pieces, parts)
    return [part * size + min(part, more) for part in range(parts + 1)]
