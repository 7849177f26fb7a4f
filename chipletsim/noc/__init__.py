"""Timing models of the network: how long each row of traffic takes.

There are three kinds. A model of rows is a function of the type
`chipletsim.noc.traffic.TimingModel`: it is traced by JAX together with the rest of cost, and must
be differentiable in the numbers of `NetworkTimes`. A model of messages is a function of the type
`chipletsim.noc.message_timing.MessageModel`, and is given every message of every row. To add one,
write it in a file of this folder, say in its docstring where it is valid, and add a line to
``TIMING_MODELS`` and ``SPANS``, to ``timing_model`` or ``message_model``, and to ``row_spans`` or
``message_spans``: what a trace shows of its steps, see `chipletsim.noc.spans`. A third kind, models
of packets, is of the type `chipletsim.noc.burst_kernels.PacketModel`, and is given all packets of a
row; what a trace shows of them is in `chipletsim.noc.packet_spans`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from chipletsim.errors import UsageError
from chipletsim.noc.traffic import TimingModel

if TYPE_CHECKING:
    from chipletsim.noc.burst_kernels import PacketModel
    from chipletsim.noc.message_timing import MessageModel
    from chipletsim.noc.spans import MessageSpans, RowSpans

TIMING_MODELS: dict[str, str] = {
    "bound": "busiest tile, link or route of each step; no schedule of packets is faster",
    "simple": "busiest pipeline core of each step, message by message, as SANA-FE's mode; "
    "routes do not matter",
    "detailed": "messages wait for room on their routes in one mesh of pipeline cores, as "
    "SANA-FE's mode; links have no bandwidth",
    "queue": "packets reserve links, virtual channels and room in the order of time; weights are "
    "fetched as in `cycle`; within 5 % of it on average, less sure where links send frames",
    "cycle": "routers with virtual channels and credits, flit by flit, as BookSim 2 has them; work "
    "on an event waits for weights that are fetched from memory tiles, dense tiles compute as "
    "theirs come, and then send; links with an `encoding` send a step's message once all its "
    "events are there",
    "auto": "`bound` in steps where that is certain to be within 1 % of `cycle`; `cycle` in the "
    "others while they are few, else `queue`; says which and why",
}
"""Name of each timing model, and its validity in a line."""

PACKET_MODELS = ("queue", "cycle")
"""Those that follow packets through routers."""

_PACKETS_SHOWN = (
    "spans stand where the model has them; a tile makes packets and works on those it received side"
    " by side, or by turns, and is blocked while those it made leave no room for more; a message is"
    " on its way from when its head leaves until its tail arrives; {} with many messages shows"
    " none of them, and what tiles do joined; of links the busiest are shown,"
    " and each flit counts with the mean time of its link's flits"
)
_PACKET_SPANS = _PACKETS_SHOWN.format("a step")
SPANS: dict[str, str] = {
    "bound": "the length of a tile's span is modelled, its place in the step is not",
    "simple": "lengths of spans are sums over a step; their places in it are not modelled",
    "queue": _PACKET_SPANS,
    "cycle": _PACKET_SPANS,
    "detailed": "spans stand where the model has them; a core makes messages and works on those it"
    " received side by side",
}
"""Name of each timing model to what the spans that it shows in a trace mean."""

_FREE_STEPS = (
    "steps run freely, and overlap: a step's span goes from the end of those before it to its own,"
    " and what is done in it may stand earlier, with its number; where a trace ends before a sample"
    " does, work on later steps is not shown, be it done by then or not"
)
FREE_SPANS: dict[str, str] = {
    "bound": f"{_FREE_STEPS}; times are lower limits, from all work of a tile or link so far; the"
    " length of a tile's span is what the step adds to its work, and spans stand as early and"
    " densely as can be: when in the sample a tile works is not modelled",
    **dict.fromkeys(PACKET_MODELS, f"{_FREE_STEPS}; {_PACKETS_SHOWN.format('a sample')}"),
}
"""The same where steps run freely."""


def about_spans(timing: str, models: Collection[str], *, freely: bool) -> str:
    """Return what the spans in a trace mean.

    Args:
        timing: Name of the timing that was asked for.
        models: Names of the models that timed what is shown.
        freely: Whether steps run freely.
    """
    about = FREE_SPANS if freely else SPANS
    if timing != "auto":
        return about[timing]
    parts = [f"of steps by `{name}`: {about[name]}" for name in sorted(models)]
    return ". ".join(["each step is shown by the model that timed it, its `timing`", *parts])


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
    if name == "auto":
        raise UsageError(
            "timing `auto` chooses among models as steps are priced; here one has to be named, such"
            " as `bound`"
        )
    if name in (*MESSAGE_MODELS, *PACKET_MODELS):
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


def packet_model(name: str) -> PacketModel:
    """Return a timing model of packets by name, one of ``PACKET_MODELS``."""
    from chipletsim.noc.cycle import cycle
    from chipletsim.noc.queue import queue

    return {"queue": queue, "cycle": cycle}[name]


def row_spans(name: str) -> RowSpans:
    """Return what a timing model of rows shows of a row, by name."""
    from chipletsim.noc.spans import busy_spans

    return {"bound": busy_spans}[name]


def message_spans(name: str) -> MessageSpans:
    """Return what a timing model of messages shows of a row, by name."""
    from chipletsim.noc.follow_spans import detailed_spans
    from chipletsim.noc.simple import simple_spans

    return {"simple": simple_spans, "detailed": detailed_spans}[name]
