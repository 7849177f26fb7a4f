"""Files of each format, made by hand, hold the events that were put into them."""

import numpy as np
import pytest
from aedat4_file import EVENT, MAGIC, header, packet
from event_files import EVENTS, HEIGHT, WIDTH, aedat3, aedat4, heidelberg, nmnist, write

import chipletsim as cs
from chipletsim.errors import ConfigError, UsageError
from chipletsim.exchange.events import recording, unpack

FORMATS = ("npz", "hdf5", "nmnist", "aedat4", "aedat3")


def listed(source, number: int = 0):
    """Return all events of a recording as (time in ns, *address)."""
    return [
        (int(t), *map(int, address))
        for chunk in source.chunks(number)
        for t, address in zip(chunk.time_ns, chunk.address.T, strict=True)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_what_was_put_into_it(tmp_path, format: str) -> None:
    source = cs.open_events(write(tmp_path, format))
    assert listed(source) == [(1000 * t, p, y, x) for t, x, y, p in EVENTS]
    assert listed(source) == listed(source), "read again"
    assert (source.recordings, source.axes, source.labels) == (1, 3, None)
    assert source.size == ((2, HEIGHT, WIDTH) if format == "aedat4" else None)


@pytest.mark.parametrize("format", ["npz", "hdf5", "nmnist"])
def test_files_are_read_in_pieces(tmp_path, format: str, monkeypatch) -> None:
    path = write(tmp_path, format)
    for module in ("columns", "nmnist"):
        monkeypatch.setattr(f"chipletsim.exchange.events.{module}.CHUNK_EVENTS", 3)
    source = cs.open_events(path)
    assert [len(chunk.time_ns) for chunk in source.chunks(0)] == [3, 3, 1]
    assert listed(source) == [(1000 * t, p, y, x) for t, x, y, p in EVENTS]


def test_overflows_of_nmnist_add_8192_us_from_there_on(tmp_path, monkeypatch) -> None:
    """In front of the third and of the last event there is one: y = 240."""
    over = (0, 0, 240, 0)
    events = [*EVENTS[:2], over, *EVENTS[2:6], over, EVENTS[6]]
    (tmp_path / "a.bin").write_bytes(nmnist(events))
    times = [0, 0, 8192, 8192, 8192, 8192, 16384]
    expected = [
        (1000 * (t + more), p, y, x) for (t, x, y, p), more in zip(EVENTS, times, strict=True)
    ]
    source = cs.open_events(tmp_path / "a.bin")
    assert listed(source) == expected
    monkeypatch.setattr("chipletsim.exchange.events.nmnist.CHUNK_EVENTS", 4)
    assert listed(source) == expected


def test_heidelberg_files_are_read_recording_by_recording(tmp_path) -> None:
    path = heidelberg(
        tmp_path / "shd.h5", [[0.5, 0.25], [], [1.0]], [[7, 699], [], [3]], [4, 0, 19]
    )
    source = cs.open_events(path)
    assert [listed(source, number) for number in range(3)] == [
        [(500_000_000, 7), (250_000_000, 699)], [], [(1_000_000_000, 3)],
    ]  # fmt: skip
    assert source.labels.tolist() == [4, 0, 19]
    assert (source.axes, source.size) == (1, None)


def test_half_precision_times_are_what_they_are(tmp_path) -> None:
    """The nearest float16 to 0.001 is 1049 / 2^20 = 0.00100040435791015625."""
    path = heidelberg(tmp_path / "shd.h5", [[0.001]], [[0]], [0])
    assert listed(cs.open_events(path)) == [(1_000_404, 0)]


def test_overflows_of_aedat3_add_2_to_the_31_us(tmp_path) -> None:
    (tmp_path / "a.aedat").write_bytes(aedat3(EVENTS, overflows=3))
    assert listed(cs.open_events(tmp_path / "a.aedat")) == [
        (1000 * (t + 3 * 2**31), p, y, x) for t, x, y, p in EVENTS
    ]


def test_events_of_aedat3_that_are_marked_invalid_are_none(tmp_path) -> None:
    data = bytearray(aedat3(EVENTS))
    data[-8] &= 0xFE
    (tmp_path / "a.aedat").write_bytes(data)
    assert len(listed(cs.open_events(tmp_path / "a.aedat"))) == len(EVENTS) - 1


@pytest.mark.parametrize(("number", "library"), [(1, "lz4.frame"), (3, "zstandard")])
def test_packets_of_aedat4_may_be_compressed(tmp_path, number, library, monkeypatch) -> None:
    module = pytest.importorskip(library)
    compress = module.compress if library == "lz4.frame" else module.ZstdCompressor().compress
    array = np.zeros(1000, EVENT)
    array["t"] = np.arange(1000) * 10
    content = compress(packet(array))
    head = MAGIC + header(WIDTH, HEIGHT, number)
    path = tmp_path / "a.aedat4"
    path.write_bytes(head + np.array([0, len(content)], "<i4").tobytes() + content)
    source = cs.open_events(path)
    assert [t for t, *_ in listed(source)] == list(range(0, 10_000_000, 10_000))
    monkeypatch.setattr(unpack, "MAX_PACKET_BYTES", 8000)  # the packet takes 16,000 and more
    with pytest.raises(ConfigError, match="unpacks to more"):
        listed(source)
    content = content[: len(content) // 2]
    path.write_bytes(head + np.array([0, len(content)], "<i4").tobytes() + content)
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="damaged: packet at byte"):
        listed(cs.open_events(path))


def test_without_the_library_the_message_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lz4.frame", None)
    (tmp_path / "a.aedat4").write_bytes(MAGIC + header(WIDTH, HEIGHT, 1))
    with pytest.raises(UsageError, match=r"needs lz4.frame: pip install 'chipletsim\[events\]'"):
        cs.open_events(tmp_path / "a.aedat4")


def test_aedat_reads_the_same_events(tmp_path) -> None:
    """The decoder `aedat`, another implementation in Rust, of random events."""
    aedat = pytest.importorskip("aedat")
    random = np.random.default_rng(5)
    t = np.sort(random.integers(0, 2**50, 500)).tolist()
    x, y, p = (random.integers(0, most, 500).tolist() for most in (WIDTH, HEIGHT, 2))
    path = tmp_path / "a.aedat4"
    path.write_bytes(aedat4(list(zip(t, x, y, p, strict=True)), packets=7))
    theirs = np.concatenate([each["events"] for each in aedat.Decoder(str(path))])
    ours = np.array(listed(cs.open_events(path)))
    assert np.array_equal(ours[:, 0], theirs["t"].astype(np.int64) * 1000)
    assert np.array_equal(ours[:, 1:].T, [theirs["on"], theirs["y"], theirs["x"]])


def test_the_table_of_contents_of_aedat4_is_no_packet(tmp_path) -> None:
    content = aedat4(EVENTS, packets=1)
    head = header(WIDTH, HEIGHT)
    body = content[len(MAGIC + head) :]
    placed = header(WIDTH, HEIGHT, table_position=len(content))
    path = tmp_path / "a.aedat4"
    path.write_bytes(MAGIC + placed + body + b"table of contents")
    assert len(listed(cs.open_events(path))) == len(EVENTS)
    path.write_bytes(MAGIC + placed + body[:-40])
    with pytest.raises(ConfigError, match="cut short"):
        listed(cs.open_events(path))


@pytest.mark.parametrize("names", [("times", "units"), ("t", "channel"), ("ts", "idx")])
def test_spike_trains_have_the_usual_names(tmp_path, names) -> None:
    columns = {names[0]: np.array([0.25, 0.5]), names[1]: np.array([3, 4])}
    np.savez(tmp_path / "a.npz", **columns, size=9, labels=[5])
    source = cs.open_events(tmp_path / "a.npz")
    assert listed(source) == [(250_000_000, 3), (500_000_000, 4)]
    assert (source.size, source.labels.tolist()) == ((9,), [5])


def test_an_array_of_records_is_a_table_too(tmp_path) -> None:
    table = np.array([(5, 1, 2, -1), (6, 3, 0, 1)], [(name, int) for name in "txyp"])
    np.savez(tmp_path / "a.npz", events=table, size=[4, 4])
    source = cs.open_events(tmp_path / "a.npz", time_unit="ms")
    assert listed(source) == [(5_000_000, 0, 2, 1), (6_000_000, 1, 0, 3)]
    assert source.size == (2, 4, 4)


def test_recordings_of_one_table_are_numbered(tmp_path, monkeypatch) -> None:
    sample = [0, 0, 2, 2, 2]
    np.savez(tmp_path / "a.npz", t=range(5), x=range(5), y=[0] * 5, sample=sample, labels=[7, 8, 9])
    monkeypatch.setattr(recording, "CHUNK_EVENTS", 2)
    source = cs.open_events(tmp_path / "a.npz")
    assert (source.recordings, source.labels.tolist()) == (3, [7, 8, 9])
    assert [[each[2] for each in listed(source, number)] for number in (2, 1, 0)] == [
        [2, 3, 4], [], [0, 1],
    ]  # fmt: skip


def test_rows_of_nir_are_recordings(tmp_path) -> None:
    idx = np.array([[3, 1, -1], [2, -1, -1]])
    time = np.array([[0.1, 0.3, np.inf], [0.2, np.inf, np.inf]])
    np.savez(tmp_path / "a.npz", idx=idx, time=time, n_neurons=4)
    source = cs.open_events(tmp_path / "a.npz")
    assert [listed(source, number) for number in range(2)] == [
        [(100_000_000, 3), (300_000_000, 1)], [(200_000_000, 2)],
    ]  # fmt: skip
    assert source.size == (4,)


def test_folders_are_read_by_file_name_so_that_classes_mix(tmp_path) -> None:
    for label, name, count in ((3, "00002", 1), (3, "00004", 2), (10, "00001", 3), (0, "00003", 4)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        (tmp_path / str(label) / f"{name}.bin").write_bytes(nmnist(EVENTS[:count]))
    (tmp_path / "readme.txt").write_text("no events")
    source = cs.open_events(tmp_path)
    assert source.labels.tolist() == [10, 3, 0, 3]
    assert [len(listed(source, number)) for number in range(4)] == [3, 1, 4, 2]
    (tmp_path / "unnamed").mkdir()
    (tmp_path / "unnamed" / "00005.bin").write_bytes(b"")
    assert cs.open_events(tmp_path).labels is None
    assert cs.open_events(tmp_path / "3").labels is None, "its own name says nothing"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"t": [1], "x": [1]}, "expected arrays `t`, `x`, `y`"),
        ({"t": [1], "times": [1], "units": [1]}, "holds both t and times"),
        ({"t": [1, 2], "x": [1], "y": [1]}, "different lengths: t 2, y 1, x 1"),
        ({"t": [1.0], "units": [1.5]}, "`units` of type float64, expected whole numbers"),
        ({"t": [1.0], "units": [-1]}, "`units` from -1 to -1"),
        ({"t": [np.nan], "units": [1]}, "no finite numbers"),
        ({"t": [2**62], "units": [1]}, "out of range"),
        ({"t": [np.uint64(2**64 - 1)], "units": [1]}, "out of range"),
        ({"t": ["a"], "units": [1]}, "times of type"),
        ({"t": [1], "x": [1], "y": [1], "p": [2]}, "polarities other than 0, 1 and -1"),
        ({"t": [[1]], "units": [1]}, r"'t' is \[1, 1\], expected \[events\]"),
        ({"t": [1, 2], "units": [1, 2], "sample": [1, 0]}, "must not fall"),
        ({"t": [1, 2], "units": [1, 2], "sample": [0, 5], "labels": [0]}, "recording number 5"),
        ({"t": [1], "units": [1], "labels": [0, 1]}, "2 labels but one recording"),
        ({"t": [1], "units": [1], "labels": [0.5]}, "labels are float64"),
        ({"t": [1], "units": [1], "size": [1, 2]}, "expected 1 lengths"),
        ({"idx": [[1]], "time": [[np.inf]]}, "padding is idx -1"),
        ({"idx": [[1]], "time": [[0.1, 0.2]]}, "expected one shape"),
        ({"idx": np.zeros((0, 3)), "time": np.zeros((0, 3))}, "no recordings"),
    ],
)
def test_faulty_arrays_are_refused_with_one_message(tmp_path, arrays, message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ConfigError, match=message) as caught:
        listed(cs.open_events(tmp_path / "a.npz"))
    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", b"1234", "no whole number of events"),
        ("a.aedat4", b"#!AER-DAT2.0\r\n", "no AEDAT4 file"),
        ("a.aedat", b"#!AER-DAT2.0\r\n", "no AEDAT 3.1 file"),
        ("a.aedat", b"#!AER-DAT3.1\r\n#Format: SERIALIZED_TS\r\n", "expected RAW"),
        ("a.h5", b"not HDF5", "cannot be read as HDF5"),
        ("a.npz", b"not zip", "cannot be read as an .npz file"),
        ("a.txt", b"", "name of no known format"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, name, content, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        cs.open_events(tmp_path / name)


def test_what_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        cs.open_events(tmp_path / "a.npz")
    with pytest.raises(ConfigError, match="no files of events"):
        cs.open_events(tmp_path)
    with pytest.raises(UsageError, match="unknown format 'aer'; known: npz, hdf5"):
        cs.open_events(tmp_path, "aer")
    with pytest.raises(UsageError, match="unknown unit"):
        cs.open_events(tmp_path, time_unit="hours")
