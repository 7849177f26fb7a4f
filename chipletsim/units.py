"""Quantities with units: text in files, SI floats inside.

``0.5 pJ/bit`` in YAML becomes the float 5e-13 in a field whose name says
``_j_per_bit``. Only the units below are known, and each takes only the prefixes
that make sense for it, so that ``Mb/s`` mistyped as ``mb/s`` is an error instead
of a millibit. Scaling is exact: the float is the one nearest to the text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SMALL = {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3}
_LARGE = {"k": 3, "M": 6, "G": 9, "T": 12, "P": 15}
_MAX_CHARACTERS = 80
_LEAST, _MOST = 1e-30, 1e30

# Symbols, scale, powers of (second, joule, bit, operation, packet, coulomb), and prefixes.
_UNITS: dict[str, tuple[Fraction, tuple[int, ...], dict[str, int]]] = {}


def _define(names: str, scale: int, powers: tuple[int, ...], prefixes: dict[str, int]) -> None:
    for name in names.split():
        _UNITS[name] = (Fraction(scale), powers, prefixes)


_define("s second seconds", 1, (1, 0, 0, 0, 0, 0), _SMALL)
_define("J joule joules", 1, (0, 1, 0, 0, 0, 0), _SMALL | {"k": 3})
_define("W watt watts", 1, (-1, 1, 0, 0, 0, 0), _SMALL | {"k": 3})
_define("Hz hertz", 1, (-1, 0, 0, 0, 0, 0), _LARGE)
_define("b bit bits", 1, (0, 0, 1, 0, 0, 0), _LARGE)
_define("B byte bytes", 8, (0, 0, 1, 0, 0, 0), _LARGE)
_define("KiB", 8 << 10, (0, 0, 1, 0, 0, 0), {})
_define("MiB", 8 << 20, (0, 0, 1, 0, 0, 0), {})
_define("GiB", 8 << 30, (0, 0, 1, 0, 0, 0), {})
_define("op ops operation operations FLOP MAC", 1, (0, 0, 0, 1, 0, 0), _LARGE)
_define("packet packets message messages", 1, (0, 0, 0, 0, 1, 0), _LARGE)
_define("V volt volts", 1, (0, 1, 0, 0, 0, -1), _SMALL)
_define("A ampere amperes", 1, (-1, 0, 0, 0, 0, 1), _SMALL)
_define("F farad farads", 1, (0, -1, 0, 0, 0, 2), _SMALL)
_define("S siemens", 1, (-1, -1, 0, 0, 0, 2), _SMALL)
_define("1", 1, (0, 0, 0, 0, 0, 0), {})

_NUMBER = re.compile(
    r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?(?![0-9]))\s*(.*\S)?\s*"
)
_TERMS = re.compile(r"\s*([*/])\s*")


def _one_unit(name: str) -> tuple[Fraction, tuple[int, ...]]:
    """Return scale and powers of a single unit such as ``pJ``."""
    if name in _UNITS:
        return _UNITS[name][:2]
    prefix, rest = name[:1], name[1:]
    scale, powers, prefixes = _UNITS.get(rest, (Fraction(1), (), {}))
    if prefix not in prefixes or rest == "1":
        raise ValueError(f"unknown unit {name!r}")
    return scale * Fraction(10) ** prefixes[prefix], powers


@lru_cache(maxsize=1024)
def _unit(text: str) -> tuple[Fraction, tuple[int, ...]]:
    """Return scale and powers of a product of units such as ``pJ/bit``."""
    parts = _TERMS.split(text.strip())
    scale, powers = _one_unit(parts[0])
    for operator, name in zip(parts[1::2], parts[2::2], strict=True):
        factor, more = _one_unit(name)
        sign = 1 if operator == "*" else -1
        scale *= factor**sign
        powers = tuple(a + sign * b for a, b in zip(powers, more, strict=True))
    return scale, powers


def _exact(text: str, unit: str) -> Fraction:
    """Return ``text`` in ``unit`` as an exact fraction."""
    if len(text) > _MAX_CHARACTERS:
        raise ValueError(f"{text[:20]!r}... is too long for a number with a unit")
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a number with a unit, such as '1 {unit}', got {text!r}")
    number, given = match[1], match[2]
    if given is None:
        raise ValueError(f"{text!r} has no unit; expected one like '{text.strip()} {unit}'")
    try:
        scale, powers = _unit(given)
    except ValueError as error:
        raise ValueError(f"{error} in {text!r}; expected a unit like {unit}") from None
    target_scale, target_powers = _unit(unit)
    if powers != target_powers:
        raise ValueError(f"{text!r} has the wrong dimension; expected a unit like {unit}")
    return Fraction(Decimal(number)) * scale / target_scale


@lru_cache(maxsize=4096)
def parse_quantity(text: str, unit: str) -> float:
    """Return ``text`` as a float in ``unit``.

    >>> parse_quantity("104 mW", "W")
    0.104
    >>> parse_quantity("32 GB/s", "bit/s")
    256000000000.0

    Args:
        text: Number and unit, such as ``32 GB/s``.
        unit: Unit to convert to, such as ``bit/s``.

    Raises:
        ValueError: The text has no number, no unit, a unit of another dimension, or
            a value beyond the range of a float.
    """
    try:
        return float(_exact(text, unit))
    except OverflowError:
        raise ValueError(f"{text!r} is too large") from None


def _text(value: object, unit: str) -> str:
    """Return ``value`` if it is text, and say what is missing otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number with a unit, such as '1 {unit}'")
    raise ValueError(f"{value!r} has no unit; expected one like '{value} {unit}'")


