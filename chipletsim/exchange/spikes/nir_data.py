"""Spikes as the data classes of NIR (``nir.data_ir``, since nir 1.0.8), and back.

NIR defines no file for them, so they are exchanged as Python objects: a ``NIRGraphData`` of
``NIRNodeData``, one for each population, whose observable is called ``spikes``, or ``values``
where events are values, or counts of spikes in a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor, inf, nextafter, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from nir.data_ir import NIRGraphData

SPIKES, VALUES = "spikes", "values"


def to_nir_data(activity: Activity, *, dt_s: float) -> NIRGraphData:
    """Return who spiked when as NIR's ``EventData`` and, for values, ``ValuedEventData``.

    Rows are padded to the sample with most events, with index -1 and infinite time, as NIR asks
    for. An event in step k has the time ``k dt``, raised by the last bit where
    ``floor(time / dt)`` would else be k - 1, so that NIR's ``to_time_gridded(dt)`` gives the raster
    that was.

    Args:
        activity: From ``simulate``.
        dt_s: Seconds in a step: ``network.dt_s``.

    Raises:
        UsageError: The installed nir has no such classes.
    """
    data_ir = _data_ir()
    times = np.array([_time(step, dt_s) for step in range(activity.steps)])
    t_max = _time(activity.steps, dt_s)
    nodes = {}
    for name, shape in activity.populations.items():
        found = [np.nonzero(each) for each in activity.spikes(name)]
        most = max((step.size for step, _ in found), default=0)
        index = np.full((activity.samples, most), -1, np.int64)
        time = np.full((activity.samples, most), np.inf)
        value = np.zeros((activity.samples, most))
        for sample, (step, neuron) in enumerate(found):
            index[sample, : step.size], time[sample, : step.size] = neuron, times[step]
            if name in activity.values:
                value[sample, : step.size] = activity.values[name][sample, step, neuron]
        common = {"idx": index, "time": time, "n_neurons": prod(shape), "t_max": t_max}
        if name in activity.values:
            observable = {VALUES: data_ir.ValuedEventData(**common, value=value)}
        else:
            observable = {SPIKES: data_ir.EventData(**common)}
        nodes[name] = data_ir.NIRNodeData(observable)
    return data_ir.NIRGraphData(nodes)


def from_nir_data(
    data: NIRGraphData | Any, *, dt_s: float, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Activity:
    """Return spikes in NIR's data classes as an activity.

    An event at time t lies in step ``floor(t / dt)``, after times are rounded to a billionth of a
    step, so that ``3 * 0.1`` lies in step 3 of 0.1.

    Args:
        data: A ``NIRGraphData`` with an observable ``spikes`` or ``values`` in each node:
            ``EventData``, ``ValuedEventData`` or ``TimeGriddedData``.
        dt_s: Seconds in a step.
        shapes: Population name to shape; [neurons] for those that are left out.

    Raises:
        ConfigError: Nodes differ in samples or steps, an event lies outside, a neuron spikes twice
            in a step, or a node is a graph of its own or has other observables.
    """
    events = {name: _observed(name, node) for name, node in data.nodes.items()}
    sizes = {name: (int(each.n_neurons),) for name, each in events.items()}
    shapes = {name: tuple((shapes or {}).get(name, size)) for name, size in sizes.items()}
    arrays = {name: _array(name, each, dt_s) for name, each in events.items()}
    if len({array.shape[:2] for array in arrays.values()}) > 1:
        words = ", ".join(f"{name} {list(array.shape[:2])}" for name, array in arrays.items())
        raise ConfigError(f"nodes differ in samples and steps: {words}")
    return Activity.from_spikes(shapes, arrays)


def _observed(name: str, node: Any) -> Any:
    """Return the events of a node."""
    observables = getattr(node, "observables", None)
    if observables is None:
        raise ConfigError(f"node {name!r} is a graph of its own, expected events")
    found = [observables[key] for key in (SPIKES, VALUES) if key in observables]
    if len(found) != 1:
        known = ", ".join(observables) or "none"
        raise ConfigError(f"node {name!r} has observables {known}, expected `spikes` or `values`")
    return found[0]


def _array(name: str, data: Any, dt_s: float) -> np.ndarray:
    """Return [samples, steps, neurons] of an observable: bool, or float32 for values."""
    if hasattr(data, "data"):
        if not np.isclose(data.dt, dt_s, rtol=1e-9, atol=0):
            raise ConfigError(f"node {name!r} has steps of {data.dt:g} s, not {dt_s:g} s")
        grid = np.asarray(data.data)
        return grid if grid.dtype == np.bool_ else grid.astype(np.float32)
    index, time = np.asarray(data.idx), np.asarray(data.time)
    there = index != -1
    if not np.array_equal(there, np.isfinite(time)):
        raise ConfigError(f"padding of node {name!r} is index -1 and time infinity, both at once")
    steps = floor(_steps(float(data.t_max), dt_s))
    step = np.full(index.shape, -1)
    step[there] = [floor(_steps(each, dt_s)) for each in time[there].tolist()]
    sample, place = np.nonzero(there)
    step, neuron = step[sample, place], index[sample, place]
    inside = (step >= 0) & (step < steps) & (neuron >= 0) & (neuron < data.n_neurons)
    if not np.all(inside):
        outside = np.count_nonzero(~inside)
        raise ConfigError(f"node {name!r} has {outside:,} events outside its steps or neurons")
    value = getattr(data, "value", None)
    grid = np.zeros(
        (len(index), steps, int(data.n_neurons)), np.bool_ if value is None else np.float32
    )
    grid[sample, step, neuron] = True if value is None else np.asarray(value)[sample, place]
    if len(np.unique(np.stack([sample, step, neuron]), axis=1).T) < len(sample):
        raise ConfigError(f"a neuron of node {name!r} has several events in a step")
    return grid


def _steps(time_s: float, dt_s: float) -> Fraction:
    """Return a time in steps, rounded to a billionth of one."""
    return Fraction(round(Fraction(time_s) / Fraction(dt_s) * 10**9), 10**9)


def _time(step: int, dt_s: float) -> float:
    """Return the time of a step, such that ``floor(time / dt)`` is the step again."""
    time_s = step * dt_s
    return time_s if int(time_s / dt_s) == step else nextafter(time_s, inf)


def _data_ir() -> Any:
    try:
        from nir import data_ir
    except ImportError:
        raise UsageError("NIR's data classes need nir 1.0.8: pip install 'nir>=1.0.8'") from None
    return data_ir
