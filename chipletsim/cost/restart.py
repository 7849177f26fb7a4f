"""Beginning anew without making anew what took long to make."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from typing import Self


class Restartable:
    """Something that gathers, and can be had again with nothing gathered."""

    def fresh(self) -> Self:
        """Return one that has gathered nothing yet, and shares all else."""
        other = copy(self)
        other._begin()
        return other

    @abstractmethod
    def _begin(self) -> None:
        """Forget what was gathered."""
