"""Fill tiles in the order of the package."""

from __future__ import annotations

from chipletsim.mapping.model import Mapping
from chipletsim.mapping.partition import fill_all, fill_in_order
from chipletsim.mapping.problem import PlacementProblem


def sequential(problem: PlacementProblem, seed: int) -> Mapping:
    """Return the mapping that fills each tile before it opens the next.

    Populations with fewer tiles to choose from come first, then network order. It takes
    the fewest tiles, so it finds a place where others may not.

    Args:
        problem: The problem.
        seed: Recorded; nothing is random.

    Raises:
        InfeasibleError: The network does not fit.
    """
    return fill_all(problem, fill_in_order).mapping("sequential", seed)
