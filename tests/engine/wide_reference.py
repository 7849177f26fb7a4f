"""Networks in double precision once more, neuron by neuron in plain Python floats.

Written from the description of the neurons alone; it shares no arithmetic with the engine.
Sums are formed event by event, in a list that holds every synaptic event of a step.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, OneToOne, Sparse
from chipletsim.network.model import Network, Projection

NONE, SOFT, HARD, SATURATE = range(4)


@dataclass
class Traces:
    """What a run gave, by population: lists [steps][neurons]."""

    spikes: dict[str, list[list[bool]]] = field(default_factory=dict)
    updates: dict[str, list[list[bool]]] = field(default_factory=dict)
    states: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)


def simulate_slowly(network: Network, inputs: dict[str, np.ndarray], steps: int) -> Traces:
    """Return what one sample does; ``inputs`` are [steps, neurons]."""
    traces = Traces()
    neurons = {each.name: _neurons(each, network.dt_s) for each in network.populations}
    for each in network.populations:
        traces.spikes[each.name], traces.updates[each.name] = [], []
        states = STATES.get(each.model, ())
        traces.states[each.name] = {name: [] for name in states}
    synapses = [(each, _synapses(each, network)) for each in network.projections]
    for step in range(steps):
        arriving = _arriving(network, synapses, traces, step)
        for each in network.populations:
            if each.model == "input":
                row = [bool(x) for x in np.ravel(inputs[each.name][step])]
                traces.spikes[each.name].append(row)
                traces.updates[each.name].append(row)
                continue
            events = [arriving.get((each.name, i)) for i in range(each.size)]
            done = [
                STEPS[each.model](neuron, given, step == 0)
                for neuron, given in zip(neurons[each.name], events, strict=True)
            ]
            traces.spikes[each.name].append([fired for fired, _ in done])
            traces.updates[each.name].append([updated for _, updated in done])
            for name, kept in traces.states[each.name].items():
                kept.append([neuron[name] for neuron in neurons[each.name]])
    return traces


def _neurons(population, dt_s):
    """Return a dictionary of parameters and states of each neuron."""
    if population.model == "input":
        return [{} for _ in range(population.size)]
    given = {**DEFAULTS[population.model], **population.parameters}
    full = {
        name: np.broadcast_to(np.asarray(value, np.float64), population.shape).ravel().tolist()
        for name, value in given.items()
    }
    neurons = [{name: values[i] for name, values in full.items()} for i in range(population.size)]
    for neuron in neurons:
        neuron |= {"v": neuron.get("potential", 0.0), "u": 0.0, "r": 0.0}
    return neurons


def _synapses(projection: Projection, network: Network):
    """Return for each source the list of its targets and weights."""
    connection = projection.connection
    source, target = (network.population(projection.source), network.population(projection.target))
    if isinstance(connection, Sparse):
        return [
            [
                (int(connection.targets[k]), float(connection.weight[k]))
                for k in range(connection.indptr[i], connection.indptr[i + 1])
            ]
            for i in range(source.size)
        ]
    if isinstance(connection, Dense):
        return [
            [(j, float(connection.weight[j, i])) for j in range(target.size)]
            for i in range(source.size)
        ]
    if isinstance(connection, OneToOne):
        return [[(i, float(connection.weight[i]))] for i in range(source.size)]
    return _convolution(connection, source.shape, target.shape)


def _convolution(connection: Conv2d, source, target):
    lists = [[] for _ in range(math.prod(source))]
    outputs, per_group, taps_y, taps_x = connection.weight.shape
    for output in range(outputs):
        for y in range(target[1]):
            for x in range(target[2]):
                for channel in range(per_group):
                    c = output // (outputs // connection.groups) * per_group + channel
                    for ky in range(taps_y):
                        for kx in range(taps_x):
                            in_y = y * connection.stride[0] + ky * connection.dilation[0]
                            in_x = x * connection.stride[1] + kx * connection.dilation[1]
                            in_y -= connection.padding[0][0]
                            in_x -= connection.padding[1][0]
                            if 0 <= in_y < source[1] and 0 <= in_x < source[2]:
                                place = (c * source[1] + in_y) * source[2] + in_x
                                end = (output * target[1] + y) * target[2] + x
                                weight = float(connection.weight[output, channel, ky, kx])
                                lists[place].append((end, weight))
    return lists


def _arriving(network, synapses, traces, step):
    """Return for each neuron that an event reaches the sum of its weights."""
    events = []
    for number, (projection, lists) in enumerate(synapses):
        sent = step - projection.delay
        if sent < 0:
            continue
        first = int(network.offsets[network.index[projection.source]])
        for source, fired in enumerate(traces.spikes[projection.source][sent]):
            if fired:
                rank = first + source
                if network.summation_rank is not None:
                    rank = int(network.summation_rank[rank])
                for place, (target, weight) in enumerate(lists[source]):
                    events.append((sent, rank, number, place, projection.target, target, weight))
    sums = {}
    for *_, population, target, weight in sorted(events, key=lambda event: event[:4]):
        sums[population, target] = sums.get((population, target), 0.0) + weight
    return sums


def loihi(n, given, first):
    """Advance a neuron; return whether it fired and whether it did work."""
    updated = abs(n["v"]) > 0 or given is not None or abs(n["bias"]) > 0 or n["force_update"] != 0
    if not first:
        n["u"] *= n["input_decay"]
        n["v"] *= n["leak_decay"]
    scaled = n["v"] * 64
    inside = -(2**31) - 1 < scaled < 2**31
    n["v"] = (int(scaled) if inside else -(2**31)) / 64
    fired = False
    if n["r"] == 0:
        n["v"] += n["bias"]
        n["u"] += 0.0 if given is None else given
        n["v"] += n["u"]
        if n["v"] > n["threshold"]:
            fired = True
            n["r"] = n["refractory_delay"]
            if n["reset_mode"] == HARD:
                n["v"] = n["reset"]
            elif n["reset_mode"] == SOFT:
                n["v"] -= n["threshold"]
        if n["v"] < n["reverse_threshold"]:
            if n["reverse_reset_mode"] == SOFT:
                n["v"] -= n["reverse_threshold"]
            elif n["reverse_reset_mode"] == HARD:
                n["v"] = n["reverse_reset"]
            elif n["reverse_reset_mode"] == SATURATE:
                n["v"] = n["reverse_threshold"]
    n["r"] = max(0.0, n["r"] - 1)
    return fired, updated or fired


def truenorth(n, given, first):
    """Advance a neuron; return whether it fired and whether it did work."""
    updated = abs(n["v"]) > 0 or given is not None or abs(n["bias"]) > 0 or n["force_update"] != 0
    if n["leak_towards_zero"]:
        if n["v"] > 0:
            n["v"] -= n["leak"]
        elif n["v"] < 0:
            n["v"] += n["leak"]
    else:
        n["v"] += n["leak"]
    n["v"] += n["bias"]
    if given is not None:
        n["v"] += given
    if n["v"] >= n["threshold"]:
        if n["reset_mode"] == HARD:
            n["v"] = n["reset"]
        elif n["reset_mode"] == SOFT:
            n["v"] -= n["threshold"]
        elif n["reset_mode"] == SATURATE:
            n["v"] = n["threshold"]
        return True, True
    if n["v"] <= n["reverse_threshold"]:
        if n["reverse_reset_mode"] == HARD:
            n["v"] = n["reverse_reset"]
        elif n["reverse_reset_mode"] == SOFT:
            n["v"] += n["reverse_threshold"]
        elif n["reverse_reset_mode"] == SATURATE:
            n["v"] = n["reverse_threshold"]
    return False, updated


STEPS = {"loihi_lif": loihi, "truenorth": truenorth}
STATES = {"loihi_lif": ("v", "u", "r"), "truenorth": ("v",)}
COMMON = {
    "threshold": 0.0, "bias": 0.0, "reset": 0.0, "reverse_threshold": 0.0, "reverse_reset": 0.0,
    "force_update": 0.0, "reset_mode": HARD, "reverse_reset_mode": NONE,
}  # fmt: skip
DEFAULTS = {
    "loihi_lif": COMMON
    | {"leak_decay": 1.0, "input_decay": 0.0, "refractory_delay": 0.0, "potential": 0.0},
    "truenorth": COMMON | {"leak": 0.0, "leak_towards_zero": 1.0},
}
