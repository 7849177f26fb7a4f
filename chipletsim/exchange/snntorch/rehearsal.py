"""A module run once more beside the network that was made of it.

All of its steps are run, more than were followed, and none of its tensors is followed. Each
neuron module computes its step itself, but sends random spikes on, so that every way through the
module carries a signal, whatever its weights and its sample. In each step

- the current that a neuron module takes must be the one that the network gives for these spikes;
- its spikes and states must be those of the network's model, from the states that it goes on
  from and the current that it takes;
- the states that it goes on from must be those that it left in the step before.

Together they say that module and network spike alike, step after step, for any input: as far back
as the run goes. What a module keeps for longer, by itself, does not come to light.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.currents import Currents
from chipletsim.exchange.snntorch.neurons import KINDS, given_states
from chipletsim.exchange.snntorch.paths import RefusedError
from chipletsim.exchange.snntorch.trace import Trace, fault
from chipletsim.network.model import Network
from chipletsim.network.neurons import NEURON_MODELS

KEPT = 2
"""Samples that are compared."""
CURRENT_TOLERANCE = 1e-4
"""Of the largest term of a current: float32 sums of the module differ by less."""
STATE_TOLERANCE = 1e-5
"""Of the largest number in a step of neurons: a few float32 sums in another order."""


class Rehearsal:
    """What a run beside the network needs, and what it has seen.

    Args:
        trace: The run of which the network was made.
        network: The network.
        generator: Source of random numbers.

    Attributes:
        generator: As given.
        graded: Inputs that are values, not spikes.
        steps: Steps that have been compared in all populations.
    """

    def __init__(self, trace: Trace, network: Network, generator: Any) -> None:
        self.generator, self.graded = generator, trace.graded
        self._trace, self._network = trace, network
        self._currents = Currents(trace.torch, network)
        self._next = {name: 0 for name, own in trace.populations.items() if own.module is not None}
        self._left: dict[str, dict[str, Any]] = {}
        self._left_values: dict[str, dict[str, np.ndarray]] = {}
        self._constants: dict[str, dict[str, np.ndarray]] = {}

    @property
    def steps(self) -> int:
        """Steps that have been compared in all populations."""
        return min(self._next.values())

    def feed(self, name: str, values: Any, step: int | None) -> None:
        """Take a tensor [samples, *shape] for what an input gives in a step."""
        self._currents.sent[name, step] = values[:KEPT].cpu().clone()

    def feed_steps(self, name: str, values: Any, time_axis: int) -> None:
        """Take a tensor with an axis of steps for what an input gives."""
        for step, row in enumerate(values.movedim(time_axis, 0)):
            self.feed(name, row, step)

    def begin(self, module: Any, before: dict[str, Any]) -> tuple[str, int]:
        """Return population and step of a call of a neuron module.

        Args:
            module: The module.
            before: The states that it goes on from.

        Raises:
            RefusedError: They are not those that it left, or it begins more often than followed.
        """
        own = [name for name in self._next if self._trace.populations[name].module is module]
        for name in own:
            left = self._left.get(name, {})
            if left and all(before[state] is value for state, value in left.items()):
                self._require_unchanged(name, before)
                return name, self._next[name]
        step = max(self._next[name] for name in own)
        if any(bool((value != 0).any()) for value in before.values()):
            raise RefusedError(f"goes on, after step {step - 1}, from states that it did not leave")
        for name in own:
            if not self._next[name]:
                return name, 0
        raise RefusedError(f"starts from states of zero once more, after step {step - 1}")

    def _require_unchanged(self, name: str, before: dict[str, Any]) -> None:
        for state, value in before.items():
            if not np.array_equal(_numbers(value), self._left_values[name][state], equal_nan=True):
                step = self._next[name]
                raise RefusedError(f"has its `{state}` changed between steps {step - 1} and {step}")

    def end(self, name: str, after: dict[str, Any], sent: Any) -> None:
        """Take what a population leaves and sends [samples, *shape] (bool) in its step."""
        self._currents.sent[name, self._next[name]] = sent[:KEPT].cpu()
        self._left[name] = after
        self._left_values[name] = {state: _numbers(value) for state, value in after.items()}
        self._next[name] += 1

    def compare_current(self, name: str, step: int, current: np.ndarray) -> None:
        """Compare the current [samples, *shape] of a population with that of the network.

        Raises:
            RefusedError: They differ.
        """
        expected, scale = self._currents.current(name, step)
        given = self._gained(name, current.astype(np.float64))
        worst = float(np.max(np.abs(expected - given), initial=0.0))
        if not worst <= CURRENT_TOLERANCE * max(scale, 1e-12):
            raise RefusedError(
                f"takes a current in step {step} that its network does not give: they differ by"
                f" {worst:.3g}, of terms up to {scale:.3g}. Something between neurons was not"
                " followed: a tensor changed in place through another view of it, or feedback that"
                " takes more steps than were followed (a module that goes through its steps itself,"
                " with a `time_axis`, is followed in all of them)"
            )

    def compare_step(
        self,
        name: str,
        step: int,
        *,
        before: dict[str, np.ndarray],
        current: np.ndarray,
        after: dict[str, np.ndarray],
        spikes: np.ndarray,
    ) -> None:
        """Compare a step of neurons with that of their model, in float32.

        Neurons whose spike depends on the last bits of the current are left out.

        Args:
            name: The population.
            step: The step.
            before: State of the model to [samples, *shape] before the step.
            current: float32 [samples, *shape].
            after: As ``before``, after the step.
            spikes: bool [samples, *shape].

        Raises:
            RefusedError: They differ.
        """
        population = self._network.population(name)
        model = NEURON_MODELS[population.model]
        if name not in self._constants:
            self._constants[name] = model.prepare(population.parameters, self._network.dt_s)
        constants, shape = self._constants[name], population.shape
        state = {each: values.reshape(-1, *shape) for each, values in before.items()}
        given = self._gained(name, current).astype(np.float32)
        numbers = (given, *state.values(), constants["v_threshold"])
        scale = max(float(np.abs(each).max(initial=0.0)) for each in numbers)
        slack = np.float32(STATE_TOLERANCE * scale)
        with np.errstate(all="ignore"):
            expected, fired = model.step(np, constants, state, given)
            sure = ~(self._near(model, constants, state, given, slack) != fired).any(axis=0)
        differ = sure & (fired != spikes.reshape(fired.shape))
        if differ.any():
            raise RefusedError(
                f"spikes in step {step} otherwise than `{model.name}` does: {int(differ.sum())} of"
                f" {differ.size} neurons"
            )
        for each, values in expected.items():
            found = after[each].reshape(fired.shape)
            worst = float(np.max(np.abs(values - found)[sure], initial=0.0))
            if not worst <= 2 * slack:
                raise RefusedError(
                    f"leaves a state in step {step} that `{model.name}` does not: `{each}` differs"
                    f" by {worst:.3g}, of numbers up to {scale:.3g}"
                )

    def _near(self, model: Any, constants: Any, state: Any, given: Any, slack: Any) -> np.ndarray:
        """Return bool [2, samples, *shape]: spikes for a little less and a little more current."""
        less, more = (model.step(np, constants, state, given + by)[1] for by in (-slack, slack))
        return np.stack([less, more])

    def _gained(self, name: str, current: np.ndarray) -> np.ndarray:
        """Return a current in the shape of the network's population, times its input gain."""
        own = self._trace.populations[name]
        shape = self._network.population(name).shape
        gain = np.broadcast_to(own.neurons.input_gain, own.shape).reshape(shape)
        return current.reshape(-1, *shape) * gain


