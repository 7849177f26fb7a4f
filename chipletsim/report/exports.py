"""Files that a run writes beside its folder where they are asked for: spikes, and a trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chipletsim.errors import UsageError

if TYPE_CHECKING:
    from chipletsim.exchange.spikes.lists import SpikeWriter
    from chipletsim.mapping.model import Mapping
    from chipletsim.report.trace import TraceWriter


class Exports:
    """What is written of the activity of a run.

    Args:
        spikes: An .npz file of spikes, see `SpikeWriter`; None for none.
        trace: A JSON file of the trace, see `TraceWriter`; None for none.
        force: Whether files that are there may be replaced.

    Attributes:
        written: What was written, in words, once it is.

    Raises:
        UsageError: A file cannot be written there.
    """

    def __init__(
        self,
        spikes: str | Path | None = None,
        trace: str | Path | None = None,
        *,
        force: bool = False,
    ) -> None:
        self._spikes = None if spikes is None else Path(spikes)
        self._trace = None if trace is None else Path(trace)
        self.written: tuple[str, ...] = ()
        for path in (self._spikes, self._trace):
            if path is not None:
                _refuse_unwritable(path, force=force)
        if self._spikes and self._trace and self._spikes.resolve() == self._trace.resolve():
            raise UsageError(f"spikes and trace cannot both be written to {self._trace}")

    def __bool__(self) -> bool:
        return self._spikes is not None or self._trace is not None

    @contextmanager
    def watchers(
        self, mapping: Mapping, timing: str, *, sample_steps: int, drawn: bool
    ) -> Iterator[list[SpikeWriter | TraceWriter]]:
        """Yield what is to be shown all activity; files are written if the block ends well.

        Args:
            mapping: Where the network lives.
            timing: Name of the timing model.
            sample_steps: Network steps of all samples.
            drawn: Whether activity is drawn from rates, so that there are no spikes to list.

        Raises:
            UsageError: Spikes are asked for but drawn, or a file cannot be written.
        """
        from chipletsim.exchange.spikes.lists import SpikeWriter
        from chipletsim.report.trace import TraceWriter

        if self._spikes is not None and drawn:
            raise UsageError("this experiment states rates; events are drawn, and none are listed")
        spikes = self._spikes and SpikeWriter(self._spikes, mapping.network.dt_s)
        trace = self._trace and TraceWriter(self._trace, mapping, timing, sample_steps)
        try:
            yield [each for each in (spikes, trace) if each]
            if spikes:
                spikes.close()
                self.written += (f"spikes written to {self._spikes}: {spikes.events:,} events",)
            if trace:
                trace.close()
                self.written += (f"trace written to {self._trace}: {trace.summary}",)
        finally:
            for each in (spikes, trace):
                if each:
                    each.discard()


def _refuse_unwritable(path: Path, *, force: bool) -> None:
    """Raise UsageError where a file cannot be written, before hours are spent on its contents."""
    if path.is_file() and not force:
        raise UsageError(f"{path} is there already; --force (force=True) replaces it")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write {path}: permission denied")
