"""Numbers of a network file: their unit, and the type in which they are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.spec.network import Number
from chipletsim.units import parse_quantity

Float = type[np.floating]

QUANTITIES = ("s", "V", "A", "F", "S")
"""Units that a number in a file must carry."""


def plain_number(value: Number, unit: str) -> float:
    """Return a number, or text with a unit where ``unit`` is one of ``QUANTITIES``.

    Raises:
        ValueError: A unit is missing, unknown, of another dimension, or there should be none.
    """
    if unit in QUANTITIES:
        if isinstance(value, str):
            return parse_quantity(value, unit)
        raise ValueError(f"{value:g} has no unit; expected one like '{value:g} {unit}'")
    if isinstance(value, str):
        raise ValueError(f"expected a number, got {value!r}")
    return value


class Numbers(NamedTuple):
    """What numbers a section of a file gives.

    Attributes:
        dtype: Type of their array.
        unit: SI unit of the array; files hold plain numbers of it.
    """

    dtype: Float = np.float32
    unit: str = "1"


PLAIN = Numbers()
"""Numbers without a unit, in float32."""
