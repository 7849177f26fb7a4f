"""How a model is to be deployed: placement, precision, and what its edges send."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from chipletsim.codecs import SPIKE_CODECS, VALUE_CODECS, SpikeCodec, ValueCodec
from chipletsim.codecs.conversion import Conversion
from chipletsim.errors import UsageError
from chipletsim.models import Model
from chipletsim.spec.base import Spec

DEFAULT_STEPS = 4
"""Time steps of spikes where neither the plan nor the model states any."""

if TYPE_CHECKING:
    AnySpikeCodec = SpikeCodec
    AnyValueCodec = ValueCodec
else:
    AnySpikeCodec = Annotated[reduce(or_, SPIKE_CODECS.values()), Field(discriminator="kind")]
    AnyValueCodec = Annotated[reduce(or_, VALUE_CODECS.values()), Field(discriminator="kind")]

Probability = Annotated[float, Field(ge=0, le=1)]


class Plan(Spec):
    """Choices of a deployment; every one has a default.

    What edges send (``activations``):

    * ``own``: layers whose outputs are spikes send spikes in each time step of the model, all
      others values. A model without spikes sends values once.
    * ``dense``: every layer is applied once and sends values, as if spikes were values.
    * ``spiking``: every layer but indices sends spikes over ``steps``, is applied in each of
      them, and adds instead of multiplying where its tile is event-driven.
    * ``hybrid``: layers compute with values, once. Values that cross a die boundary do so as
      spikes over ``steps``, encoded before it and decoded behind it; inside dies they stay
      values. Partial sums stay numbers everywhere: they are reduced to shares first, and it
      is the sums, not the parts, that are gathered as spikes.

    Example:
        >>> Plan(activations="hybrid", steps=4, rate=0.05).weight_bits
        8
    """

    stages: int | None = Field(
        None, ge=1, description="pipeline stages; fewest dies that hold the weights if left out"
    )
    tensor: int | None = Field(
        None, ge=1, description="tiles over which a layer is divided; all of a stage if left out"
    )
    split: Literal["pairs", "outputs"] = Field(
        "pairs",
        description="linear layers over sequences: every second one of a pair by its inputs, "
        "whose partial sums are reduced; or all by their outputs, whose inputs are gathered",
    )
    activations: Literal["own", "dense", "spiking", "hybrid"] = Field(
        "own", description="what edges send"
    )
    steps: int | None = Field(
        None, ge=1, description="time steps of spikes; the model's, or 4, if left out"
    )
    rate: Probability = Field(0.05, description="spikes per value and step")
    rates: dict[str, Probability] = Field({}, description="by layer, where they differ")
    weight_bits: int = Field(8, ge=1, le=32, description="bits of a stored weight")
    activation_bits: int = Field(8, ge=1, le=64, description="bits of a value, of the cache too")
    accumulator_bits: int = Field(32, ge=1, le=64, description="bits of a partial sum")
    spike_codec: AnySpikeCodec | None = Field(
        None, description="bits of spikes; a packet for each, as simulated, if left out"
    )
    value_codec: AnyValueCodec | None = Field(
        None, description="bits of values; `activation_bits` each if left out"
    )
    share_of_zeros: Probability = Field(0.0, description="of values, for codecs that skip them")
    conversion: Conversion | None = Field(
        None, description="converters at die boundaries; not priced if left out"
    )
    batch: int = Field(1, ge=1, description="samples that share one fetch of the weights")
    batched_steps: bool = Field(
        False, description="all steps in one message, rather than one message a step"
    )

    def steps_of(self, model: Model) -> int:
        """Return the time steps over which spikes are sent."""
        if self.steps is not None:
            return self.steps
        return model.time_steps if model.time_steps > 1 else DEFAULT_STEPS

    def check(self, model: Model) -> None:
        """Check that the plan suits a model.

        Raises:
            UsageError: It names a layer that is not there, or steps that are not the model's.
        """
        for name in self.rates:
            model.layer(name)
        if self.activations == "own" and self.steps not in (None, model.time_steps):
            raise UsageError(
                f"{model.name} has {model.time_steps} time steps of its own; steps of a plan are "
                "for activations `spiking` or `hybrid`"
            )