class Rehearsed:
    """The forward pass of a neuron module: the module's own, compared; then random spikes."""

    def __init__(self, rehearsal: Rehearsal, torch: Any, module: Any, name: str, kind: str) -> None:
        """Stand before a module.

        Args:
            rehearsal: The run.
            torch: The package ``torch``.
            module: The neuron module.
            name: Its path.
            kind: Its class, a key of ``KINDS``.
        """
        self._rehearsal, self._torch, self._module = rehearsal, torch, module
        self._name, self._kind, self._forward = name, KINDS[kind], module.forward

    def __call__(self, input_: Any, *given: Any, **named: Any) -> Any:
        """Run one step."""
        states = given_states(self._module, self._kind, given, named)
        try:
            population, step = self._rehearsal.begin(self._module, states)
            compared = self._beforehand(input_, states)
            self._rehearsal.compare_current(population, step, compared["current"])
            answer = self._forward(input_, *given, **named)
            spikes = answer[0] if isinstance(answer, tuple) else answer
            compared |= {"spikes": _numbers(spikes) != 0, "after": self._held()}
            self._rehearsal.compare_step(population, step, **compared)
        except RefusedError as error:
            raise fault(str(error), self._name) from None
        fired = self._random(input_) < 0.5
        sent = fired.to(spikes.dtype) * self._module.graded_spikes_factor.detach()
        if "spk" in self._kind.states:
            self._module.spk = sent
        after = {state: getattr(self._module, state) for state in self._kind.states}
        self._rehearsal.end(population, after, fired)
        return (sent, *answer[1:]) if isinstance(answer, tuple) else sent

    def _beforehand(self, input_: Any, states: dict[str, Any]) -> dict[str, Any]:
        """Return current and states before the step, of the samples that are compared."""
        whole = {
            name: value if value.shape == input_.shape else self._torch.zeros_like(input_)
            for name, value in states.items()
        }
        current = input_
        if self._kind.recurrent:
            current = input_ + self._module.recurrent(whole["spk"])
        before = {own: _numbers(whole[name]) for name, own in self._kind.model_states.items()}
        return {"current": _numbers(current), "before": before}

    def _held(self) -> dict[str, np.ndarray]:
        """Return state of the model to what the module holds of it."""
        names = self._kind.model_states.items()
        return {own: _numbers(getattr(self._module, name)) for name, own in names}

    def _random(self, like: Any) -> Any:
        values = self._torch.rand(tuple(like.shape), generator=self._rehearsal.generator)
        return values.to(like.device)


def _numbers(tensor: Any) -> np.ndarray:
    """Return the samples of a tensor that are compared, as numbers of their own."""
    return np.array(tensor[:KEPT].detach().cpu().numpy())
