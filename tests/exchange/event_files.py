"""Files of events in all formats, made by hand from one list of events.

An event is (t in us, x, y, p). Files are written byte by byte, or with `h5py` and NumPy alone.
"""

import struct
from pathlib import Path

import aedat4_file
import h5py
import numpy as np

WIDTH, HEIGHT = 8, 6
EVENTS = [
    (1000, 0, 5, 1), (2999, 7, 4, 0), (3000, 2, 3, 1), (3000, 2, 3, 0), (70_001, 3, 2, 1),
    (130_999, 4, 0, 0), (131_072, 5, 1, 1),
]  # fmt: skip


def nmnist(events) -> bytes:
    """Five bytes an event: x, y, p and 23 bits of time."""
    return b"".join(
        struct.pack(">BBBH", x, y, p << 7 | t >> 16, t & 0xFFFF) for t, x, y, p in events
    )


def aedat4(events, packets: int = 2) -> bytes:
    array = np.zeros(len(events), aedat4_file.EVENT)
    for name, column in zip(("t", "x", "y", "on"), zip(*events, strict=True), strict=True):
        array[name] = column
    return aedat4_file.recording(array, WIDTH, HEIGHT, packets)


def aedat3(events, overflows: int = 0) -> bytes:
    """One packet of polarity events behind one of special events (type 0), which are none."""
    data = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    data += struct.pack("<hhiiiiii", 0, 1, 8, 4, 0, 1, 1, 1) + struct.pack("<Ii", 1, 0)
    data += struct.pack("<hhiiiiii", 1, 1, 8, 4, overflows, len(events), len(events), len(events))
    for t, x, y, p in events:
        data += struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t)
    return data


def write(folder: Path, format: str, events=tuple(EVENTS)) -> Path:
    """Write the events to a file of a format, and return it."""
    t, x, y, p = (np.array(column) for column in zip(*events, strict=True))
    if format == "npz":
        path = folder / "events.npz"
        np.savez(path, t=t, x=x.astype(np.uint8), y=y.astype(np.uint16), p=p.astype(bool))
        return path
    if format == "hdf5":
        path = folder / "events.h5"
        with h5py.File(path, "w") as file:
            for name, column in {"t": t, "x": x, "y": y, "p": p}.items():
                file[f"events/{name}"] = column
        return path
    ending, data = {
        "nmnist": ("bin", nmnist), "aedat4": ("aedat4", aedat4), "aedat3": ("aedat", aedat3),
    }[format]  # fmt: skip
    path = folder / f"events.{ending}"
    path.write_bytes(data(events))
    return path


def heidelberg(path: Path, times, units, labels, dtype=np.float16) -> Path:
    """Write a file as those of the Heidelberg digits: ragged times in seconds, and units."""
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes")
        for name, rows, kind in (("times", times, dtype), ("units", units, np.uint16)):
            data = group.create_dataset(name, (len(rows),), dtype=h5py.vlen_dtype(kind))
            for number, row in enumerate(rows):
                data[number] = np.array(row, kind)
        file["labels"] = np.array(labels, np.uint8)
        file["extra/speaker"] = np.zeros(len(labels), np.uint8)
    return path
