"""The file of spikes: for each population, in which sample and step which neuron spikes."""

from __future__ import annotations

import tempfile
import zipfile
from math import prod
from pathlib import Path
from shutil import copyfileobj
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.lib import format as npy

from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.whole_files import whole_file

FORMAT = "chipletsim spikes 1"
MOST_NUMBER = 2**31 - 1

_COLUMNS = {"sample": np.int32, "step": np.int32, "neuron": np.int32, "value": np.float32}
_SPOOL_BYTES = 1 << 20


class SpikeWriter:
    """Writes spikes as they come, so that they need not fit in memory.

    The .npz file holds, for each population, ``NAME/sample``, ``NAME/step`` and ``NAME/neuron``,
    int32 [events], ordered by sample, step and neuron (in row-major order of ``NAME/shape``);
    and ``NAME/value``, float32 [events], where events are values, or counts of spikes in a step.
    Beside them ``populations``, ``counted`` (those with counts), ``samples``, ``steps``, ``dt_s``
    (seconds in a step), and the fingerprints ``network`` and ``inputs``. Updates and recorded
    states are not in it; ``Activity.save`` keeps them.

    Args:
        path: File to write, once it is whole.
        dt_s: Seconds in a step.

    Attributes:
        events: Events written so far, a count of z as z.

    Example:
        with SpikeWriter("spikes.npz", network.dt_s) as writer:
            for window in simulate_windows(network, inputs, 100):
                writer.add(window)
    """

    def __init__(self, path: str | Path, dt_s: float) -> None:
        self._path = Path(path)
        self._dt_s = dt_s
        self.events = 0
        self._first: Activity | None = None
        self._columns: dict[str, _Column] = {}
        self._samples = 0
        self._group = 0
        self._steps = 0
        self._most_steps: int | None = None
        self._inputs: list[str] = []

    def add(self, activity: Activity) -> None:
        """Write the next steps of the samples; of a single one, unless it comes whole.

        Raises:
            UsageError: The activity is of another network or of other samples, or more than one
                sample comes in several windows, so that events would not be ordered.
        """
        if self._first is None:
            self._first = activity.of_samples(0, 0)
            self._columns = {name: _Column() for name in self._names(activity)}
        if _form(activity) != _form(self._first):
            raise UsageError("the spikes to write are of different networks")
        if self._steps and (activity.samples, self._group) != (1, 1):
            raise UsageError("spikes of several samples are written whole, not in windows")
        self._group = activity.samples
        if activity.inputs not in self._inputs:
            self._inputs.append(activity.inputs)
        for sample in range(activity.samples):
            for name in activity.populations:
                self._add_sample(activity, name, sample)
        self._steps += activity.steps

    def next_samples(self) -> None:
        """End the samples added so far; what is added from now on is of further ones.

        Raises:
            UsageError: They have other steps than those before.
        """
        if self._most_steps not in (None, self._steps):
            raise UsageError(f"samples of {self._steps} steps follow ones of {self._most_steps}")
        self._samples += self._group
        self._most_steps = self._steps
        self._group = self._steps = 0

    def close(self) -> None:
        """Write the file.

        Raises:
            UsageError: It cannot be written, or nothing was added.
        """
        if self._first is None:
            raise UsageError("there are no spikes to write")
        if self._group:
            self.next_samples()
        try:
            with (
                whole_file(self._path) as part,
                zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                for name, value in self._header(self._first).items():
                    _write_array(archive, name, np.asarray(value))
                for name, column in self._columns.items():
                    column.write(archive, name)
        finally:
            self.discard()

    def discard(self) -> None:
        """Give up what is not written yet; a file that is whole stays."""
        for column in self._columns.values():
            column.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        self.discard()

    def _add_sample(self, activity: Activity, name: str, sample: int) -> None:
        size = prod(activity.populations[name])
        raster = activity.rasters[name][sample]
        step, neuron = np.nonzero(np.unpackbits(raster, axis=-1, count=size, bitorder="little"))
        counted = name in activity.counted
        self.events += int(activity.values[name][sample].sum()) if counted else step.size
        self._columns[f"{name}/sample"].add(np.full(step.size, self._samples + sample, np.int32))
        self._columns[f"{name}/step"].add((step + self._steps).astype(np.int32))
        self._columns[f"{name}/neuron"].add(neuron.astype(np.int32))
        if name in activity.values:
            self._columns[f"{name}/value"].add(activity.values[name][sample][step, neuron])

    def _names(self, activity: Activity) -> list[str]:
        graded = activity.values
        return [
            f"{name}/{column}"
            for name in activity.populations
            for column in _COLUMNS
            if column != "value" or name in graded
        ]

    def _header(self, first: Activity) -> dict[str, Any]:
        header: dict[str, Any] = {
            "format": FORMAT,
            "populations": np.array(list(first.populations), np.str_),
            "counted": np.array(first.counted, np.str_),
            "samples": self._samples,
            "steps": self._most_steps or 0,
            "dt_s": float(self._dt_s),
            "network": first.network,
            "inputs": self._inputs[0] if len(self._inputs) == 1 else "",
        }
        shapes = {
            f"{name}/shape": np.array(shape, np.int64) for name, shape in first.populations.items()
        }
        return header | shapes


def _form(activity: Activity) -> tuple[Any, ...]:
    """Return what activities of one file have in common."""
    network, shapes = activity.network, activity.populations
    return network, shapes, set(activity.values), activity.counted


class _Column:
    """Numbers that are kept in memory while they are few, and in a temporary file then."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115  see `close`
        self._rows = 0
        self._dtype: np.dtype | None = None

    def add(self, values: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(values).tobytes())
        self._rows += len(values)

    def write(self, archive: zipfile.ZipFile, name: str) -> None:
        dtype = np.dtype(_COLUMNS[name.rsplit("/", 1)[1]])
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            _write_header(member, (self._rows,), dtype)
            self._file.seek(0)
            copyfileobj(self._file, member, _SPOOL_BYTES)

    def close(self) -> None:
        self._file.close()


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as member:
        _write_header(member, array.shape, array.dtype)
        member.write(array.tobytes())


def _write_header(member: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(member, header)
