"""Links over the time of free-running samples: by hand, and beside each tick of each sample."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from interconnect_cases import pair
from test_free_running import BOTH, NS, freely, in_each_step

import chipletsim as cs
from chipletsim.cost import packet_report
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.engine.activity import Activity
from chipletsim.noc import packet_model
from chipletsim.report.interconnect import interconnect_report, link_history
from chipletsim.report.interconnect_figures import write_utilisation_figure
from chipletsim.tables import render

sys.path.append(str(Path(__file__).parents[1] / "noc"))
from test_package_timing import case


@BOTH
def test_a_link_that_sends_without_a_break_by_hand(timing: str, tmp_path: Path) -> None:
    """See `test_free_running.py`: the first of 4 packets enters the link at 5 ns, and each takes 4.

    So the link is in use from 5 to 21 ns of the 37 ns that the sample takes.
    """
    mapping = freely(pair(1))
    result = cs.price(in_each_step(mapping, 4), mapping, timing=timing, interconnect=True)
    found = result.interconnect
    history = found.history
    starts_s = np.arange(len(history.time_s)) * history.bin_s
    assert history.bin_s <= 1 * NS  # 37 ns fit in 256 bins of it
    assert history.time_s.sum() == pytest.approx(37 * NS, rel=1e-12, abs=0)
    middle = starts_s + history.bin_s / 2
    used = (middle > 5 * NS) & (middle < 21 * NS)
    assert history.utilisation[:, 0] == pytest.approx(used.astype(float))
    assert history.busy_s.sum(axis=0) == pytest.approx([16 * NS, 0])
    over_time = found.to_dict()["over_time"]
    assert [each["busiest_link"] for each in over_time] == [
        mapping.package.links[0].name if there else None for there in used
    ]
    assert [each["from_s"] for each in over_time] == starts_s.tolist()
    rows = link_history(found).to_dict()
    assert rows["from_s"] == starts_s[used].tolist()
    assert sum(rows["flits"]) == 4
    assert set(rows) == {"from_s", "length_s", "link", "flits", "estimated_utilisation"}
    shown = "\n".join(render(each) for each in interconnect_report(found.to_dict(), 1))
    assert "longest queues" in shown
    assert "links over time are told by time: each flit counts with the mean time" in shown
    assert "at their worst from" not in shown  # when queues stood is not known here
    pytest.importorskip("matplotlib")
    write_utilisation_figure(tmp_path / "u.png", "free", found)


def two_lengths() -> Activity:
    """Spikes in each of four steps of the first sample, and in the first alone of the second."""
    every = in_each_step(pair(1), 4, samples=2)
    spikes = {name: every.spikes(name).copy() for name in every.populations}
    spikes["in"][1, 1:] = False
    return Activity.from_spikes(every.populations, spikes)


def test_shares_are_of_the_samples_that_still_run() -> None:
    """The second sample sends one packet, and is done before the first."""
    mapping = freely(pair(1))
    result = cs.price(two_lengths(), mapping, timing="cycle", interconnect=True)
    ends_ns = result.latency_s.sum(axis=1) / NS
    assert ends_ns[0] == pytest.approx(37)
    assert ends_ns[1] < 37
    history = result.interconnect.history
    starts_ns = np.arange(len(history.time_s)) * history.bin_s / NS
    width = history.bin_s / NS
    running = [np.clip(ends_ns - start, 0, width).sum() for start in starts_ns]
    assert history.time_s / NS == pytest.approx(running)
    assert 9 < ends_ns[1] < 37
    middle = starts_ns + width / 2
    for first, last, share in ((0, 5, 0), (5, 9, 1), (9, ends_ns[1], 0.5), (21, 37, 0)):
        chosen = (middle > first) & (middle < min(last, 21 if share else 37))
        assert history.utilisation[chosen, 0] == pytest.approx(share)


@BOTH
@pytest.mark.parametrize("name", ["copies", "frames that wait", "kinds of tiles", "clock", "row"])
@pytest.mark.parametrize("bins", [2, 16, 256])
def test_bins_have_the_flits_of_each_tick(name, timing, bins, monkeypatch) -> None:
    """Samples one by one, tick by tick, as the model itself has them, joined in a loop."""
    runs = []
    model = packet_model(timing)

    def noting(jobs, **options):
        results = model(jobs, **options)
        if options.get("each"):
            runs.extend(zip(jobs, results.times, strict=True))
        return results

    monkeypatch.setattr("chipletsim.cost.packet_rows.packet_model", lambda _: noting)
    monkeypatch.setattr(packet_report, "MOST_BINS", bins)
    mapping, activity = case(name, 4)
    mapping = freely(mapping)
    result = cs.price(activity, mapping, timing=timing, interconnect=True)
    monkeypatch.undo()
    found = result.interconnect
    history, links = found.history, found.links
    ends = [times.end(job.burst) for job, times in runs]
    tick_s = runs[0][0].network.tick_s
    width = round(history.bin_s / tick_s)
    assert width * bins >= max(ends)
    assert width == 1 or width // 2 * bins < max(ends)
    assert width & (width - 1) == 0
    port = link_ports(mapping)
    # By the end of a bin each flit has been in use since it was sent, for its time at most. Where
    # all flits take the same, bins may be off by what is sent in one of them, and by a packet.
    stops = width * (1 + np.arange(len(history.time_s)))
    per_flit = links["busy_s"] / tick_s / np.maximum(links["flits"], 1)
    done, sent = np.zeros((stops.size, port.size)), np.zeros_like(history.flits)
    for (job, _), end in zip(runs, ends, strict=True):
        (of_ticks,) = model([job], bins=end + 1, bin_ticks=1).history
        for link, tick in zip(*np.nonzero(of_ticks[port]), strict=True):
            used = np.clip(stops - tick, 0, per_flit[link])
            done[:, link] += of_ticks[port[link], tick] * used
            sent[tick // width, link] += of_ticks[port[link], tick]
    assert np.array_equal(sent, history.flits)
    assert np.array_equal(sent.sum(axis=0), links["flits"])
    most_flits = max(job.burst.packet[:, 2].max() for job, _ in runs)
    off = np.abs(np.cumsum(history.busy_s, axis=0) / tick_s - done)
    intervals = runs[0][0].network.intervals
    alike = links["frames"] == 0
    if intervals is not None:
        alike &= (np.ptp(intervals[port], axis=1) == 0) | (links["flits"] == 0)
    assert (off <= len(runs) * (width + per_flit * most_flits))[:, alike].all()
    if name == "row":
        assert (alike & (links["flits"] > 0)).any()
    assert history.busy_s.sum(axis=0) == pytest.approx(links["busy_s"], rel=1e-12, abs=0)
    assert history.utilisation.max() <= 1 + 1e-12
    assert history.time_s.sum() == pytest.approx(result.latency_s.sum(), rel=1e-12, abs=0)


def link_ports(mapping) -> np.ndarray:
    """The port of each link."""
    from chipletsim.cost.package_rows import PackageRows, Shared

    shared = Shared(mapping, packet_plans(mapping))
    rows = PackageRows(mapping, mapping.package, shared, spares_bound=False)
    return rows.packets.network.link_port
