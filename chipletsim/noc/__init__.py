"""Timing models of the network: how long each row of traffic takes.

To add a model, write a function of the type `chipletsim.noc.traffic.TimingModel` in a
file of this folder, say in its docstring where it is valid, and add a line to
``TIMING_MODELS``. It is traced by JAX together with the rest of cost, and must be
differentiable in the numbers of `NetworkTimes`.
"""

from __future__ import annotations

from chipletsim.errors import UsageError
from chipletsim.noc.traffic import TimingModel

TIMING_MODELS: dict[str, str] = {
    "bound": "busiest tile, link or route of each step; no schedule of packets is faster",
}
"""Name of each timing model, and its validity in a line."""


def timing_model(name: str) -> TimingModel:
    """Return a timing model by name.

    Raises:
        UsageError: There is no such model.
    """
    if name not in TIMING_MODELS:
        known = ", ".join(TIMING_MODELS)
        raise UsageError(f"there is no timing model {name!r}; there are: {known}")
    from chipletsim.noc.bound import bound

    return {"bound": bound}[name]
