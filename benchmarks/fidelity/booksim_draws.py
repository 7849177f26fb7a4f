"""The packets that BookSim 2 draws in an open loop, from the seed of its recorded curves.

It draws from the generators of D. E. Knuth (The Art of Computer Programming, volume 2, 3.6, as of
2002): whole numbers and fractions from two streams of one seed. A node without a packet under way
draws a fraction for each cycle since it last did; below packets a cycle, a packet is made, whose
destination is the next whole number. Another whole number chooses among one subnetwork. The seed is
nowhere recorded; with 1 it gives the mean routers on the way of each record, to its six digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

SEED = 1
_LONG, _SHORT, _USED, _BLOCK = 100, 37, 100, 1009
_BITS = 30
_MASK = (1 << _BITS) - 1
_ULP = 2.0**-52
_SEPARATION = 70

Combine = Callable[[Any, Any], Any]


def whole_sums(first: Any, second: Any) -> Any:
    """Return differences modulo 2^30, of which whole numbers are made."""
    return (first - second) & _MASK


def fraction_sums(first: Any, second: Any) -> Any:
    """Return sums modulo 1, of which fractions are made."""
    total = first + second
    return total - np.floor(total)


def continued(state: np.ndarray, count: int, combine: Combine) -> np.ndarray:
    """Return `count` numbers of a sequence, the first of which are its state, and the next state.

    Args:
        state: [100], the first numbers.
        count: How many to return beside the state that follows them.
        combine: ``x[n] = combine(x[n - 100], x[n - 37])``.
    """
    found = np.empty(count + _LONG, state.dtype)
    found[:_LONG] = state
    for start in range(_LONG, len(found), _SHORT):
        stop = min(start + _SHORT, len(found))
        found[start:stop] = combine(
            found[start - _LONG : stop - _LONG], found[start - _SHORT : stop - _SHORT]
        )
    return found


def first_state(seed: int, combine: Combine, first: list[Any]) -> np.ndarray:
    """Return the state from which a seed's sequence starts.

    Args:
        seed: The seed, below 2^30 - 2.
        combine: As for `continued`.
        first: 100 numbers that the seed gives, to be spread.
    """
    zero = type(first[0])(0)
    x = [*first, *[zero] * (_LONG - 1)]
    bits, left = seed & _MASK, _SEPARATION - 1
    while left:
        for j in range(_LONG - 1, 0, -1):  # square
            x[2 * j], x[2 * j - 1] = x[j], zero
        for j in range(2 * _LONG - 2, _LONG - 1, -1):
            x[j - _LONG + _SHORT] = combine(x[j - _LONG + _SHORT], x[j])
            x[j - _LONG] = combine(x[j - _LONG], x[j])
        if bits & 1:  # times z
            x[1 : _LONG + 1] = x[:_LONG]
            x[0] = x[_LONG]
            x[_SHORT] = combine(x[_SHORT], x[_LONG])
        if bits:
            bits >>= 1
        else:
            left -= 1
    state = np.array([*x[_SHORT:_LONG], *x[:_SHORT]])
    for _ in range(10):
        state = continued(state, 2 * _LONG - 1, combine)[-_LONG:]
    return state


def whole_state(seed: int) -> np.ndarray:
    """Return int64 [100], the first state of whole numbers."""
    value, first = (seed + 2) & (_MASK - 1), []
    for _ in range(_LONG):
        first.append(value)
        value <<= 1
        if value > _MASK:
            value -= _MASK - 1
    first[1] += 1
    return first_state(seed, whole_sums, first)


def fraction_state(seed: int) -> np.ndarray:
    """Return float64 [100], the first state of fractions."""
    value, first = 2 * _ULP * ((seed & _MASK) + 2), []
    for _ in range(_LONG):
        first.append(value)
        value += value
        if value >= 1:
            value -= 1 - 2 * _ULP
    first[1] += _ULP
    return first_state(seed, lambda a, b: (a + b) % 1.0, first)


@cache
def numbers(kind: str, count: int, seed: int = SEED) -> list[Any]:
    """Return the first numbers of a stream: ``whole`` or ``fraction``."""
    whole = kind == "whole"
    state = whole_state(seed) if whole else fraction_state(seed)
    combine = whole_sums if whole else fraction_sums
    found: list[Any] = []
    while len(found) < count:
        block = continued(state, _BLOCK, combine)
        found += block[:_USED].tolist()
        state = block[-_LONG:]
    return found


class Draws:
    """What nodes draw, one after the other.

    Args:
        choices: Destinations that each node chooses from.
        rate: Flits that a node makes in a cycle.
        flits: Of a packet.

    Attributes:
        choices: As given.
        flits: As given.
        chance: Packets that a node makes in a cycle.
    """

    def __init__(self, choices: list[list[int]], rate: float, flits: int) -> None:
        self.choices, self.flits, self.chance = choices, flits, rate / flits
        nodes = len(choices)
        self._fraction = numbers("fraction", 22_000 * nodes)
        self._whole = numbers("whole", 45_000 * nodes)
        self._drawn = self._chosen = 0
        self._next = [0] * nodes  # cycle that each draws for

    def next_packet(self, node: int, now: int) -> tuple[int, int] | None:
        """Return the next packet's destination and cycle, None if none was made up to now."""
        while self._next[node] <= now:
            made = self._fraction[self._drawn] < self.chance
            self._drawn += 1
            self._next[node] += 1
            if made:
                return self._target(node), self._next[node] - 1
        return None

    def _target(self, node: int) -> int:
        targets = self.choices[node]
        if len(targets) == 1:
            self._chosen += 1  # of one subnetwork
            return targets[0]
        self._chosen += 2
        return targets[self._whole[self._chosen - 2] % len(targets)]


def draw_packets(draws: Draws, cycles: int) -> np.ndarray:
    """Return the packets that BookSim draws if every packet leaves as soon as it may.

    Where a packet has to wait for room in its router, later ones are drawn in another order: the
    answer holds for the packets up to there.

    Args:
        draws: What is drawn.
        cycles: For which they are drawn.

    Returns:
        int64 [packets, 4]: source, destination, cycle in which each was made, cycle in which its
        head is to leave.
    """
    free = [0] * len(draws.choices)  # cycle in which each node may draw
    found = []
    for now in range(cycles):
        for node, at in enumerate(free):
            if at <= now and (packet := draws.next_packet(node, now)):
                free[node] = now + draws.flits
                found.append((node, *packet, now))
    return np.array(found, np.int64).reshape(-1, 4)
