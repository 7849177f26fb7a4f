"""Events in steps, against a slow reference with exact fractions; no event is lost in silence."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from event_files import EVENTS, HEIGHT, WIDTH, write
from hypothesis import given, settings
from hypothesis import strategies as st

import chipletsim as cs
from chipletsim.errors import ConfigError, UsageError
from chipletsim.exchange.events import samples
from chipletsim.exchange.events.recording import Events
from chipletsim.exchange.events.samples import SampleReader

SHAPE = (2, HEIGHT, WIDTH)


class Lists:
    """A source of events (t in ns, p, y, x) in memory, in chunks of two."""

    path = "memory"
    axes = 3
    labels = None

    def __init__(self, recordings, size=None) -> None:
        self._recordings = recordings
        self.recordings = len(recordings)
        self.size = size

    def chunks(self, recording):
        events = np.array(self._recordings[recording], np.int64).reshape(-1, 4)
        for first in range(0, len(events), 2):
            part = events[first : first + 2]
            yield Events(part[:, 0], part[:, 1:].T)


def binned(path, **options):
    return cs.bin_samples(cs.open_events(path), SHAPE, cs.Binning(**options))


def test_an_event_falls_into_the_step_that_has_begun(tmp_path) -> None:
    """Steps of 1 ms: 1.000 is in step 1, 2.999 in 2, 3.000 in 3, 70.001 in 70, 131.072 in 131."""
    spikes, tally = binned(write(tmp_path, "npz"), dt_s=1e-3, steps=132)
    assert (spikes.shape, spikes.dtype) == ((1, 132, *SHAPE), np.bool_)
    assert [tuple(each) for each in np.argwhere(spikes[0]).tolist()] == [
        (1, 1, 5, 0), (2, 0, 4, 7), (3, 0, 3, 2), (3, 1, 3, 2), (70, 1, 2, 3), (130, 0, 0, 4),
        (131, 1, 1, 5),
    ]  # fmt: skip
    assert (tally.samples, tally.events, tally.kept, tally.notes) == (1, 7, 7, [])


@pytest.mark.parametrize("dt_s", [0.1, 0.3, 1 / 3, 1e-3, 7e-9])
def test_the_beginning_of_a_step_is_in_it(dt_s: float) -> None:
    """Times are floats, such as 3 * 0.1 s, of which many divide to less than a whole number."""
    steps = [0, 1, 2, 3, 5, 6, 7, 12, 29, 58, 99]
    times = [-(-Fraction(repr(dt_s)) * step * 10**9 // 1) for step in steps]
    source = Lists(
        [[(int(time), 0, 0, step % WIDTH) for time, step in zip(times, steps, strict=True)]]
    )
    spikes, _ = cs.bin_samples(source, SHAPE, cs.Binning(dt_s=dt_s, steps=100))
    assert np.argwhere(spikes[0])[:, 0].tolist() == steps


def test_float_times_of_whole_steps_are_in_them(tmp_path) -> None:
    steps = np.arange(1000)
    np.savez(tmp_path / "a.npz", times=steps * 0.1, units=steps * 0)
    spikes, tally = cs.bin_samples(
        cs.open_events(tmp_path / "a.npz"), (1,), cs.Binning(dt_s=0.1, steps=1000)
    )
    assert spikes.all()
    assert tally.kept == 1000


events = st.lists(
    st.tuples(st.integers(-3000, 9000), st.integers(0, 1), st.integers(0, 4), st.integers(0, 6)),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(events, min_size=1, max_size=3),
    st.sampled_from([1e-6, 7e-7, 1e-3 / 3]),
    st.integers(1, 6),
    st.sampled_from(["zero", "first"]),
    st.sampled_from([0.0, 2e-6, -1e-6]),
    st.sampled_from(["spike", "count"]),
    st.sampled_from(["both", "merge", "on", "off"]),
    st.integers(1, 3),
)
def test_events_in_are_spikes_and_what_is_counted(
    recordings, dt_s, steps, start, offset_s, several, polarity, pool
) -> None:
    height, width = -(-5 // pool), -(-7 // pool)
    shape = (2, height, width) if polarity == "both" else (height, width)
    binning = cs.Binning(
        dt_s=dt_s, steps=steps, start=start, offset_s=offset_s, outside="count", several=several,
        polarity=polarity, pool=pool,
    )  # fmt: skip
    found, tally = cs.bin_samples(Lists(recordings, (2, 5, 7)), shape, binning)
    step_ns, counts = Fraction(repr(dt_s)) * 10**9, Counter()
    cells: Counter = Counter()
    for number, recording in enumerate(recordings):
        t0 = recording[0][0] if recording and start == "first" else 0
        t0 += round(offset_s * 1e9)
        for t, p, y, x in recording:
            step = (t - t0) // step_ns
            if not 0 <= step < steps:
                counts["before" if step < 0 else "after"] += 1
            elif polarity in ("on", "off") and (p == 1) != (polarity == "on"):
                counts["other_polarity"] += 1
            else:
                where = (p,) if polarity == "both" else ()
                cells[number, int(step), *where, y // pool, x // pool] += 1
    expected = np.zeros(found.shape)
    for place, number in cells.items():
        expected[place] = number if several == "count" else 1
    assert np.array_equal(found, expected)
    counts["events"] = sum(map(len, recordings))
    counts["kept"] = sum(cells.values()) if several == "count" else len(cells)
    counts["merged"] = sum(cells.values()) - counts["kept"]
    names = ("events", "kept", "merged", "before", "after", "other_polarity")
    assert {name: getattr(tally, name) for name in names} == {name: counts[name] for name in names}
    lost = tally.merged + tally.before + tally.after + tally.other_polarity
    assert tally.events == tally.kept + lost
    assert bool(tally.notes) == bool(lost)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60_000), max_size=9).map(sorted), min_size=1, max_size=3),
    st.integers(1, 5),
)
def test_windows_follow_one_another_up_to_the_last_event(recordings, steps: int) -> None:
    """Of steps of 1 us, window n holds steps n * steps to (n + 1) * steps, counted from 0."""
    source = Lists([[(t, 0, 0, t % 7) for t in times] for times in recordings])
    source.labels = np.arange(len(recordings))
    binning = cs.Binning(dt_s=1e-6, steps=steps, cut="window")
    found, tally = cs.bin_samples(source, (2, 5, 7), binning)
    expected, labels = [], []
    for number, times in enumerate(recordings):
        windows = max(times, default=0) // 1000 // steps + 1
        whole = np.zeros((windows * steps, 2, 5, 7), bool)
        for t in times:
            whole[t // 1000, 0, 0, t % 7] = True
        expected += list(whole.reshape(windows, steps, 2, 5, 7))
        labels += [number] * windows
    assert np.array_equal(found, expected)
    assert SampleReader(source, (2, 5, 7), binning).labels.tolist() == labels
    assert tally.events == tally.kept + tally.merged == sum(map(len, recordings))


def test_the_first_windows_count_their_own_events_alone(tmp_path) -> None:
    binning = cs.Binning(dt_s=1e-3, steps=2, cut="window")
    found, tally = cs.bin_samples(cs.open_events(write(tmp_path, "npz")), SHAPE, binning, samples=2)
    assert found.sum(axis=(1, 2, 3, 4)).tolist() == [1, 3]  # step 1; steps 2 and 3
    assert tally.events == 4


def test_windows_need_events_in_order() -> None:
    times = [5000, 5000, 0, 0], [5000, 0]  # Lists gives two at a time
    for each in times:
        source = Lists([[(t, 0, 0, 0) for t in each]])
        with pytest.raises(ConfigError, match="recording 0 goes back in time"):
            cs.bin_samples(source, SHAPE, cs.Binning(dt_s=1e-6, steps=1, cut="window"))


def test_a_far_event_makes_no_end_of_windows() -> None:
    source = Lists([[(0, 0, 0, 0), (2**61, 0, 0, 0)]])
    with pytest.raises(ConfigError, match="windows; most are 10,000,000"):
        cs.bin_samples(source, SHAPE, cs.Binning(dt_s=1e-6, steps=1, cut="window"))


def test_events_outside_are_an_error_that_says_what_to_do(tmp_path) -> None:
    path = write(tmp_path, "npz")
    with pytest.raises(ConfigError) as caught:
        binned(path, dt_s=1e-3, steps=100, offset_s=2e-3)
    assert str(caught.value) == (
        f"{path}: recording 0 has 1 events before and 2 after its 100 steps of 0.001 s from"
        " zero of its clock plus 0.002 s; `outside: count` leaves them out and says so,"
        " `start: first` begins with the first event"
    )
    tally = binned(path, dt_s=1e-3, steps=100, offset_s=2e-3, outside="count")[1]
    assert tally.notes == [
        "of 7 events 4 were fed; 1 lay before the first step; 2 lay after the last step"
    ]


def test_several_events_in_a_step_can_be_an_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"has 1 events in steps .* spiked already"):
        cs.bin_samples(
            cs.open_events(write(tmp_path, "npz")), (HEIGHT, WIDTH),
            cs.Binning(dt_s=1e-3, steps=132, several="error", polarity="merge"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "size", "options", "message"),
    [
        ((2, 4, 4), None, {}, r"event at y 5, but the input takes 4 from 0"),
        ((2, 1, 4), None, {"pool": 3}, r"event at y 5, but the input takes 1 from 0, each of 3"),
        ((96,), None, {}, r"population is \[96\]; give the `size`"),
        ((3, 6, 8), None, {}, r"input population is \[3, 6, 8\]"),
        ((2, 8, 6), (6, 8), {}, r"\[2, 6, 8\], but the input population is \[2, 8, 6\]"),
        ((2, 6, 8), (6, 9), {}, r"\[2, 6, 9\], but the input population"),
        ((2, 6, 8), (6, 8, 1, 1), {}, r"`size` is not \[6, 8, 1, 1\]"),
        ((6, 8), None, {}, r"input population is \[6, 8\]"),
        ((2, 6, 8), (6, 8), {"pool": 2}, r"pooled by 2: \[2, 3, 4\]"),
    ],
)
def test_addresses_must_fit_the_population(tmp_path, shape, size, options, message) -> None:
    source = cs.open_events(write(tmp_path, "npz"))
    with pytest.raises(ConfigError, match=message):
        cs.bin_samples(source, shape, cs.Binning(1e-3, 132, **options), size=size)


def test_pixels_feed_a_flat_population_row_by_row(tmp_path) -> None:
    source = cs.open_events(write(tmp_path, "npz"))
    flat, _ = cs.bin_samples(source, (96,), cs.Binning(1e-3, 132), size=(HEIGHT, WIDTH))
    whole, _ = cs.bin_samples(source, SHAPE, cs.Binning(1e-3, 132))
    assert np.array_equal(flat, whole.reshape(1, 132, 96))


def test_a_size_that_a_file_states_is_not_overruled(tmp_path) -> None:
    source = cs.open_events(write(tmp_path, "aedat4"))
    with pytest.raises(ConfigError, match=r"has size \[2, 6, 8\], but `size` is \[6, 9\]"):
        cs.bin_samples(source, (2, 6, 9), cs.Binning(1e-3, 132), size=(6, 9))


def test_sizes_are_checked_before_anything_is_made(tmp_path) -> None:
    source = cs.open_events(write(tmp_path, "npz"))
    with pytest.raises(ConfigError, match="more than the 4,294,967,296 numbers"):
        cs.bin_samples(source, SHAPE, cs.Binning(1e-3, 10**9))
    with pytest.raises(ConfigError, match="cannot be cut into"):
        cs.bin_samples(source, SHAPE, cs.Binning(1e9, 10**7))
    with pytest.raises(ConfigError, match="holds 1 samples, but 2 are asked for"):
        cs.bin_samples(source, SHAPE, cs.Binning(1e-3, 132), samples=2)
    with pytest.raises(ConfigError, match=r"cannot be cut into 1 steps of 9e-10 s"):
        cs.bin_samples(source, SHAPE, cs.Binning(9e-10, 1))
    np.savez(tmp_path / "b.npz", t=[1], units=[1])
    with pytest.raises(ConfigError, match="holds no polarities"):
        cs.bin_samples(cs.open_events(tmp_path / "b.npz"), (2,), cs.Binning(1, 1, polarity="on"))


@pytest.mark.parametrize("options", [{"steps": 0}, {"pool": 0}, {"dt_s": 0.0}, {"dt_s": np.nan}])
def test_binning_needs_numbers_above_0(options) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        cs.Binning(**({"dt_s": 1e-3, "steps": 1} | options))


def test_counts_beyond_float32_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(samples, "MOST_COUNT", 1)
    twice = [EVENTS[0], EVENTS[0]]
    with pytest.raises(ConfigError, match="over 1 events in a step"):
        binned(write(tmp_path, "npz", twice), dt_s=1e-3, steps=2, several="count")
