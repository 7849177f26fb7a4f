"""Files that are whole, or not there: on full disks, and where two programs write at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chipletsim.errors import UsageError
from chipletsim.report.csvs import write_csv
from chipletsim.report.trace_events import TraceFile
from chipletsim.whole_files import whole_file

LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from chipletsim import Activity, save_network
from chipletsim.errors import UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense
from chipletsim.report.folder import whole_folder
from chipletsim.report.trace_events import TraceFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

def trace():
    file = TraceFile(Path("trace.json"))
    try:
        for number in range(1000):
            file.span((1, 1), "step", number, 1.0)
        file.close({})
    finally:
        file.discard()

def folder():
    with whole_folder(Path("run")) as inside:
        (inside / "result.json").write_text("x" * 10_000)

def activity():
    spikes = {"a": np.random.default_rng(0).random((1, 1000, 80)) < 0.5}
    Activity.from_spikes({"a": (80,)}, spikes).save("activity.npz")

def network():
    return (
        NetworkBuilder("n", dt="1 ms")
        .input("in", (80,))
        .population("out", (80,), "if")
        .project("in", "out", Dense(np.random.default_rng(0).random((80, 80), np.float32)))
        .build()
    )

def nir():
    save_network(network(), "network.nir")

def arrays():
    save_network(network(), "network.yaml")

try:
    globals()[sys.argv[1]]()
except UsageError as error:
    print(error)
"""


WRITTEN = {
    "trace": "trace.json",
    "folder": "run",
    "activity": "activity.npz",
    "nir": "network.nir",
    "arrays": "network.npz",
}


@pytest.mark.parametrize(("what", "name"), WRITTEN.items())
def test_a_full_disk_is_told_with_the_name_and_nothing_stays(what, name, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, what],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert done.stdout == f"cannot write {name}: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_write_a_trace_at_once_the_last_ones_is_there_whole(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    first, second = TraceFile(path), TraceFile(path)
    for number in range(1000):  # in turns, more than is held before it is written
        first.span((1, 1), "first", number, 1.0)
        second.span((1, 1), "second", number, 1.0)
    for file in (first, second):
        file.close({})
        file.discard()
        read = json.loads(path.read_text())
        names = {each["name"] for each in read["traceEvents"]}
        assert names == {"first" if file is first else "second"}
        assert len(read["traceEvents"]) == 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, ["a"], [[1]])

    def rows():
        yield [2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(path, ["a"], rows())
    assert path.read_text().split() == ["a", "1"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_no_folder_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for parent in ("file", "missing"):
        path = tmp_path / parent / "table.csv"
        with pytest.raises(UsageError, match=f"cannot write {path}: "), whole_file(path) as part:
            part.write_text("")
