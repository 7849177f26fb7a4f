"""The network file: populations of neurons and the projections between them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from chipletsim.spec.base import Spec
from chipletsim.units import PositiveTime, is_quantity

Pair = tuple[int, int]


def _with_unit(text: str) -> str:
    if not is_quantity(text):
        raise ValueError(f"expected a number, or one with a unit such as '0.5 mV', got {text!r}")
    return text


NumberWithUnit = Annotated[str, AfterValidator(_with_unit)]
Number = float | NumberWithUnit
"""A plain number, or text with a unit where the number has a unit."""


class NormalSpec(Spec):
    """A normal distribution."""

    mean: Number = 0.0
    std: Number


class UniformSpec(Spec):
    """A uniform distribution on [low, high)."""

    low: Number
    high: Number


class RandomArraySpec(Spec):
    """Random numbers; they depend on the seed and on the name of what they are for."""

    normal: NormalSpec | None = None
    uniform: UniformSpec | None = None
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_distribution(self) -> RandomArraySpec:
        if (self.normal is None) == (self.uniform is None):
            raise ValueError("give one of `normal` and `uniform`")
        return self


class ArrayFileSpec(Spec):
    """An array kept in a NumPy file."""

    file: str = Field(description="path of an .npz or .npy file, relative to this one")
    array: str | None = Field(None, description="name of the array in an .npz file")


Array = float | NumberWithUnit | ArrayFileSpec | RandomArraySpec


class PopulationSpec(Spec):
    """A population of neurons, or of input channels (model `input`)."""

    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1, description="such as [10], or [channels, height, width]"
    )
    model: str = Field(description="`chipletsim list neurons` names them")
    parameters: dict[str, Array] = Field(
        {}, description="parameter of the model to a number, a quantity, or an array"
    )
    bias: Array | None = Field(None, description="current added in every step")
    output: bool = Field(False, description="whether its events leave the package as the answer")
    value_bits: int | None = Field(
        None, ge=0, le=32, description="bits of a graded event; 32 for graded models, 0 for spikes"
    )
    steps: int | None = Field(
        None,
        ge=1,
        description="steps in which it sends: 1 for an input whose values come once, T for an"
        " encoder; every step, or as its sources do, if left out",
    )


class DenseSpec(Spec):
    """Every source neuron to every target neuron."""

    kind: Literal["dense"]
    weight: Array = Field(description="[targets, sources]")


class Conv2dSpec(Spec):
    """Cross-correlation of [channels, height, width] planes."""

    kind: Literal["conv2d"]
    weight: Array = Field(description="[out channels, in channels / groups, kernel y, kernel x]")
    kernel: Pair | None = Field(None, description="(y, x); needed unless `weight` is a file")
    stride: Pair = (1, 1)
    padding: Pair | tuple[Pair, Pair] | Literal["same", "valid"] = Field(
        (0, 0), description="zeros (y, x), or ((top, bottom), (left, right))"
    )
    dilation: Pair = (1, 1)
    groups: int = Field(1, ge=1)


class Pool2dSpec(Spec):
    """Sum or average over windows of each channel."""

    kernel: Pair
    stride: Pair | None = Field(None, description="the kernel if left out")
    padding: Pair = (0, 0)
    mode: Literal["sum", "avg"] = "sum"


class PoolConnectionSpec(Pool2dSpec):
    """Pooling as a connection of its own, with synaptic operations."""

    kind: Literal["pool2d"]
    mode: Literal["sum", "avg", "max"] = Field(  # type: ignore[assignment]
        "sum", description="max: the largest value of each window, 0 where there is no event"
    )


class SparseSpec(Spec):
    """Listed synapses, from a file or drawn at random."""

    kind: Literal["sparse"]
    fan_out: int | None = Field(
        None, ge=0, description="synapses per source neuron, to targets drawn with repetition"
    )
    fan_in: int | None = Field(
        None, ge=0, description="synapses per target neuron, from sources drawn with repetition"
    )
    probability: float | None = Field(
        None, ge=0, le=1, description="of a synapse from any source neuron to any target neuron"
    )
    file: str | None = Field(
        None, description="path of an .npz file with arrays `indptr`, `targets`, `weight`"
    )
    edges: str | None = Field(
        None,
        description="path of a list of synapses with columns `source`, `target`, and maybe"
        " `weight` and `delay`: .csv, .npz, .parquet, or SONATA's .h5. `weight_mV` names a unit;"
        " `delay` counts steps, `delay_ms` is a time",
    )
    edge_population: str | None = Field(
        None, description="population of edges of a SONATA file; the only one if left out"
    )
    weight: Array | None = Field(
        None, description="[synapses]; needed unless a file holds the weights"
    )
    weight_unit: str | None = Field(
        None, description="unit of a column `weight` of `edges`, such as nS"
    )
    seed: int = Field(0, ge=0, description="of the targets or sources drawn")

    @model_validator(mode="after")
    def _one_source(self) -> SparseSpec:
        drawn = (self.fan_out, self.fan_in, self.probability)
        if sum(value is not None for value in (*drawn, self.file, self.edges)) != 1:
            raise ValueError("give one of `fan_out`, `fan_in`, `probability`, `file` and `edges`")
        if self.file is not None and not self.file.endswith(".npz"):
            raise ValueError("`file` is an .npz file; `edges` takes lists of synapses")
        if self.edges is None:
            if (self.file is None) == (self.weight is None):
                raise ValueError("give `weight` with random synapses, not with `file`")
            if self.edge_population is not None or self.weight_unit is not None:
                raise ValueError("`edge_population` and `weight_unit` belong to `edges`")
        return self


class OneToOneSpec(Spec):
    """Neuron i to neuron i."""

    kind: Literal["one_to_one"]
    weight: Array = Field(description="[neurons]")


ConnectionSpec = Annotated[
    DenseSpec | Conv2dSpec | PoolConnectionSpec | SparseSpec | OneToOneSpec,
    Field(discriminator="kind"),
]


class ProjectionSpec(Spec):
    """Synapses from one population to another."""

    source: str
    target: str
    connection: ConnectionSpec
    name: str | None = Field(None, description="`source>target` if left out")
    pool: Pool2dSpec | None = Field(
        None, description="pooling of the source's spikes in front of the connection"
    )
    delay: int | str = Field(
        0, description="from spike to current: whole steps, or a time of whole steps (`1.5 ms`)"
    )
    port: str | None = Field(
        None, description="port of the target's model where it arrives; the first if left out"
    )

    @field_validator("delay", mode="before")
    @classmethod
    def _has_unit_or_is_whole(cls, delay: object) -> object:
        if isinstance(delay, float) and not delay.is_integer():
            raise ValueError(f"{delay:g} is no whole number of steps; a time has a unit (`1.5 ms`)")
        return delay


class NetworkSpec(Spec):
    """A spiking network."""

    name: str
    dt_s: PositiveTime = Field(alias="dt", description="time step")
    populations: dict[str, PopulationSpec] = Field(min_length=1)
    projections: tuple[ProjectionSpec, ...] = ()
    summation_rank: ArrayFileSpec | None = Field(
        None,
        description="[neurons] of a network in double precision: the order in which currents of"
        " different sources are added, the lowest first; the order of the neurons if left out",
    )
