"""Quantities with units: text in files, SI floats inside.

``0.5 pJ/bit`` in YAML becomes the float 5e-13 in a field whose name says
``_j_per_bit``. The registry is built from an empty one and knows only the units
below, since pint's default one reads ``Gb/s`` as gilbert and ``pJ/b`` as barn.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_PREFIXES = {
    "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
}  # fmt: skip
_DEFINITIONS = (
    "second = [time] = s",
    "joule = [energy] = J",
    "bit = [information] = bit = b",
    "byte = 8 * bit = B",
    "hertz = 1 / second = Hz",
    "watt = joule / second = W",
    "transfer = [transfer] = T",
    "operation = [operation] = op = FLOP = MAC",
    "packet = [event] = packet = message",
    "KiB = 1024 * byte",
    "MiB = 1048576 * byte",
    "GiB = 1073741824 * byte",
)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*\S)?\s*$")


@cache
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(None)
    for symbol, factor in _PREFIXES.items():
        registry.define(f"{symbol}- = {factor!r}")
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@lru_cache(maxsize=4096)
def parse_quantity(text: str, unit: str) -> float:
    """Return ``text`` as a float in ``unit``.

    Args:
        text: Number and unit, such as ``32 GB/s``.
        unit: Unit to convert to, such as ``bit/s``.

    Raises:
        ValueError: The text has no number, no unit, or a unit of another dimension.
    """
    import pint

    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"expected a number with a unit, such as '1 {unit}', got {text!r}")
    number, given = float(match[1]), match[2]
    if given is None:
        raise ValueError(f"{text!r} has no unit; expected one like '{text} {unit}'")
    try:
        return float(_registry().Quantity(number, given).to(unit).magnitude)
    except pint.DimensionalityError:
        raise ValueError(f"{text!r} has the wrong dimension; expected a unit like {unit}") from None
    except Exception as error:
        raise ValueError(f"unknown unit {given!r}; expected one like {unit} ({error})") from None


def quantity(unit: str, *, minimum: float | None = 0.0, positive: bool = False) -> Any:
    """Return the pydantic type of a float given as text with a unit.

    Args:
        unit: SI unit in which the value is kept.
        minimum: Least value allowed; None for no bound.
        positive: Whether zero is refused too.
    """

    def convert(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"expected a number with a unit, such as '1 {unit}'")
        if not isinstance(value, str):
            raise ValueError(f"{value!r} has no unit; expected one like '{value} {unit}'")
        number = parse_quantity(value, unit)
        if positive and not number > 0:
            raise ValueError(f"{value!r} must be greater than 0")
        if minimum is not None and number < minimum:
            raise ValueError(f"{value!r} must not be below {minimum:g} {unit}")
        return number

    schema = {"type": "string", "description": f"quantity in {unit}", "examples": [f"1 {unit}"]}
    return Annotated[float, BeforeValidator(convert), WithJsonSchema(schema)]


def bits(*, positive: bool = False) -> Any:
    """Return the pydantic type of a whole number of bits, such as ``64 B`` or ``32 bit``."""

    def convert(value: object) -> int:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} has no unit; expected one like '{value} bit'")
        number = parse_quantity(value, "bit")
        if number != int(number) or number < (1 if positive else 0):
            raise ValueError(f"{value!r} must be a whole number of bits, at least {int(positive)}")
        return int(number)

    schema = {"type": "string", "description": "whole number of bits", "examples": ["32 bit"]}
    return Annotated[int, BeforeValidator(convert), WithJsonSchema(schema)]


Energy = quantity("J")
EnergyPerBit = quantity("J/bit")
EnergyPerPacket = quantity("J/packet")
EnergyPerOperation = quantity("J/op")
Power = quantity("W")
Time = quantity("s")
PositiveTime = quantity("s", positive=True)
TimePerOperation = quantity("s/op")
TimePerPacket = quantity("s/packet")
Frequency = quantity("Hz", positive=True)
Bandwidth = quantity("bit/s", positive=True)
OperationRate = quantity("op/s", positive=True)
Bits = bits()
PositiveBits = bits(positive=True)
