"""What happens in each hardware row of a sample: times, what tiles do, loads of links.

Pricing keeps sums alone. Here the rows of a few samples are kept, counted and timed by the same
functions, for a trace that can be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import jax
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.constants import constants_of
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.packet_steps import PacketStepTimer
from chipletsim.cost.program import class_routes_of
from chipletsim.cost.row_numbers import row_numbers
from chipletsim.cost.step_timers import MessageStepTimer, RowStepTimer, StepTimer, TimedStep
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS, check_timing


class TracedRow(NamedTuple):
    """A hardware row of a sample.

    Attributes:
        number: Its number in the sample.
        step: How long it takes, and what is done in it.
        wire_bits: int64 [links].
    """

    number: int
    step: TimedStep
    wire_bits: np.ndarray


class RowTracer:
    """Times the rows of a single sample on a mapping, step by step.

    Args:
        mapping: Where the network lives.
        timing: Name of a timing model.

    Attributes:
        pipeline: In which row a population runs.

    Raises:
        UsageError: There is no such timing model, it is `auto`, or steps run freely.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    def __init__(self, mapping: Mapping, timing: str) -> None:
        check_timing(timing)
        if timing == "auto":
            raise UsageError(
                "a trace shows the steps of one timing model; name one instead of `auto`, such as"
                " `bound`"
            )
        if mapping.package.spec.runs_freely:
            raise UsageError(
                "a trace shows steps one after the other, and those of a package with"
                " `synchronisation: free` overlap; trace it with `barrier`"
            )
        self.pipeline = stages(mapping.network)
        model = traffic_model(mapping)
        links = np.array([link.between_dies for link in mapping.package.links], bool)
        with jax.enable_x64(True):
            self._incidence = jax.device_put(replace(model.incidence, direct=None))
            barrier_s = mapping.package.spec.barrier_of(mapping.routers_in_use)
            constants = jax.device_put(constants_of(mapping.package, barrier_s))
            self._between = jax.device_put(links)
            routes_s = class_routes_of(self._incidence, constants, model.classes.size)
        self._counter = ClassCounter(model, self.pipeline, np.asarray(routes_s)[None])
        self._timer: StepTimer
        if timing in MESSAGE_MODELS:
            self._timer = MessageStepTimer(mapping, self.pipeline, timing)
        elif timing in PACKET_MODELS:
            self._timer = PacketStepTimer(mapping, self.pipeline, timing)
        else:
            self._timer = RowStepTimer(mapping, self._incidence, constants, timing)

    def fresh(self) -> RowTracer:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._counter, other._timer = self._counter.fresh(), self._timer.fresh()
        return other

    def add(self, window: Window) -> Iterator[TracedRow]:
        """Yield the rows of one sample that are complete with its next steps.

        Raises:
            UsageError: The timing model follows single messages, but rates do not tell of them.
        """
        self._timer.push(window)
        return self._traced(chain(self._counter.add(window), self._counter.rest()))

    def close(self) -> Iterator[TracedRow]:
        """Yield the rows that are left, in which the pipeline runs empty."""
        self._timer.end()
        return self._traced(self._counter.close())

    def _traced(self, batches: Iterable[Batch]) -> Iterator[TracedRow]:
        for batch in batches:
            with jax.enable_x64(True):
                numbers = row_numbers(batch.direct, self._incidence, self._between)
            timed, wire_bits = self._timer.timed(batch, numbers), np.asarray(numbers.wire_bits)
            for place, row in enumerate(batch.places[:, 1].tolist()):
                yield TracedRow(row, timed(place), wire_bits[:, place])
