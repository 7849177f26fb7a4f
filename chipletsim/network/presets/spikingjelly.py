"""SpikingJelly: ``IFNode``, ``LIFNode``, ``ParametricLIFNode``, ``CUBALIFNode``, as exported.

``export_to_nir`` writes ``tau = tau_steps dt``, and ``r`` as 1 with ``decay_input``, else as the
time constant in steps; of IF ``r = 1 / dt``, of CubaLIF ``r = tau_mem / dt`` and
``w_in = tau_syn / dt``. Other gains are refused, as ``import_from_nir`` does. ``r`` and ``w_in``
tell dt where they are not 1; else it is the exporter's 0.1 ms. A ``ParametricLIFNode`` is written
like a ``LIFNode``, and differs in the last bit: option ``parametric``. A soft reset is not
exported, and loops are not: those of a graph act as ``import_from_nir`` runs it, where an edge
against the order of nodes acts a step later. Read in spikingjelly 2.0.0, nirtorch 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chipletsim.network.nir.delays import against_queue
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.presets.base import (
    Neuron,
    Options,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    alike,
    time_constant,
)

EXPORT_DT_S = 1e-4
_NEAR = 1e-6
"""Relative distance at which ``import_from_nir`` takes two numbers as one."""


def _if(neuron: Neuron) -> Reading:
    _demand(neuron, "r", 1 / neuron.dt, "1 / dt")
    return Reading("spikingjelly_if", _firing(neuron))


def _lif(neuron: Neuron) -> Reading:
    ratio = neuron.ratio("tau")
    if np.any(ratio >= 1):
        raise ValueError("tau must be more than one time step, as SpikingJelly's neurons have it")
    firing = _firing(neuron)
    if not np.all(_near(neuron.array("v_leak"), firing["v_reset"])):
        raise ValueError("`v_leak` must be `v_reset`: SpikingJelly's neurons leak to it")
    kind = "plif" if neuron.options["parametric"] else "lif"
    ending = "" if _decays_input(neuron, 1 / ratio) else "_whole_input"
    factor = {"rate": ratio} if kind == "plif" else {"tau_steps": 1 / ratio}
    given = {name: each.astype(np.float32) for name, each in factor.items()}
    return Reading(f"spikingjelly_{kind}{ending}", given | firing)


def _decays_input(neuron: Neuron, tau_steps: np.ndarray) -> bool:
    r = neuron.node.numbers("r")
    if np.all(_near(r, 1.0)):
        return True
    if np.all(_near(r, tau_steps)):
        return False
    raise ValueError(
        f"`r` must be 1 (with decay_input) or tau / dt (without), for dt = {neuron.dt:g} s;"
        " SpikingJelly's neurons have no other gain: check `export_dt`, or whether it wrote this"
    )


def _cubalif(neuron: Neuron) -> Reading:
    neuron.require("v_leak", 0.0)
    decays = {"alpha": neuron.decay("tau_syn"), "beta": neuron.decay("tau_mem")}
    for gain, tau in (("r", "tau_mem"), ("w_in", "tau_syn")):
        _demand(neuron, gain, 1 / neuron.ratio(tau), f"{tau} / dt")
    return Reading("spikingjelly_cubalif", decays | _firing(neuron))


def _demand(neuron: Neuron, gain: str, wanted: np.ndarray | float, words: str) -> None:
    """Raise ValueError unless a gain is the one that the framework has."""
    if not np.all(_near(neuron.node.numbers(gain, 1.0), wanted)):
        raise ValueError(
            f"`{gain}` must be {words}, for dt = {neuron.dt:g} s; SpikingJelly's neurons have no"
            " other gain: check `export_dt`, or whether it wrote this"
        )


def _firing(neuron: Neuron) -> Parameters:
    return {"v_threshold": neuron.array("v_threshold"), "v_reset": neuron.array("v_reset", 0.0)}


def _near(one: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    return np.isfinite(one) & np.isclose(one, other, rtol=_NEAR, atol=1e-12)


def _file_dt(nodes: Mapping[str, NirNode], options: Options, dt_s: float) -> float:
    """Return the time step that gains tell.

    Raises:
        ValueError: Nodes tell different ones.
    """
    if options["export_dt_s"] is not None:
        return options["export_dt_s"]
    told = {name: dt for name, node in nodes.items() for dt in _told(node)}
    if not told:
        return EXPORT_DT_S
    least, most = min(told, key=told.__getitem__), max(told, key=told.__getitem__)
    if told[most] > told[least] * (1 + _NEAR):
        raise ValueError(
            f"gains of {least!r} say a time step of {told[least]:g} s, those of {most!r}"
            f" {told[most]:g} s; SpikingJelly did not write this file, or give `export_dt`"
        )
    return told[least]


def _told(node: NirNode) -> Iterator[float]:
    """Yield the time steps that a node's gains tell; of LIF, only where the input is whole."""
    r = node.numbers("r").astype(np.float64)
    pairs: list[tuple[np.ndarray, np.ndarray]]
    if node.type == "IF":
        pairs = [(np.ones(1), r)]
    elif node.type == "CubaLIF":
        pairs = [(node.numbers("tau_mem"), r), (node.numbers("tau_syn"), node.numbers("w_in", 1.0))]
    else:
        pairs = [] if np.all(_near(r, 1.0)) else [(node.numbers("tau"), r)]
    for tau, gain in pairs:
        with np.errstate(divide="ignore", invalid="ignore"):
            dt = np.ravel(tau.astype(np.float64) / gain)[:1]
        if np.all(np.isfinite(dt) & (dt > 0)):
            yield from dt.tolist()


