"""Truncated and mutated files: read, or refused with one clear error, in bounded memory."""

import random
import tracemalloc
import zipfile

import numpy as np
import pytest
from event_files import EVENTS, HEIGHT, WIDTH, heidelberg, write

import chipletsim as cs
from chipletsim.errors import ConfigError

FORMATS = ("npz", "hdf5", "shd", "nmnist", "aedat4", "aedat3", "spikes")
MOST_BYTES = 24 << 20
"""The files take some KiB; the rest is what libraries and pieces of 2^16 events take."""


def made(folder, format: str):
    if format == "shd":
        return heidelberg(folder / "a.h5", [[0.1, 0.2]] * 3, [[1, 2]] * 3, [1, 2, 3])
    if format == "spikes":
        spikes = np.random.default_rng(0).random((3, 5, 9)) < 0.4
        activity = cs.Activity.from_spikes({"a": (9,), "b": (3, 3)}, {"a": spikes, "b": spikes})
        cs.save_spikes(activity, folder / "a.npz", dt_s=1e-3)
        return folder / "a.npz"
    return write(folder, format, EVENTS * 3)


def read(path, format: str) -> None:
    if format == "spikes":
        cs.load_spikes(path)
        return
    kind = {"shd": "hdf5"}.get(format, format)
    source = cs.open_events(path, kind)
    shape = (4,) if source.axes == 1 else (2, HEIGHT, WIDTH)
    binning = cs.Binning(1e-3, 210, outside="count", start="first")
    cs.bin_samples(source, shape, binning, samples=min(source.recordings, 3))


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return a file that ends early, or some of whose bytes are others."""
    if draw.random() < 0.25:
        return data[: draw.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4])):
        changed[draw.randrange(len(data))] = draw.choice(
            [0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)]
        )
    return bytes(changed)


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_read_or_refused_with_one_error(tmp_path, format: str) -> None:
    path = made(tmp_path, format)
    data, draw = path.read_bytes(), random.Random(format)
    refused = 0
    tracemalloc.start()  # which is slow, so for the first ones alone
    peak = 0
    for number in range(40):
        if number == 12:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        path.write_bytes(damaged(data, draw))
        try:
            read(path, format)
        except ConfigError as error:
            (problem,) = error.problems
            assert problem.file == str(path)
            assert problem.message
            assert "\n" not in problem.message
            refused += 1
    assert refused > 5, "most of these are damaged"
    assert 0 < peak < MOST_BYTES


def test_sizes_that_a_file_only_claims_are_not_allocated(tmp_path) -> None:
    """Headers that claim a terabyte, in front of nothing."""
    npy = np.lib.format
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("t", "units"):
            with archive.open(f"{name}.npy", "w") as member:
                header = {"descr": "<i8", "fortran_order": False, "shape": (2**37,)}
                npy.write_array_header_1_0(member, header)
    tracemalloc.start()
    with pytest.raises(ConfigError, match="holds 0 bytes"):
        cs.open_events(path)
    data = bytearray(made(tmp_path, "aedat4").read_bytes())
    place = data.rindex(b"EVTS") - 12  # the length in front of the last packet
    data[place : place + 4] = (2**31 - 1).to_bytes(4, "little")
    (tmp_path / "events.aedat4").write_bytes(data)
    with pytest.raises(ConfigError, match="damaged, or cut short"):
        read(tmp_path / "events.aedat4", "aedat4")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_recording_larger_than_memory_is_read_in_pieces(tmp_path) -> None:
    """2,000,000 events, 32 MB as pairs of int64, of which pieces of 2^16 are held."""
    count = 2_000_000
    path = tmp_path / "a.npz"
    t = np.arange(count, dtype=np.int32)
    np.savez(path, t=t, units=(t % 8).astype(np.uint8))
    del t
    source = cs.open_events(path)
    tracemalloc.start()
    spikes, tally = cs.bin_samples(source, (8,), cs.Binning(0.5, 4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spikes.all()
    assert (tally.events, tally.kept, tally.merged) == (count, 32, count - 32)
    assert peak < 24 << 20
