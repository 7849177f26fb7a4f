import math
import re
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chipletsim import units
from chipletsim.units import is_quantity, parse_quantity

EXPONENTS = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3}
FAST = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("104 mW", "W", 0.104),
        ("0.5 pJ/bit", "J/bit", 0.5e-12),
        ("0.5pJ/bit", "J/bit", 0.5e-12),
        (" 4  ns ", "s", 4e-9),
        ("1e3 µs", "s", 1e-3),
        ("1e3 μs", "s", 1e-3),
        ("32 GB/s", "bit/s", 256e9),
        ("16 Gb/s", "bit/s", 16e9),
        ("64 B", "bit", 512.0),
        ("2 KiB", "bit", 16384.0),
        ("1 GHz", "Hz", 1e9),
        ("5 1/s", "Hz", 5.0),
        ("312 TFLOP/s", "op/s", 312e12),
        ("2 pJ/MAC", "J/op", 2e-12),
        ("3 W*s", "J", 3.0),
        ("7 pJ/message", "J/packet", 7e-12),
        (".5 s", "s", 0.5),
        ("1. s", "s", 1.0),
        ("-3 s", "s", -3.0),
    ],
)
def test_reads_a_quantity(text: str, unit: str, expected: float) -> None:
    assert parse_quantity(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("5", "J", "'5' has no unit; expected one like '5 J'"),
        ("fast", "J", "expected a number with a unit, such as '1 J', got 'fast'"),
        ("", "J", "expected a number with a unit"),
        ("nan J", "J", "expected a number with a unit"),
        ("inf J", "J", "expected a number with a unit"),
        ("-inf J", "J", "expected a number with a unit"),
        ("1e400 J", "J", "is too large"),
        ("1e9999999 J", "J", "unknown unit"),
        ("1 pJ", "J/bit", "'1 pJ' has the wrong dimension; expected a unit like J/bit"),
        ("1 mb/s", "bit/s", "unknown unit 'mb'"),
        ("1 KB", "bit", "unknown unit 'KB'"),
        ("1 mHz", "Hz", "unknown unit 'mHz'"),
        ("1 GT/s", "bit/s", "unknown unit 'GT'"),
        ("1 Gibps", "bit/s", "unknown unit 'Gibps' in '1 Gibps'; expected a unit like bit/s"),
        ("1 J//bit", "J/bit", "unknown unit ''"),
        ("1 J**9", "J", "unknown unit ''"),
        ("1 J(bit)", "J", "unknown unit 'J(bit)'"),
        ("1 k1", "J", "unknown unit 'k1'"),
        ("٣ J", "J", "expected a number with a unit"),
        ("1" * 100 + " J", "J", "is too long"),
    ],
)
def test_refuses_what_is_no_quantity_and_says_why(text: str, unit: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_quantity(text, unit)


@FAST
@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from(sorted(EXPONENTS)))
def test_is_the_float_nearest_to_the_text(number, prefix: str) -> None:
    exact = Fraction(number) * Fraction(10) ** EXPONENTS[prefix]
    assert parse_quantity(f"{number} {prefix}J", "J") == float(exact)


@FAST
@given(st.integers(0, 10**6), st.sampled_from(["bit", "kbit", "B", "MB", "KiB", "GiB"]))
def test_scaling_is_linear(count: int, unit: str) -> None:
    one = parse_quantity(f"1 {unit}", "bit")
    assert parse_quantity(f"{count} {unit}", "bit") == count * one


@FAST
@given(st.text(max_size=30))
def test_any_text_gives_a_finite_number_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert math.isfinite(parse_quantity(text, "J"))
        assert is_quantity(text)


def test_field_types_check_sign_and_unit() -> None:
    time = TypeAdapter(units.PositiveTime)
    assert time.validate_python("3 ns") == 3e-9
    for bad in ("0 s", "-1 s", 5, 5.0, True, None, ["1 s"]):
        with pytest.raises(ValidationError):
            time.validate_python(bad)
    assert TypeAdapter(units.Time).validate_python("0 s") == 0.0


def test_bits_are_whole_and_exact() -> None:
    bits = TypeAdapter(units.Bits)
    assert bits.validate_python("8 GiB") == 8 * 2**30 * 8
    # Above 2**53 a float could not hold it.
    assert bits.validate_python("9007199254740993 bit") == 9007199254740993
    for bad in ("0.5 bit", "-1 bit", "1 s", 8, "1e19 bit"):
        with pytest.raises(ValidationError):
            bits.validate_python(bad)
    with pytest.raises(ValidationError):
        TypeAdapter(units.PositiveBits).validate_python("0 bit")


def test_knows_which_texts_are_quantities() -> None:
    assert is_quantity("3 pJ/bit")
    assert not any(is_quantity(text) for text in ("3", "mesh", "3 apples", "", "x 3 J"))
