"""What is found from the arrays of a network or of flows once, and kept with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import Concatenate, ParamSpec, TypeVar, cast

import numpy as np


class Keeper:
    """Something of a named tuple of arrays is kept with it; not with its copies."""

    def __getstate__(self) -> None:
        """Keep nothing in a copy."""


Item = TypeVar("Item", bound=Keeper)
Others = ParamSpec("Others")
Found = TypeVar("Found")


def kept(
    find: Callable[Concatenate[Item, Others], Found],
) -> Callable[Concatenate[Item, Others], Found]:
    """Return a function that finds something from an item and others, and keeps it with the item.

    The same networks and flows are run again and again, with other bursts. What is kept would be
    wrong if their arrays changed, so these can't be written to from then on.

    Args:
        find: What finds it. What is kept is taken again where the others are the same objects.
    """

    @wraps(find)
    def take(item: Item, *others: Others.args, **named: Others.kwargs) -> Found:
        known = item.__dict__.get(find.__name__)
        if known is not None and all(map(is_, known[0], others)):
            return cast(Found, known[1])
        for array in cast(tuple[object, ...], item):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        made = find(item, *others, **named)
        item.__dict__[find.__name__] = others, made
        return made

    return take
