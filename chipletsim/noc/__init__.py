"""Timing models of the network: how long each row of traffic takes.

There are two kinds. A model of rows is a function of the type
`chipletsim.noc.traffic.TimingModel`: it is traced by JAX together with the rest of cost, and must
be differentiable in the numbers of `NetworkTimes`. A model of messages is a function of the type
`chipletsim.noc.message_timing.MessageModel`, and is given every message of every row. To add one,
write it in a file of this folder, say in its docstring where it is valid, and add a line to
``TIMING_MODELS`` and to ``timing_model`` or ``message_model``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chipletsim.errors import UsageError
from chipletsim.noc.traffic import TimingModel

if TYPE_CHECKING:
    from chipletsim.noc.message_timing import MessageModel

TIMING_MODELS: dict[str, str] = {
    "bound": "busiest tile, link or route of each step; no schedule of packets is faster",
    "simple": "busiest pipeline core of each step, message by message, as SANA-FE's mode; "
    "routes do not matter",
    "detailed": "messages wait for room on their routes in one mesh of pipeline cores, as "
    "SANA-FE's mode; links have no bandwidth",
}
"""Name of each timing model, and its validity in a line."""

MESSAGE_MODELS = ("simple", "detailed")
"""Those that follow single messages."""


def check_timing(name: str) -> None:
    """Check that there is such a timing model.

    Raises:
        UsageError: There is none.
    """
    if name not in TIMING_MODELS:
        known = ", ".join(TIMING_MODELS)
        raise UsageError(f"there is no timing model {name!r}; there are: {known}")


def timing_model(name: str) -> TimingModel:
    """Return a timing model of rows by name.

    Raises:
        UsageError: There is no such model, or it follows single messages.
    """
    check_timing(name)
    if name in MESSAGE_MODELS:
        raise UsageError(
            f"timing `{name}` follows single messages, which have no gradient; use `bound`"
        )
    from chipletsim.noc.bound import bound

    return {"bound": bound}[name]


def message_model(name: str) -> MessageModel:
    """Return a timing model of single messages by name, one of ``MESSAGE_MODELS``."""
    from chipletsim.noc.detailed import detailed
    from chipletsim.noc.simple import simple

    return {"simple": simple, "detailed": detailed}[name]
