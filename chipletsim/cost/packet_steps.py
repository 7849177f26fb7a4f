"""Steps by a model of packets, for a trace."""

from __future__ import annotations

from chipletsim.cost.latency import row_resources
from chipletsim.cost.package_rows import PackageRows, Shared
from chipletsim.cost.step_timers import ListedStepTimer, TimedStep
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc import packet_model
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.messages import RowEvents
from chipletsim.noc.packet_spans import BUSY_BINS, busy_links, packet_spans


class PacketStepTimer(ListedStepTimer):
    """Steps by a model of packets.

    Each is run twice: to know how long it takes, and to see when in that time links are in use.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.
        timing: Name of the model.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on the package.
    """

    def __init__(self, mapping: Mapping, pipeline: Pipeline, timing: str) -> None:
        plan = message_plan(mapping)
        super().__init__(mapping, pipeline, timing, plan.neuron)
        shared = Shared(mapping, plan)
        self._rows = PackageRows(mapping, mapping.package, shared, spares_bound=False)
        self._model = packet_model(timing)
        self._words = row_resources(mapping.package).words

    def step(self, events: RowEvents) -> TimedStep:
        """Return a step, see `ListedStepTimer`.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        rows = self._rows
        jobs = rows.jobs(rows.listed(events), events)
        (job,) = jobs.jobs
        results = self._model([job])
        timed = rows.times(jobs, results.times)
        spans, left_out = packet_spans(job, results.times[0])
        end = results.times[0].end(job.burst)
        bin_ticks = max(1, -(-end // BUSY_BINS))
        again = self._model([job], bins=BUSY_BINS, bin_ticks=bin_ticks)
        return TimedStep(
            float(timed.latency_s[0]),
            self._words[int(timed.resource[0])],
            spans,
            busy_links(rows.packets.network, again.counts[0], again.history[0], bin_ticks, end),
            left_out,
        )
