"""Spyx: ``IF``, ``LIF``, ``CuBaLIF``, their recurrent kinds and ``PSU_LIF``, as ``to_nir`` writes.

A spike tells of the membrane of the step before. ``r`` and ``w_in`` mean nothing: ``to_nir``
writes beta there. Put right are its edge from the input of a recurrent layer to the recurrent
weights instead of the neurons, ``Flatten`` in the order (H, W, C), and padding of a pooling that
is the sum of both sides. Read in spyx 1.0.0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.presets.base import (
    Neuron,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    Written,
    alike,
    time_constant,
)

PSU = "PSU_LIF"
"""Type that a ``LI`` becomes which leads to nothing but a ``Threshold``."""


def _lif(neuron: Neuron) -> Reading:
    leaky = neuron.node.type == "LIF"
    threshold = neuron.array("v_threshold")
    beta = neuron.decay("tau") if leaky else alike(threshold, 1.0)
    if leaky and neuron.options["gain"] == "nir":
        threshold = (threshold / neuron.gain("tau")).astype(np.float32)
    return _spiking(neuron, "lif", {"beta": beta, "v_threshold": threshold})


def _cubalif(neuron: Neuron) -> Reading:
    threshold = neuron.array("v_threshold")
    if neuron.options["gain"] == "nir":
        w_in = neuron.node.numbers("w_in", 1.0) * neuron.ratio("tau_syn")
        threshold = (threshold / (neuron.gain("tau_mem") * w_in)).astype(np.float32)
    decays = {"alpha": neuron.decay("tau_syn"), "beta": neuron.decay("tau_mem")}
    return _spiking(neuron, "cubalif", {**decays, "v_threshold": threshold})


def _spiking(neuron: Neuron, kind: str, parameters: Parameters) -> Reading:
    """Return the model; a recurrent one, whose spikes act in their own step, takes inputs late.

    Spyx: z = H(v - threshold), then v from I and z, with the recurrent I of this very z. A
    step later in all it receives, a neuron may spike at the end of a step: z is the same, and
    the loop acts one step later.
    """
    neuron.require("v_leak", 0.0)
    asked = neuron.options["recurrent"]
    if neuron.recurrent if asked is None else asked:
        return Reading(f"spyx_r{kind}", parameters, input_delay=1)
    return Reading(f"spyx_{kind}", parameters)


def _li(neuron: Neuron) -> Reading:
    neuron.require("v_leak", 0.0)
    beta = neuron.decay("tau")
    return Reading("sinabs_li", {"alpha": beta, "gain": alike(beta, 1.0)})


def _psu(neuron: Neuron) -> Reading:
    parameters = {"beta": neuron.decay("tau"), "v_threshold": neuron.array("threshold")}
    return Reading("spyx_psu_lif", parameters)


def _exports(neuron: Neuron) -> Written:
    if neuron.options["gain"] == "nir":
        return {}  # a file of any origin
    kind = neuron.node.type
    fields: Written = {"r": ("", 1.0), "v_reset": ("", 0.0)}
    if kind == "IF":
        return fields
    fields["v_leak"] = ("", 0.0)
    if kind == "LIF":
        fields["r"] = ("1 - dt / tau", 1 - neuron.ratio("tau"))
    elif kind == "CubaLIF":
        fields["r"] = ("1 - dt / tau_mem", 1 - neuron.ratio("tau_mem"))
        fields["w_in"] = ("", 1.0)
        neuron.ratio("tau_syn")
    else:
        neuron.ratio("tau")
    return fields


def _prepare(graph: NirGraph) -> NirGraph:
    nodes = {name: _repaired(name, node) for name, node in graph.nodes.items()}
    edges = _to_neurons(nodes, graph.edges)
    joined = _thresholds_of_one(nodes, edges)
    for name, membrane in joined.items():
        fields = {**nodes.pop(name).fields, **nodes[membrane].fields}
        nodes[membrane] = replace(nodes[membrane], type=PSU, fields=fields)
    edges = [
        (joined.get(source, source), target)
        for source, target in edges
        if joined.get(target) != source
    ]
    return replace(graph, nodes=nodes, edges=tuple(edges))


def _thresholds_of_one(nodes: dict[str, NirNode], edges: list[tuple[str, str]]) -> dict[str, str]:
    """Return each ``Threshold`` behind a ``LI`` that leads nowhere else, and the ``LI``."""
    leaving = Counter(source for source, _ in edges)
    arriving = Counter(target for _, target in edges)
    return {
        target: source
        for source, target in edges
        if (nodes[source].type, nodes[target].type) == ("LI", "Threshold")
        if leaving[source] == arriving[target] == 1
    }


def _repaired(name: str, node: NirNode) -> NirNode:
    if node.graph is not None:
        return replace(node, graph=_prepare(node.graph))
    if node.type != "SumPool2d" or not np.any(node.fields.get("padding", 0)):
        return node
    try:
        both = np.array(node.pair("padding", 0))
    except ValueError as error:
        raise ConfigError([Problem(str(error), f"nodes.{name}")]) from None
    if np.any(both % 2):
        message = (
            f"pads {both.tolist()} zeros in all, which Spyx puts unevenly on both sides; pad the"
            " planes in front, or pool without padding"
        )
        raise ConfigError([Problem(message, f"nodes.{name}")])
    return replace(node, fields={**node.fields, "padding": both // 2})


def _to_neurons(
    nodes: dict[str, NirNode], edges: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    """Return edges with those from an input to the weights of a loop led to its neuron."""
    if len(nodes) != 4:
        return list(edges)
    found = []
    for source, target in edges:
        if nodes[source].type == "Input" and nodes[target].type in ("Affine", "Linear"):
            back = [end for start, end in edges if start == target]
            if len(back) == 1 and (back[0], target) in edges and _faulty(nodes, edges, source):
                found.append((source, back[0]))
                continue
        found.append((source, target))
    return found


def _faulty(nodes: dict[str, NirNode], edges: tuple[tuple[str, str], ...], source: str) -> bool:
    """Whether an input leads to a loop's weights alone, as in what Spyx writes."""
    return sum(start == source for start, _ in edges) == 1


