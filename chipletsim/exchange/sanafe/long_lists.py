"""Long lists of numbers in a YAML text, taken out of it before it is parsed.

A parser of YAML makes an object of each number; a weight matrix of a million numbers is read as
one array instead.
"""

from __future__ import annotations

import re

import numpy as np

_FLAT = re.compile(r"\[[-+0-9.eE,\s]{4096,}\]")
_PAIR = r"\[\s*[0-9]{1,18}\s*,\s*[0-9]{1,18}\s*\]"
_PAIRS = re.compile(rf"\[\s*{_PAIR}(?:\s*,\s*{_PAIR}){{399,}}\s*,?\s*\]")
_NAME = "~list of numbers"


class LongLists:
    """The lists that were taken out, by the text that stands in their place."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def taken_out(self, text: str) -> str:
        """Return a text with a short one in place of each long list.

        Everything else stays in its line and column.
        """
        if _NAME in text:
            return text
        for pattern in (_PAIRS, _FLAT):
            text = pattern.sub(self._name, text)
        return text

    def holds(self, text: object) -> bool:
        """Whether a scalar stands for a list."""
        return isinstance(text, str) and text in self._texts

    def array(self, name: str) -> np.ndarray:
        """Return float64 [numbers], or [pairs, 2], of a list.

        Raises:
            ValueError: With the first text that is no number.
        """
        text = self._texts[name]
        pairs = text.count("[") > 1
        parts = text.replace("[", "").replace("]", "").split(",")
        if not parts[-1].strip():  # a comma behind the last one
            parts.pop()
        try:
            numbers = np.array(list(map(float, parts)))
        except ValueError:
            wrong = next(part.strip() for part in parts if not _is_number(part))
            raise ValueError(wrong) from None
        return numbers.reshape(-1, 2) if pairs else numbers

    def _name(self, found: re.Match[str]) -> str:
        name, text = f"{_NAME} {len(self._texts)}~", found[0]
        self._texts[name] = text
        lines = text.count("\n")
        indent = " " * (len(text) - text.rfind("\n") - 1) if lines else ""
        return f'"{name}"' + "\n" * lines + indent


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
