"""All rows of a deployment: layer after layer, inputs brought, work done, sums reduced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.deployment.deliveries import Delivery, deliveries
from chipletsim.deployment.layout import OUTSIDE, Layout, Part
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.residence import Residence
from chipletsim.deployment.rows import WORK, Events, Row, Rows, Transfers
from chipletsim.deployment.signals import Signals
from chipletsim.deployment.streaming import Streams
from chipletsim.deployment.transfers import Network, Reader
from chipletsim.deployment.work import events_of, updates
from chipletsim.models import Kind, Model
from chipletsim.package.model import Package


@dataclass(frozen=True, eq=False)
class Schedule:
    """Everything that happens for one batch.

    Attributes:
        rows: In the order in which they follow one another.
        transfers: Packets of the rows.
        events: Events of the rows on tiles.
        barriers: Name of a layer to how often a barrier ends an application of it.
        encoded: float64 [tiles], values encoded as spikes times steps.
        decoded: float64 [tiles], spikes decoded to values.
    """

    rows: tuple[Row, ...]
    transfers: Transfers
    events: Events
    barriers: dict[str, int]
    encoded: np.ndarray
    decoded: np.ndarray


def schedule(
    model: Model, package: Package, plan: Plan, layout: Layout, residence: Residence
) -> Schedule:
    """Return all rows of a deployment.

    A barrier ends each application of a layer that multiplies, updates neurons, or for which
    something moves. Other layers are done where their inputs are, with those.
    """
    return _Writer(model, package, plan, layout, residence).write()


class _Writer:
    """Writes the rows of one deployment, layer by layer."""

    def __init__(
        self, model: Model, package: Package, plan: Plan, layout: Layout, residence: Residence
    ) -> None:
        self._package, self._layout = package, layout
        self._spiking = bool(model.of(Kind.NEURON))
        self._rows = Rows()
        self._signals = Signals(model, plan, package.spec.packet)
        self._network = Network(package, self._signals, self._rows)
        self._streams = Streams(package, self._signals, residence, self._rows)
        self._due: dict[str, list[Delivery]] = {}
        self._senders: set[str] = set()
        self._barriers: dict[str, int] = {}
        for delivery in deliveries(model, layout):
            self._due.setdefault(delivery.reader, []).append(delivery)
            if delivery.messages.any():
                self._senders.add(delivery.source.layer.name)

    def write(self) -> Schedule:
        """Return all rows."""
        for name, part in self._layout.parts.items():
            due = self._due.get(name, [])
            answers = [each for each in due if each.source is part]
            before = len(self._rows.rows)
            for delivery in due:
                if delivery.source is not part:
                    self._network.deliver(delivery, Reader(name, part.stage))
            moved = len(self._rows.rows) > before
            self._work(part, due)
            if part.rows is not None:
                self._network.reduce(part)
            for delivery in answers:
                self._network.deliver(delivery, Reader(name, part.stage))
            if moved or part.layer.macs or updates(part, self._spiking):
                self._barriers[name] = self._signals.applications(part.layer)
        return Schedule(
            tuple(self._rows.rows),
            self._rows.transfers(),
            self._rows.events(),
            self._barriers,
            self._network.encoded,
            self._network.decoded,
        )

    def _work(self, part: Part, due: list[Delivery]) -> None:
        applied = self._signals.applications(part.layer)
        row = self._rows.open(part.layer.name, part.stage, WORK, applied)
        self._messages(row, part, due)
        if part.group == OUTSIDE:
            return
        rate, plan = self._signals.input_rate(part.layer), self._signals.plan
        for event in events_of(part, self._package, plan, rate, spiking=self._spiking):
            self._rows.do(row, event.quantity, event.tiles, event.amount)
        self._streams.add(row, part)

    def _messages(self, row: int, part: Part, due: list[Delivery]) -> None:
        """Add the spikes or values that a layer receives and sends; partial sums are none."""
        share = self._signals.plan.batch / self._rows.rows[row].times
        for delivery in due:
            amount = delivery.messages * (share * self._events(delivery.source))
            self._rows.do(row, "input_messages", delivery.tiles, amount)
        if part.layer.name in self._senders:
            values = part.shares * part.values_per_channel
            self._rows.do(row, "output_spikes", part.tiles, values * (share * self._events(part)))

    def _events(self, part: Part) -> float:
        """Return the events of an output for an inference: spikes of all steps, or values."""
        sending = self._signals.sending(part.layer, crosses=False)
        return sending.times * sending.rate