def _write_li(model: str, parameters: Parameters, dt: float) -> Writing:
    tau = time_constant(parameters["alpha"], dt)
    fields = {"tau": tau, "r": parameters["gain"], "v_leak": alike(tau, 0.0)}
    return Writing((Part("", "LI", fields),))


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    beta = parameters["beta"]
    tau, zero = time_constant(beta, dt), alike(beta, 0.0)
    if model == "spyx_psu_lif":
        fields = {"tau": tau, "r": alike(beta, 1.0), "v_leak": zero}
        threshold = {"threshold": parameters["v_threshold"]}
        return Writing((Part("", "LI", fields), Part("_threshold", "Threshold", threshold)))
    options = {"recurrent": model.startswith("spyx_r")}
    fields = {"r": beta, "v_leak": zero, "v_threshold": parameters["v_threshold"], "v_reset": zero}
    if "alpha" not in parameters:
        return Writing((Part("", "LIF", {"tau": tau, **fields}),), options)
    tau_syn = time_constant(parameters["alpha"], dt)
    fields |= {"tau_mem": tau, "tau_syn": tau_syn, "w_in": alike(beta, 1.0)}
    return Writing((Part("", "CubaLIF", fields),), options)


SPYX = Preset(
    "spyx",
    {"recurrent": None, "gain": "framework", "export_dt_s": None},
    {"IF": _lif, "LIF": _lif, "CubaLIF": _cubalif, "LI": _li, PSU: _psu},
    {
        "sinabs_li": _write_li,
        **dict.fromkeys(
            ("spyx_lif", "spyx_rlif", "spyx_cubalif", "spyx_rcubalif", "spyx_psu_lif"), _write
        ),
    },
    prepare=_prepare,
    channels_last=True,
    pads_in_all=True,
    fixed_dt=True,
    joined_type=PSU,
    exports=_exports,
)
