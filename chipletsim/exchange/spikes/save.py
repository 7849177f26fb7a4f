"""``save_spikes``: an activity as a file for other tools."""

from __future__ import annotations

from pathlib import Path

from chipletsim.engine.activity import Activity
from chipletsim.exchange.spikes.lists import SpikeWriter


def save_spikes(activity: Activity, path: str | Path, *, dt_s: float) -> None:
    """Write who spiked when to an .npz file, as lists of events.

    For each population ``NAME/sample``, ``NAME/step``, ``NAME/neuron`` (int32 [events]), and
    ``NAME/value`` (float32) where events are values; see `SpikeWriter`. The times are
    ``step * dt_s``. ``load_spikes`` reads it, and an experiment's ``inputs: {replay: ...}``.

    Args:
        activity: From ``simulate``.
        path: File to write.
        dt_s: Seconds in a step: ``network.dt_s``.

    Raises:
        UsageError: The file cannot be written.

    Example:
        save_spikes(activity, "spikes.npz", dt_s=network.dt_s)
        file = np.load("spikes.npz")
        print(file["hidden/step"] * file["dt_s"], file["hidden/neuron"])
    """
    with SpikeWriter(path, dt_s) as writer:
        writer.add(activity)
