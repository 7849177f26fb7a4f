"""The loss of a mapped network: the task, the traffic, and penalties on rates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp

from chipletsim.engine.compile import Compiled
from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network
from chipletsim.network.spans import Span, spans
from chipletsim.spec.train import LossSpec, SparsitySpec
from chipletsim.training.forward import Synapses, forward
from chipletsim.training.mapped_cost import MappedCost, mapped_cost, sent
from chipletsim.training.parameters import Parameters, neuron_constants
from chipletsim.training.quantisation import straight_through


class Measures(NamedTuple):
    """What a batch comes to; means over its samples.

    Attributes:
        loss: All of the loss.
        task_loss: Its part for the answers.
        traffic_loss: Its part for the traffic, times its weight.
        accuracy: Share of right answers.
        die_to_die_bits: Bits across dies per inference, in whole flits.
        worst_link_bits: Bits per inference over the busiest die-to-die link.
        energy_j: Energy per inference, static power left out.
        rates: [populations], events per neuron and step.
    """

    loss: jax.Array
    task_loss: jax.Array
    traffic_loss: jax.Array
    accuracy: jax.Array
    die_to_die_bits: jax.Array
    worst_link_bits: jax.Array
    energy_j: jax.Array
    rates: jax.Array


@dataclass(frozen=True, eq=False)
class MappedLoss:
    """The loss of a network on a package, as a function of what is trained.

    Attributes:
        compiled: The network, compiled with ``exact=False``.
        cost: Prices of its events.
        weight_bits: Precision of each projection, in the network's order.
        spec: Section `loss`.
        slope: Steepness of the surrogate gradient.
    """

    compiled: Compiled
    cost: MappedCost
    weight_bits: tuple[int, ...]
    spec: LossSpec
    slope: float

    @cached_property
    def sends(self) -> tuple[Span | None, ...]:
        """In which steps each population sends."""
        return tuple(each.sends for each in spans(self.compiled.network))

    def __call__(
        self,
        parameters: Parameters,
        traffic_weight: jax.Array,
        inputs: jax.Array,
        labels: jax.Array,
    ) -> tuple[jax.Array, Measures]:
        """Return the loss of a batch, and what it comes to.

        Args:
            parameters: What is trained.
            traffic_weight: Loss per bit or joule of the traffic.
            inputs: [samples, steps, *shape].
            labels: int32 [samples].
        """
        events = self.events(parameters, inputs)
        scores = self.scores(events)
        logs = jax.nn.log_softmax(scores * self.spec.logit_scale)
        task = -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()
        terms = self.cost.terms(events)
        traffic = self.spec.traffic
        temperature_bits = float(traffic.temperature_bits)
        cost = self.cost.objective(terms, traffic.objective, temperature_bits)
        rates = self.rates(events)
        total = task + traffic_weight * cost + self.penalty(rates)
        return total, Measures(
            loss=total,
            task_loss=task,
            traffic_loss=traffic_weight * cost,
            accuracy=jnp.mean(scores.argmax(axis=1) == labels),
            die_to_die_bits=terms.die_to_die_bits,
            worst_link_bits=terms.link_bits.max(initial=0.0),
            energy_j=terms.energy_j,
            rates=jnp.stack(list(rates.values())),
        )

    def events(self, parameters: Parameters, inputs: jax.Array) -> dict[str, jax.Array]:
        """Return the events of all populations, weights in the precision of their tiles."""
        rounded: Synapses = tuple(
            {name: straight_through(weight, bits) for name, weight in arrays.items()}
            for arrays, bits in zip(parameters.synapses, self.weight_bits, strict=True)
        )
        return forward(
            self.compiled,
            rounded,
            (inputs,),
            slope=self.slope,
            neurons=neuron_constants(self.compiled, parameters),
        )

    def scores(self, events: dict[str, jax.Array]) -> jax.Array:
        """Return [samples, classes]: mean events of the output population, in steps it sends."""
        (output,) = (p.name for p in self.compiled.network.populations if p.output)
        scores = self._mean(output, events[output])
        return scores.reshape(scores.shape[0], -1)

    def rates(self, events: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Return events per neuron and step in which it sends of each population, in order."""
        graded = set(self.cost.graded)
        counted = {
            p.name: sent(events[p.name]) if p.name in graded else events[p.name]
            for p in self.compiled.network.populations
        }
        return {name: self._mean(name, each).mean() for name, each in counted.items()}

    def _mean(self, population: str, events: jax.Array) -> jax.Array:
        """Return the mean over the steps in which a population sends."""
        span = self.sends[self.compiled.network.index[population]]
        return events.sum(axis=0) / (span.length if span else events.shape[0])

    def penalty(self, rates: dict[str, jax.Array]) -> jax.Array:
        """Return the penalties on rates: of hidden populations, and above their targets."""
        hidden = [
            rates[p.name]
            for p in self.compiled.network.populations
            if p.model != "input" and not p.output
        ]
        total = jnp.float32(self.spec.rate_weight) * sum(hidden, jnp.float32(0))
        for name, given in self.spec.sparsity.items():
            wanted = given if isinstance(given, SparsitySpec) else SparsitySpec(target=given)
            total = total + wanted.weight * jnp.maximum(rates[name] - wanted.target, 0)
        return total


def mapped_loss(
    compiled: Compiled, mapping: Mapping, spec: LossSpec, *, slope: float
) -> MappedLoss:
    """Return the loss of a network on a package.

    Args:
        compiled: The network of the mapping, compiled with ``exact=False``.
        mapping: Where it lives.
        spec: Section `loss`.
        slope: Steepness of the surrogate gradient.

    Raises:
        ConfigError: There is not one output population, or a population with a target rate
            crosses no die boundary.
        InfeasibleError: The package has no io tile.
    """
    check_output(mapping.network)
    cost = mapped_cost(mapping)
    crossing = [name for name in mapping.network.index if name in cost.crossing()]
    problems = [
        Problem(
            f"no event of {name!r} crosses a die boundary; those of these populations do: "
            f"{', '.join(crossing) or 'none'}",
            f"loss.sparsity.{name}",
        )
        for name in spec.sparsity
        if name not in crossing
    ]
    if not crossing and spec.traffic.objective != "energy" and max(spec.traffic.weights) > 0:
        message = "no event crosses a die boundary; place populations on several dies"
        problems.append(Problem(message, "loss.traffic.objective"))
    if problems:
        raise ConfigError(problems)
    bits = mapping.weight_bits()
    in_order = tuple(bits[projection.name] for projection in mapping.network.projections)
    return MappedLoss(compiled, cost, in_order, spec, slope)


def check_output(network: Network) -> None:
    """Raise ConfigError where there is not one population that answers."""
    outputs = [population.name for population in network.populations if population.output]
    if len(outputs) != 1:
        names = ", ".join(outputs) or "none"
        raise ConfigError(
            [
                Problem(
                    "training takes one population with `output: true` as the answer; "
                    f"the network has: {names}",
                    "network",
                )
            ]
        )
