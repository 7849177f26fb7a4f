"""What must add up in every run, checked in every run."""

from __future__ import annotations

import numpy as np

from chipletsim.cost.incidence import TrafficModel
from chipletsim.cost.program import Counted
from chipletsim.errors import ChipletsimError


class ConservationError(ChipletsimError):
    """Counts do not add up: a fault of chipletsim, not of its input."""


def check_conservation(model: TrafficModel, counted: Counted, class_events: np.ndarray) -> None:
    """Check that nothing is lost or made on the way.

    * Messages and synaptic operations on tiles are those of the events sent.
    * At each router without multicast as many packets leave, over links or to tiles, as
      enter, from links or from tiles. At one with multicast at least as many leave, and
      none if none entered.

    Args:
        model: Classes and incidence.
        counted: Whole numbers summed over all rows.
        class_events: int64 [classes], events of each class over all rows.

    Raises:
        ConservationError: A sum is wrong.
    """
    events = class_events[: model.classes.spike_classes]
    sent = int(events @ model.messages_per_event)
    arrived = int(counted.tiles.amount("input_messages").sum())
    _require(sent == arrived, f"{sent} messages sent, {arrived} delivered")
    due = int(events @ model.synapses_per_event)
    work = ("synaptic_operations", "decoder_additions", "encoder_loads")
    done = sum(int(counted.tiles.amount(name).sum()) for name in work)
    _require(due == done, f"{due} synaptic operations due, {done} done")
    package = model.mapping.package
    entering = counted.router_packets[:, 0]
    leaving = np.zeros(entering.size, np.int64)
    np.add.at(leaving, package.link_source, counted.link_packets[:, 0])
    np.add.at(leaving, package.tile_router, counted.tiles.delivered[:, 0])
    multicast = np.array([router.spec.multicast for router in package.routers], bool)
    copied = multicast & (entering > 0) & (entering <= leaving)
    for router in np.flatnonzero(~copied & (entering != leaving)):
        came, went = entering[router], leaving[router]
        name = package.routers[router].name
        raise _fault(f"router {name}: {came} packets enter, {went} leave")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise _fault(what)


def _fault(what: str) -> ConservationError:
    return ConservationError(f"counts do not add up, which is a fault of chipletsim: {what}")
