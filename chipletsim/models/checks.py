"""Checks of hyper-parameters, so that a wrong size is named and not counted."""

from __future__ import annotations

from collections.abc import Sequence

from chipletsim.errors import UsageError


def require_positive(model: str, **numbers: int) -> None:
    """Refuse numbers that are not whole or below 1.

    Raises:
        UsageError: Names every wrong one.
    """
    wrong = [
        f"{name} is {value!r}"
        for name, value in numbers.items()
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]
    if wrong:
        raise UsageError(f"{model} needs whole numbers from 1 on; {', '.join(wrong)}")


def require_divisible(model: str, **pairs: tuple[int, int]) -> None:
    """Refuse pairs (number, divisor) whose number is no multiple of its divisor.

    Args:
        model: Named in the message.
        pairs: What the pair is, words joined by underscores, to the pair.

    Raises:
        UsageError: Names the first wrong pair.
    """
    for name, (number, divisor) in pairs.items():
        if number % divisor:
            what = name.replace("_", " ")
            raise UsageError(f"{model}: {what} is {number}, which is no multiple of {divisor}")


def require_stages(model: str, blocks: Sequence[int], widths: Sequence[int]) -> None:
    """Refuse stages without blocks or without a width.

    Raises:
        UsageError: Says which.
    """
    if len(blocks) != len(widths):
        raise UsageError(
            f"{model} has {len(blocks)} numbers of blocks for {len(widths)} widths; each stage "
            "needs one of both"
        )
    require_positive(model, **{f"blocks of stage {i}": n for i, n in enumerate(blocks)})
    require_positive(model, **{f"width of stage {i}": n for i, n in enumerate(widths)})


def require_context(model: str, tokens: int, context: int, longest: int) -> None:
    """Refuse a context that is shorter than the tokens or longer than the model's.

    Raises:
        UsageError: Says which.
    """
    require_positive(model, tokens=tokens, context=context)
    if not tokens <= context <= longest:
        raise UsageError(
            f"{model}: context must hold the {tokens} tokens of the pass and be at most "
            f"{longest}; it is {context}"
        )
