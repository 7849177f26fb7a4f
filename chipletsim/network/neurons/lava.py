"""Neurons of Lava in the fixed point of Loihi.

Source: ``lava.proc.lif.models.PyLifModelBitAcc`` of lava-nc 0.10.0, which a Lava-DL network runs on
(``netx.hdf5``: ``du = iDecay - 1``, ``dv = vDecay``), and ``slayer.neuron.cuba.Neuron`` of Lava-DL,
which trains it; Orchard et al., "Efficient neuromorphic signal processing with Loihi 2", IEEE
SiPS (2021). States are whole numbers of 24 bits with their sign, decays are 4096ths, and all
quotients and currents are cut towards zero. All of that is exact in float32.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    exact_product,
    no_factors,
)

UNITY = 4096.0
"""A decay of all there is in a step: 2^12."""
MOST = 2.0**23
"""Currents wrap beyond it, membranes stop before it."""


def lava_cubalif_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """CUBA neuron of Loihi.

    ``i = wrap(cut((4096 - current_decay) i / 4096) + cut(units I))``, then
    ``v = stop(cut((4096 - voltage_decay) v / 4096) + i)``; a spike where ``v >= reach``, and
    ``v = 0``. ``reach`` is one more than the threshold, which itself does not spike.
    """
    arrived = _cut(xp, exact_product(xp, constants["units"], current))
    i = _wrapped(xp, _kept(xp, state["i"], constants["current_decay"]) + arrived)
    v = _kept(xp, state["v"], constants["voltage_decay"]) + i
    v = xp.minimum(xp.maximum(v, 1 - MOST), MOST - 1)
    spike = xp.greater_equal(v, constants["reach"])
    return {"i": i, "v": xp.where(spike, xp.zeros_like(v), v)}, spike


def _cut(xp: Any, values: Any) -> Any:
    """Return whole numbers, cut towards zero; training follows ``floor``, but not ``trunc``."""
    size = xp.floor(xp.abs(values))
    return xp.where(values < 0, -size, size)


def _kept(xp: Any, whole: Any, decay: Any) -> Any:
    """Return ``(4096 - decay) whole / 4096``, cut towards zero; every number on the way is exact.

    The product needs 35 bits, so that the upper and the lower half are multiplied on their own.
    """
    left, size = UNITY - decay, xp.abs(whole)
    upper = xp.floor(size / UNITY)
    lower = size - upper * UNITY
    kept = upper * left + xp.floor(lower * left / UNITY)
    return xp.where(whole < 0, -kept, kept)


def _wrapped(xp: Any, i: Any) -> Any:
    """Return currents in 24 bits: more than 2^23 comes out below 0, -2^23 or less above."""
    i = xp.where(i > MOST, i - 2 * MOST, i)
    return xp.where(i <= -MOST, i + 2 * MOST, i)


LAVA_MODELS = (
    NeuronModel(
        "lava_cubalif",
        {
            "current_decay": Parameter(
                UNITY, "1", "4096ths of the current that decay in a step", whole=True
            ),
            "voltage_decay": Parameter(
                0.0, "1", "4096ths of the membrane that decay in a step", whole=True
            ),
            "reach": Parameter(None, "1", "membrane, in units, that spikes", whole=True),
            "units": Parameter(64.0, "1", "units of the states in a current of 1", positive=True),
        },
        {"i": None, "v": None},
        Event.SPIKE,
        no_factors,
        lava_cubalif_step,
    ),
)
