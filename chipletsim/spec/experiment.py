"""The experiment file: a package, a network, inputs, and how to map and price them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chipletsim.spec.base import Spec
from chipletsim.spec.device import DeviceSpec
from chipletsim.spec.events import ConstantInputsSpec, EventInputsSpec, ReplayInputsSpec
from chipletsim.spec.network import NetworkSpec
from chipletsim.spec.nir import NirFileSpec
from chipletsim.spec.package import PackageSpec
from chipletsim.units import EventFrequency, Time

StrategyName = Literal["sequential", "traffic", "anneal"]
"""Keys of ``chipletsim.mapping.strategies.PARTITIONERS``."""

TimingName = Literal["bound", "simple", "detailed", "queue", "cycle", "auto"]
"""Keys of ``chipletsim.noc.TIMING_MODELS``."""


class RegularEncoding(Spec):
    """Value x in [0, 1] spikes whenever floor(gain x t) grows: x gain spikes a step, evenly."""

    kind: Literal["regular"]
    gain: float = Field(1.0, gt=0, le=1)


class BernoulliEncoding(Spec):
    """Value x in [0, 1] spikes in each step with probability gain x."""

    kind: Literal["bernoulli"]
    gain: float = Field(1.0, gt=0, le=1)
    seed: int = Field(0, ge=0)


class LatencyEncoding(Spec):
    """Value x in (threshold, 1] spikes once, the earlier the larger it is."""

    kind: Literal["latency"]
    threshold: float = Field(0.0, ge=0, lt=1)


class DirectEncoding(Spec):
    """The value itself is sent in every step as a graded event."""

    kind: Literal["direct"]
    value_bits: int = Field(8, ge=1, le=32)


class OnceEncoding(Spec):
    """The value is sent in the first step alone, as a graded event, for an input of one step."""

    kind: Literal["once"]
    value_bits: int = Field(8, ge=1, le=32)


class DeltaEncoding(Spec):
    """Frames over time: ON and OFF events where a value has moved by the threshold."""

    kind: Literal["delta"]
    threshold: float = Field(gt=0, description="change of the value that sends an event")


class SpikesEncoding(Spec):
    """The dataset already holds spikes over time, [samples, steps, ...]."""

    kind: Literal["spikes"]


Encoding = Annotated[
    RegularEncoding
    | BernoulliEncoding
    | LatencyEncoding
    | DirectEncoding
    | OnceEncoding
    | DeltaEncoding
    | SpikesEncoding,
    Field(discriminator="kind"),
]


class DatasetInputsSpec(Spec):
    """Samples from an .npz file with arrays `inputs` and, for accuracy, `labels`."""

    dataset: str = Field(description="path of the .npz file, relative to this one")
    samples: int | None = Field(None, ge=1, description="the first so many; all if left out")
    steps: int = Field(ge=1, description="time steps per sample")
    encoding: Encoding


class PoissonSourceSpec(Spec):
    """A Poisson process at each channel of an input population, for some of the time."""

    rate_hz: EventFrequency = Field(alias="rate", description="events of a channel in a second")
    start_s: Time = Field(0.0, alias="start", description="when it begins")
    stop_s: Time | None = Field(None, alias="stop", description="when it ends; at the end if none")


class PoissonInputsSpec(Spec):
    """Random input spikes, for networks without a dataset."""

    rate_per_step: float | None = Field(
        None, ge=0, le=1, description="probability of a spike in a step, of all inputs"
    )
    poisson: dict[str, EventFrequency | PoissonSourceSpec] | None = Field(
        None,
        description="input population to the rate of each of its channels, instead of"
        " `rate_per_step`: spikes, or numbers of events where the population has `value_bits`",
    )
    samples: int = Field(1, ge=1)
    steps: int = Field(ge=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_kind_of_rate(self) -> PoissonInputsSpec:
        if (self.rate_per_step is None) == (self.poisson is None):
            raise ValueError("give one of `rate_per_step` and `poisson`")
        return self


Rate = Annotated[float, Field(ge=0, le=1)]


class RateInputsSpec(Spec):
    """Firing rates instead of inputs: nothing is simulated, events are drawn and priced."""

    rates: Rate | dict[str, Rate] = Field(
        description="events per neuron and step in which a population sends, the same for all or"
        " by population; names may be patterns as in file names, and the last that fits counts"
    )
    samples: int = Field(1, ge=1)
    steps: int = Field(ge=1)
    seed: int = Field(0, ge=0)


class PlaceSpec(Spec):
    """Where a population may live; every key given must match."""

    kind: str | None = Field(None, description="tile kind")
    chiplet: str | None = Field(None, description="chiplet name")
    tile: str | None = Field(None, description="tile name, as `show` prints it")
    unit: str | None = Field(
        None, description="soma unit of its `pipeline_core` tiles; their first if left out"
    )


class MappingSpec(Spec):
    """How populations are put on tiles."""

    strategy: StrategyName = Field(
        "traffic", description="`chipletsim list partitioners` says what they do"
    )
    seed: int = Field(0, ge=0)
    place: dict[str, PlaceSpec] = Field({}, description="restrictions by population")
    synapse_units: dict[str, str] = Field(
        {},
        description="projection, or a pattern as in file names, to the synapse unit of the"
        " `pipeline_core` tiles that hold it; their first if left out",
    )
    split: dict[str, Literal["auto", "channels", "rows"]] = Field(
        {}, description="axis along which a convolutional population is cut"
    )
    rates: Literal["estimated", "measured"] = Field(
        "estimated",
        description="traffic to place for: every neuron alike, or as a first simulation shows",
    )
    file: str | None = Field(
        None, description="a mapping kept by `map -o` or a run, instead of all other keys here"
    )

    @model_validator(mode="after")
    def _file_alone(self) -> MappingSpec:
        others = sorted(self.model_fields_set - {"file"})
        if self.file is not None and others:
            raise ValueError(f"`file` holds a finished mapping; remove {', '.join(others)}")
        return self


class BaselineSpec(Spec):
    """The dense device beside the package."""

    device: DeviceSpec
    batch: int = Field(1, ge=1, description="samples run together")
    devices: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(
        (1, 2, 4), description="numbers of devices for the cuts"
    )
    activation_bits: int = Field(8, ge=1, le=32, description="dense activation across a cut")


class ExperimentSpec(Spec):
    """One run: everything it needs and everything that changes its figures."""

    name: str
    package: PackageSpec
    network: NirFileSpec | NetworkSpec
    inputs: (
        DatasetInputsSpec
        | PoissonInputsSpec
        | RateInputsSpec
        | EventInputsSpec
        | ConstantInputsSpec
        | ReplayInputsSpec
    )
    mapping: MappingSpec = MappingSpec()
    timing: TimingName = Field(
        "bound", description="timing model; `chipletsim list timing` says what they do"
    )
    baseline: BaselineSpec | None = None

    @model_validator(mode="after")
    def _rates_to_measure(self) -> ExperimentSpec:
        if self.mapping.rates == "measured" and isinstance(self.inputs, RateInputsSpec):
            raise ValueError("`mapping.rates: measured` needs inputs to simulate, not rates")
        return self