def quantity(unit: str, *, minimum: float | None = 0.0, positive: bool = False) -> Any:
    """Return the pydantic type of a float given as text with a unit.

    Args:
        unit: SI unit in which the value is kept.
        minimum: Least value allowed; None for no bound.
        positive: Whether zero is refused too.
    """

    def convert(value: object) -> float:
        return _number(value, unit, minimum, positive=positive)

    return Annotated[float, BeforeValidator(convert), WithJsonSchema(_schema(unit))]


def by_number(unit: str) -> Any:
    """Return the pydantic type of a quantity, or of several by a whole number.

    It is a float, or a dict of int to float where the file has a table such as
    ``{1: 0.6 us, 4: 1.4 us}``.

    Args:
        unit: SI unit in which the values are kept.
    """

    def convert(value: object) -> float | dict[int, float]:
        if not isinstance(value, dict) or "value" in value:
            return _number(value, unit, 0.0)
        if not value:
            raise ValueError("expected a quantity, or a table with at least one number")
        table = {}
        for key, each in value.items():
            if not re.fullmatch(r"[1-9][0-9]{0,8}", str(key)):
                raise ValueError(f"expected whole numbers of at least 1 as keys, got {key!r}")
            table[int(key)] = _number(each, unit, 0.0)
        return table

    one = _schema(unit)
    table = {"type": "object", "additionalProperties": one, "minProperties": 1}
    schema = {"anyOf": [one, table], "examples": one["examples"]}
    return Annotated[Any, BeforeValidator(convert), WithJsonSchema(schema)]


def _schema(unit: str) -> dict[str, Any]:
    return {"type": "string", "description": f"quantity in {unit}", "examples": [f"1 {unit}"]}


def _number(value: object, unit: str, minimum: float | None, *, positive: bool = False) -> float:
    """Return a quantity as a float; see `quantity`."""
    text = _text(value, unit)
    number = parse_quantity(text, unit)
    if positive and not number > 0:
        raise ValueError(f"{text!r} must be greater than 0")
    if minimum is not None and number < minimum:
        raise ValueError(f"{text!r} must not be below {minimum:g} {unit}")
    if number and not _LEAST <= abs(number) <= _MOST:
        raise ValueError(f"{text!r} is out of range; expected {_LEAST:g} to {_MOST:g} {unit}")
    return number


def bits(*, positive: bool = False, most: int = 2**63 - 1) -> Any:
    """Return the pydantic type of a whole number of bits, such as ``64 B`` or ``32 bit``.

    Args:
        positive: Whether zero is refused.
        most: Largest number allowed.
    """

    def convert(value: object) -> int:
        text = _text(value, "bit")
        number = _exact(text, "bit")
        if number.denominator != 1 or number < int(positive):
            raise ValueError(f"{text!r} must be a whole number of bits, at least {int(positive)}")
        if number > most:
            raise ValueError(f"{text!r} is too large; the most is {most:,} bit")
        return int(number)

    schema = {"type": "string", "description": "whole number of bits", "examples": ["32 bit"]}
    return Annotated[int, BeforeValidator(convert), WithJsonSchema(schema)]


Energy = quantity("J")
EnergyPerBit = quantity("J/bit")
EnergyPerPacket = quantity("J/packet")
EnergyPerOperation = quantity("J/op")
Power = quantity("W")
Time = quantity("s")
TimeByNumber = by_number("s")
PositiveTime = quantity("s", positive=True)
TimePerOperation = quantity("s/op")
TimePerPacket = quantity("s/packet")
Frequency = quantity("Hz", positive=True)
EventFrequency = quantity("Hz")
Bandwidth = quantity("bit/s", positive=True)
OperationRate = quantity("op/s", positive=True)
EventRate = quantity("packet/s", positive=True)
Bits = bits()
PositiveBits = bits(positive=True)
MAX_PACKET_BITS = 1 << 24
"""Bits of a part of a packet, flit or frame; 2^39 of them can be counted in 64 bits."""
PacketBits = bits(most=MAX_PACKET_BITS)
PositivePacketBits = bits(positive=True, most=MAX_PACKET_BITS)


def is_quantity(text: str) -> bool:
    """Whether ``text`` is a number with a unit, whatever its dimension."""
    match = _NUMBER.fullmatch(text[:_MAX_CHARACTERS])
    try:
        return match is not None and match[2] is not None and bool(_unit(match[2]))
    except ValueError:
        return False
