"""Neurons that did work in a step, from what the activity tells of them."""

from __future__ import annotations

from math import prod

import numpy as np

from chipletsim.cost.batch import Window
from chipletsim.cost.classes import TrafficClasses
from chipletsim.engine.activity import Activity
from chipletsim.engine.raster import add_class_counts
from chipletsim.network.pipeline import Pipeline


def update_counts(
    window: Window, classes: TrafficClasses, pipeline: Pipeline, first: int
) -> np.ndarray:
    """Return int64 [samples, steps, update classes]: neurons of each class that did work.

    A neuron that fired did work. Where the activity tells nothing of a population, all its
    neurons count in each step in which it works; see `untold`.

    Args:
        window: Steps of activity.
        classes: Classes, of updates too.
        pipeline: In which steps populations work.
        first: Number of the window's first step.
    """
    counts = np.zeros((window.samples, window.steps, classes.update_classes), np.int64)
    if not counts.size:
        return counts
    rows = counts.reshape(-1, classes.update_classes)
    start, missing = 0, untold(window)
    for number, (name, shape) in enumerate(window.populations.items()):
        own = classes.updates[start : start + prod(shape)].astype(np.int64)
        start += prod(shape)
        if not (own >= 0).any():
            continue
        if name in missing or not isinstance(window, Activity):
            ticks = np.array(pipeline.ticks(number, first, window.steps), np.int64)
            sizes = np.bincount(own[own >= 0], minlength=classes.update_classes)
            counts[:, ticks] += sizes
        else:
            worked = window.updates[name] | window.rasters[name]
            add_class_counts(rows, worked.reshape(-1, worked.shape[-1]), own)
    return counts


def untold(window: Window) -> set[str]:
    """Return the populations of which an activity does not tell who did work."""
    told = window.updates if isinstance(window, Activity) else {}
    return set(window.populations) - set(told)
