"""Neurons that did work in a step, from what the activity tells of them."""

from __future__ import annotations

import numpy as np

from chipletsim.cost.batch import Window
from chipletsim.cost.classes import TrafficClasses
from chipletsim.engine.activity import Activity
from chipletsim.engine.raster import add_class_counts
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.pipeline import Pipeline
from chipletsim.tiles import PipelineCore


def update_counts(
    window: Window, network: Network, classes: TrafficClasses, pipeline: Pipeline, first: int
) -> np.ndarray:
    """Return int64 [samples, steps, update classes]: neurons of each class that did work.

    A neuron that fired did work. Where the activity tells nothing of a population, all its
    neurons count in each step in which it works.

    Args:
        window: Steps of activity.
        network: The network.
        classes: Classes, of updates too.
        pipeline: In which steps populations work.
        first: Number of the window's first step.
    """
    counts = np.zeros((window.samples, window.steps, classes.update_classes), np.int64)
    if not counts.size:
        return counts
    rows = counts.reshape(-1, classes.update_classes)
    for number, population in enumerate(network.populations):
        own = classes.updates[slice(*network.offsets[number : number + 2])].astype(np.int64)
        worked = told(window, population)
        if worked is None:
            sizes = np.bincount(own[own >= 0], minlength=classes.update_classes)
            counts[:, np.array(pipeline.ticks(number, first, window.steps), np.int64)] += sizes
        elif isinstance(window, Activity):
            worked = worked | window.rasters[population.name]
            add_class_counts(rows, worked.reshape(-1, worked.shape[-1]), own)
    return counts


def updated_always(window: Window, mapping: Mapping) -> list[str]:
    """Return the populations on pipeline cores whose neurons all count as updated in each step.

    Input channels are updated where they send, whatever the activity tells.
    """
    populations = mapping.network.populations
    cores = {
        part.population
        for part in mapping.slices
        if isinstance(mapping.package.tiles[part.tile].parameters, PipelineCore)
    }
    return [
        populations[index].name
        for index in sorted(cores)
        if populations[index].model != "input" and told(window, populations[index]) is None
    ]


def told(window: Window, population: Population) -> np.ndarray | None:
    """Return uint8 [samples, steps, bytes], who did work in a step; None if nobody tells.

    Args:
        window: Steps of activity.
        population: A population; its model must tell it, too.
    """
    if not isinstance(window, Activity) or not NEURON_MODELS[population.model].tells_updates:
        return None
    return window.updates.get(population.name)
