"""A network kept in a NIR file, and how its neurons are stepped."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import PositiveTime

NirPresetName = Literal[
    "euler",
    "exact",
    "snntorch",
    "norse",
    "norse_import",
    "sinabs",
    "spyx",
    "rockpool",
    "spikingjelly",
    "lava_dl",
]
"""Keys of ``chipletsim.network.presets.PRESETS``."""

NIR_PRESETS: dict[NirPresetName, str] = {
    "euler": "NIR's equations by forward Euler, `v_reset` in the step of the spike",
    "exact": "NIR's equations, exact for a current held in each step, `v_reset` likewise",
    "snntorch": "snnTorch's Leaky, Synaptic, RLeaky, RSynaptic; options reset, reset_delay,"
    " recurrent",
    "norse": "Norse's LIFBoxCell, LIFCell, LIBoxCell, IAFCell, as exported; options reset,"
    " v_reset, tau_scale",
    "norse_import": "a file of any origin as `norse.torch.from_nir` runs it",
    "sinabs": "Sinabs' IAF, LIF, ExpLeak, tau in steps; options reset, spikes, norm_input, v_min,"
    " from_nir",
    "spyx": "Spyx' IF, LIF, CuBaLIF, their recurrent kinds, PSU_LIF; option recurrent",
    "rockpool": "Rockpool's LIFNeuronTorch, LIFTorch, ExpSynTorch",
    "spikingjelly": "SpikingJelly's IFNode, LIFNode, ParametricLIFNode, CUBALIFNode; option"
    " parametric",
    "lava_dl": "Lava-DL's CUBA neuron as Lava runs it on Loihi, in fixed point; options scale,"
    " delay_shift",
}
"""What each preset is, in one line."""


class NirOptionsSpec(Spec):
    """What a NIR file leaves out and a framework decides; each preset knows some of these."""

    reset: Literal["subtract", "zero", "none"] | None = Field(
        None, description="after a spike: threshold subtracted, set to zero (or `v_reset`), kept"
    )
    reset_delay: bool | None = Field(
        None, description="snntorch: whether the reset comes in the step after the spike"
    )
    recurrent: bool | None = Field(
        None, description="whether a neuron is of a recurrent class, else told by a loop to itself"
    )
    spikes: Literal["single", "multi"] | None = Field(
        None, description="sinabs: at most one spike a step, or as many as fit"
    )
    norm_input: bool | None = Field(
        None, description="sinabs: whether inputs of leaky neurons are scaled by 1 - exp(-1 / tau)"
    )
    v_min: float | None = Field(None, description="sinabs: least membrane potential")
    from_nir: bool | None = Field(
        None,
        description="sinabs: as `sinabs.from_nir` runs a file: inputs not scaled, and `v_min` of"
        " IF at minus the threshold",
    )
    v_reset: float | None = Field(None, description="norse: potential after a reset")
    tau_scale: float | None = Field(
        None, gt=0, description="norse: factor of time constants; 1000 for `to_nir` without `dt`"
    )
    export_dt_s: PositiveTime | None = Field(
        None,
        alias="export_dt",
        description="time step, in the unit of the file's time constants, that they were made with",
    )
    parametric: bool | None = Field(
        None,
        description="spikingjelly: whether a LIF is a `ParametricLIFNode`, which multiplies by"
        " 1 / tau where a `LIFNode` divides by tau",
    )
    scale: int | None = Field(
        None,
        gt=0,
        description="lava_dl: thresholds are cut to multiples of 1 / scale, states to 1 / (64"
        " scale); weights that Lava-DL exported are whole numbers, with a scale of 1",
    )
    delay_shift: bool | None = Field(
        None, description="lava_dl: whether each layer acts a step later, as Lava's do"
    )
    gain: Literal["framework", "nir"] | None = Field(
        None,
        description="gain of the input current: as the framework's own export means it, or NIR's"
        " `r dt / tau`, for files of others",
    )


class NirPresetSpec(NirOptionsSpec):
    """A framework's way to step a NIR file, with options."""

    name: NirPresetName


class NirFileSpec(Spec):
    """A network kept in a NIR file."""

    nir: str = Field(description="path of the file, relative to this one")
    dt_s: PositiveTime = Field(alias="dt", description="time step; NIR files hold none")
    preset: NirPresetName | NirPresetSpec | None = Field(
        None,
        description="whose neurons the file means; that of the file's metadata, else NIR's"
        " equations by forward Euler; `chipletsim list presets` says what they do",
    )
    nodes: dict[str, NirOptionsSpec] = Field(
        {}, description="options of single neuron nodes, or of graphs inside, by name"
    )
    delayed_edges: tuple[tuple[str, str], ...] = Field(
        (), description="edges [source, target] of loops that act one step later"
    )