def _note(nodes: Mapping[str, NirNode], options: Options) -> str:
    """Say where a time step was assumed that time constants depend on."""
    leaky = any(node.type == "LIF" for node in nodes.values())
    known = [node for node in nodes.values() if node.type in SPIKINGJELLY.read]
    told = any(True for node in known for _ in _told(node))
    if leaky and not told and options["export_dt_s"] is None:
        return f"export_dt of {EXPORT_DT_S:g} s assumed, the exporter's own: no gain tells it"
    return ""


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    threshold, v_reset = parameters["v_threshold"], parameters["v_reset"]
    fields = {"v_threshold": threshold, "v_reset": v_reset}
    if model == "spikingjelly_if":
        return Writing((Part("", "IF", {"r": alike(threshold, 1.0) / dt, **fields}),))
    if model == "spikingjelly_cubalif":
        fields |= {"v_leak": alike(threshold, 0.0)}
        for decay, tau, gain in (("alpha", "tau_syn", "w_in"), ("beta", "tau_mem", "r")):
            fields[tau] = time_constant(parameters[decay], dt)
            fields[gain] = fields[tau] / dt
        return Writing((Part("", "CubaLIF", fields),))
    parametric = "rate" in parameters
    with np.errstate(divide="ignore"):
        tau_steps = 1 / parameters["rate"] if parametric else parameters["tau_steps"]
    r = tau_steps if model.endswith("_whole_input") else alike(tau_steps, 1.0)
    fields |= {"tau": tau_steps * dt, "r": r, "v_leak": v_reset}
    return Writing((Part("", "LIF", fields),), {"parametric": parametric})


SPIKINGJELLY = Preset(
    "spikingjelly",
    {"parametric": False, "export_dt_s": None},
    {"IF": _if, "LIF": _lif, "CubaLIF": _cubalif},
    dict.fromkeys(
        (
            "spikingjelly_if", "spikingjelly_lif", "spikingjelly_lif_whole_input",
            "spikingjelly_plif", "spikingjelly_plif_whole_input", "spikingjelly_cubalif",
        ),
        _write,
    ),
    _file_dt,
    fixed_dt=True,
    late_edges=against_queue,
    note=_note,
)  # fmt: skip
