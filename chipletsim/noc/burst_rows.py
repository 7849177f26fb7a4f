"""Packets of several bursts in columns, from which the bursts are cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.fetch_rows import FetchRows
from chipletsim.noc.listed import listed as numbers


class BurstRows(NamedTuple):
    """Packets of rows, each int64 [packets]; times in ticks.

    Deliveries are numbered packet by packet.

    Attributes:
        row: Row of each.
        source: Node that makes it.
        flow: As in `Burst.packet`.
        kind: Its size by number.
        delay: From what it answers until its node begins to make it.
        generation: For making it.
        deliveries: How many it has.
        after: Delivery that it answers, -1 for none.
        step: As in `Burst.packet`, but 0 where messages of neurons leave tiles: what is before
            those, weights that are sent unasked and work on them, has negative steps.
    """

    row: np.ndarray
    source: np.ndarray
    flow: np.ndarray
    kind: np.ndarray
    delay: np.ndarray
    generation: np.ndarray
    deliveries: np.ndarray
    after: np.ndarray
    step: np.ndarray


def with_fetches(
    listed: BurstRows, delivery: np.ndarray, processing: np.ndarray, fetches: FetchRows
) -> tuple[BurstRows, np.ndarray]:
    """Return packets, and behind them those that their deliveries ask for; and the work on all.

    Args:
        listed: Packets that answer none.
        delivery: int64 [deliveries], number in the plan of each delivery.
        processing: int64 [deliveries], ticks that a node works on each.
        fetches: What each delivery of the plan asks for.
    """
    if not fetches.back.size:
        return listed, processing
    counts = fetches.counts[delivery]
    asker = np.repeat(np.arange(delivery.size), counts)
    at = np.arange(asker.size)
    packet = numbers(fetches.first[delivery], counts)
    back = fetches.back[packet]
    asked = BurstRows(
        np.repeat(listed.row, listed.deliveries)[asker],
        fetches.source[packet],
        fetches.flow[packet],
        fetches.kind[packet],
        fetches.delay[packet],
        fetches.generation[packet],
        np.ones_like(at),
        np.where(back == 0, asker, delivery.size + at - back),
        np.zeros_like(at),
    )
    rows = BurstRows(*(np.concatenate(pair) for pair in zip(listed, asked, strict=True)))
    return rows, np.concatenate([processing, fetches.processing[packet]])


class Ordered(NamedTuple):
    """Packets in the order of bursts: row by row, node by node, those of a node as they stood.

    Attributes:
        rows: The packets.
        delivery: int64 [deliveries], number that each delivery had before.
        first: int64 [packets + 1], first delivery of each packet.
    """

    rows: BurstRows
    delivery: np.ndarray
    first: np.ndarray


def ordered(rows: BurstRows) -> Ordered:
    """Return packets in the order of bursts."""
    order = np.lexsort((rows.source, rows.row))
    before = np.cumsum(rows.deliveries) - rows.deliveries
    found = BurstRows(*(column[order] for column in rows))
    first = np.concatenate([[0], np.cumsum(found.deliveries)])
    delivery = numbers(before[order], found.deliveries)
    now = np.empty_like(delivery)
    now[delivery] = np.arange(delivery.size)
    answers = found.after >= 0
    after = (
        np.where(answers, now[np.where(answers, found.after, 0)], -1) if now.size else found.after
    )
    return Ordered(found._replace(after=after), delivery, first)
