"""Pricing window by window: all that `price` does, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import fsum
from typing import Self

import numpy as np

from chipletsim.cost.auto_timer import AutoTimer
from chipletsim.cost.batch import Batch, Window, require_same_network
from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.columns import Columns
from chipletsim.cost.conservation import check_conservation
from chipletsim.cost.energy import energy_table
from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.latency import latency_report, message_resources, row_resources
from chipletsim.cost.link_uses import link_uses
from chipletsim.cost.message_bits import populations_as_expected
from chipletsim.cost.message_timer import MessageTimer, listed
from chipletsim.cost.native_counter import NativeCounter
from chipletsim.cost.program import Energies
from chipletsim.cost.provenance import provenance
from chipletsim.cost.restart import Restartable
from chipletsim.cost.result import EventTotals, Result
from chipletsim.cost.row_times import PortSums
from chipletsim.cost.rows import RowPricer, RowTotals
from chipletsim.cost.timed import TimedRun, as_asked
from chipletsim.cost.traffic_tables import layer_table
from chipletsim.cost.updates import updated_always
from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import is_counted
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import UsageError
from chipletsim.kernels import native_kernels
from chipletsim.mapping.model import Mapping
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS, check_timing
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.package.model import Package

MOST_FINGERPRINTS = 16
"""So many fingerprints of inputs are listed; more are joined to one."""


class CostStream(Restartable):
    """Prices activity window by window, for runs whose raster does not fit in memory.

    The result is that of the whole run, to the last bit. What is kept grows by a dozen
    numbers with each row of each sample, and by no more.

    Args:
        mapping: Where the network lives.
        packages: Packages of the structure of the mapping's; that one alone if left out.
        timing: Name of a timing model, or `auto`, see `AutoTimer`.
        sample_steps: Network steps of all samples, by which `auto` foresees from the first window
            what is to be followed; those of that window if left out.
        say: Called with a line of text as steps are timed by models that follow messages.
        interconnect: Whether results tell of packets and links, where the model follows them.
        plans: Packets of the mapping, for models that follow them; made if left out.

    Raises:
        UsageError: There is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.

    Example:
        stream = CostStream(mapping)
        for window in simulate_windows(network, inputs, 100, mapping=mapping):
            stream.add(window)
        result = stream.close()

    Where not even the samples fit, ``next_samples`` begins with further ones:

        for batch in batches:
            for window in simulate_windows(network, batch, 100, mapping=mapping):
                stream.add(window)
            stream.next_samples()
        result = stream.close()
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        packages: Sequence[Package] | None = None,
        timing: str = "bound",
        sample_steps: int | None = None,
        say: Callable[[str], None] | None = None,
        interconnect: bool = False,
        plans: PacketPlans | None = None,
    ) -> None:
        check_timing(timing)
        self._mapping = mapping
        self._packages = list(packages or [mapping.package])
        self._timing = timing
        self._network = fingerprint(mapping.lowered())
        self._origins = provenance(mapping, self._packages, self._network)
        self._pipeline = stages(mapping.network)
        self._model = traffic_model(mapping)
        self._timer: MessageTimer | None = None
        self._auto: AutoTimer | None = None
        placed = mapping, self._packages, self._pipeline
        if timing == "auto":
            self._auto = AutoTimer(
                *placed, sample_steps, say, interconnect=interconnect, plans=plans
            )
        elif timing in (*MESSAGE_MODELS, *PACKET_MODELS):
            self._timer = MessageTimer(*placed, timing, say, interconnect=interconnect, plans=plans)
        # What packets lose is told beside `bound`.
        told = interconnect and timing in PACKET_MODELS
        of_rows = "bound" if self._auto or told else None if self._timer else timing
        self._pricer = RowPricer(self._model, self._packages, of_rows)
        self._counters: dict[type, NativeCounter | ClassCounter] = {}
        self._begin()
        # The native counter reads rasters, and would know nothing of messages, updates or counts;
        # and it takes it that all populations work in every step.
        every_step = not self._pipeline.in_spans
        classes = self._model.classes
        counts = any(is_counted(each) for each in mapping.network.populations)
        plain = every_step and not (counts or classes.messages or classes.update_classes)
        self._native = native_kernels() and plain
        self._counter_of(NativeCounter if self._native else ClassCounter)

    def fresh(self) -> Self:
        """Return a stream without activity, which shares all that the mapping has in common."""
        other = super().fresh()
        other._pricer = self._pricer.fresh()
        other._timer = self._timer.fresh() if self._timer else None
        other._auto = self._auto.fresh() if self._auto else None
        return other

    def _begin(self) -> None:
        self._counter: NativeCounter | ClassCounter | None = None
        self._before: NativeCounter | ClassCounter | None = None
        self._sources: list[str] = []
        self._samples: int | None = None
        self._steps = 0
        self._drawn = False
        self._expected: list[str] = []
        self._every_update: list[str] = []
        self._samples_done = 0
        self._steps_done: int | None = None
        self._class_events = np.zeros(self._model.classes.size, np.int64)

    def add(self, window: Window) -> None:
        """Price the next steps of all samples.

        Raises:
            UsageError: The window is of another network or of other samples, or draws from
                rates follow one another: they have no windows; or there are too many to list
                for a model that follows messages.
        """
        self._check(window)
        window = listed(window, self._timing, self._model.classes.neuron_class)
        if window.inputs not in self._sources:
            self._sources.append(window.inputs)
        for name in updated_always(window, self._mapping):
            if name not in self._every_update:
                self._every_update.append(name)
        if self._counter is None:
            native = isinstance(window, Activity) and self._native
            kind = NativeCounter if native else ClassCounter
            expected = populations_as_expected(window, self._model.classes)
            self._expected = list(dict.fromkeys([*self._expected, *expected]))
            before = self._before
            self._counter = (
                before.further() if isinstance(before, kind) else self._counter_of(kind).fresh()
            )
        self._price(self._counter.add(window))  # type: ignore[arg-type]
        if self._auto:
            self._auto.add(window)
        if self._timer and isinstance(window, Activity):
            self._timer.add(window)
        self._steps += window.steps

    def next_samples(self) -> None:
        """End the samples added so far: windows added from now on are of further samples.

        Raises:
            UsageError: They have other steps than the samples before, or there are none.
        """
        if self._counter is None or self._samples is None:
            raise UsageError("there are no windows of these samples")
        if self._steps_done not in (None, self._steps):
            raise UsageError(
                f"these samples have {self._steps} steps, those before {self._steps_done}"
            )
        self._price(self._counter.close())
        self._pricer.next_samples()
        for timer in (self._timer, self._auto):
            if timer:
                timer.next_samples()
        self._class_events += self._counter.class_events
        self._samples_done += self._samples
        self._steps_done = self._steps
        self._before, self._counter = self._counter, None
        self._samples, self._steps = None, 0

    def _price(self, batches: Iterator[Batch]) -> None:
        """Price batches of the present samples, which come after those that are done."""
        for batch in batches:
            places = batch.places + np.array([self._samples_done, 0])
            self._pricer.add(batch._replace(places=places))

    def close(self) -> Result:
        """Return the result of all windows, on the first package."""
        return self.close_all()[0]

    def close_all(self) -> list[Result]:
        """Return the result of all windows, on each package.

        Raises:
            ConservationError: Counts do not add up, which is a fault of chipletsim.
        """
        if self._counter is not None:
            self.next_samples()
        times = self._times(self._pricer.close(self._class_events))
        totals = times.totals
        check_conservation(self._model, totals.counted, totals.class_events)
        time_s = np.array([fsum(each.ravel().tolist()) for each in totals.latency_s])
        energies = self._pricer.energies(time_s, totals.counted)
        layers = layer_table(self._model, totals, self._steps_done or 0)
        return [
            self._result(times, layers, number, energy) for number, energy in enumerate(energies)
        ]

    def _times(self, totals: RowTotals) -> TimedRun:
        """Return totals with the times of rows.

        Args:
            totals: As a model of rows timed them, if it was asked to.
        """
        if self._auto:
            return self._auto.close(totals)
        count = len(self._packages)
        ports: Sequence[PortSums] = []
        told: list[Interconnect | None] = [None] * count
        if self._timer and self._samples_done:
            latency_s, resource, by_bound = self._timer.close()
            each_own = zip(latency_s, totals.latency_s, by_bound, strict=True)
            told = [self._timer.interconnect(number, *own) for number, own in enumerate(each_own)]
            totals = replace(totals, latency_s=latency_s, resource=resource)
            ports = self._timer.ports
        timed = as_asked(self._timing, totals.samples * totals.rows)
        return TimedRun(totals, [*ports] or [None] * count, [timed] * count, told)

    def _counter_of(
        self, kind: type[NativeCounter] | type[ClassCounter]
    ) -> NativeCounter | ClassCounter:
        """Return the counter of a kind that has counted nothing; made once."""
        if kind not in self._counters:
            routes_s = self._pricer.class_routes_s
            self._counters[kind] = kind(self._pricer.model, self._pipeline, routes_s)
        return self._counters[kind]

    def _check(self, window: Window) -> None:
        """Refuse activity of another network, or windows of different samples."""
        require_same_network(window, self._mapping, self._network)
        if self._steps and (self._drawn or isinstance(window, RateActivity)):
            raise UsageError("activity drawn from rates is priced as a whole, not in windows")
        self._drawn = isinstance(window, RateActivity)
        if self._samples is None:
            self._samples = window.samples
        if window.samples != self._samples:
            raise UsageError(f"the window has {window.samples} samples, not {self._samples}")

    def _result(self, times: TimedRun, layers: Columns, number: int, energies: Energies) -> Result:
        totals, timed, ports = times.totals, times.timed[number], times.ports[number]
        package = self._packages[number]
        latency_s, resource = totals.latency_s[number], totals.resource[number]
        interval = self._pipeline.initiation_interval
        depth = int(self._pipeline.stage.max(initial=0))
        uses = link_uses(package, totals.counted, ports) if ports else None
        return Result(
            mapping=replace(self._mapping, package=package),
            timing=timed.model,
            timed=timed,
            samples=totals.samples,
            steps=self._steps_done or 0,
            events=EventTotals.of(totals),
            energy=energy_table(package, energies, totals.samples, uses),
            link_uses=uses,
            latency=latency_report(
                latency_s,
                resource,
                message_resources(package)
                if self._timing in MESSAGE_MODELS
                else row_resources(package),
                barrier_s=package.spec.barrier_of(self._mapping.routers_in_use),
                initiation_interval=interval,
                depth=depth,
            ),
            layers=layers,
            latency_s=latency_s,
            totals=totals,
            expected_messages=tuple(self._expected),
            every_update=tuple(self._every_update),
            interconnect=times.interconnect[number],
            provenance=self._origins[number] | {"inputs_fingerprints": self._fingerprints()},
        )

    def _fingerprints(self) -> list[str]:
        """Return the fingerprints of the inputs; those of many batches of samples as one."""
        if len(self._sources) <= MOST_FINGERPRINTS:
            return list(self._sources)
        joined = hashlib.sha256(" ".join(self._sources).encode()).hexdigest()
        return [f"{len(self._sources)} batches: {joined}"]
