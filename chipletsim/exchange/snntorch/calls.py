"""What stands in for a neuron module while its surroundings are followed."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.affine import Affine, Membrane, Opaque, Traced
from chipletsim.exchange.snntorch.arrange import by_step
from chipletsim.exchange.snntorch.followed import scaled
from chipletsim.exchange.snntorch.neurons import KINDS, given_states, graded_factor, read_neurons
from chipletsim.exchange.snntorch.paths import Path, RefusedError
from chipletsim.exchange.snntorch.trace import Trace, Traces


class StandIn:
    """The forward pass of a neuron module: notes its input, gives random spikes and membranes.

    A population is a chain of calls joined by their states, as snnTorch hands them on: by the
    module itself (``init_hidden``, or no states given), or from call to call by its user. One
    module whose states are kept apart by its user is thus several populations.
    """

    def __init__(self, trace: Trace, module: Any, name: str, kind: str) -> None:
        """Stand in for a module.

        Args:
            trace: The run.
            module: The neuron module.
            name: Its path.
            kind: Its class, a key of ``KINDS``.
        """
        self._trace, self._module, self._name, self._kind = trace, module, name, kind

    def __call__(self, input_: Any, *given: Any, **named: Any) -> Any:
        """Run one step."""
        with self._trace.inside(self._name):
            try:
                return self._step(
                    input_, given_states(self._module, KINDS[self._kind], given, named)
                )
            except RefusedError as error:
                raise self._trace.fault(str(error)) from None

    def _step(self, input_: Any, states: dict[str, Any]) -> Any:
        trace, module = self._trace, self._module
        before = self._before(states)
        if KINDS[self._kind].recurrent:
            past = states["spk"] if before else trace.torch.zeros_like(input_)
            input_ = input_ + module.recurrent(past)
        affine = self._incoming(input_)
        name, step = before or (self._new_population(affine), -1)
        step += 1
        own = trace.populations[name]
        if affine.shape != own.shape:
            raise RefusedError(f"takes shape {list(affine.shape)}, and {list(own.shape)} before")
        factor = graded_factor(module, own.shape)
        fired = (self._random(input_) < 0.5).to(input_.dtype)
        own.calls[step] = scaled(trace, affine, own.neurons.input_gain)
        spikes = fired * module.graded_spikes_factor.detach()
        path = Path.of(name, step, own.shape).scaled(factor, own.shape)
        trace.note(spikes, Traced.of(Affine.of(path), input_.shape[0]))
        return self._returned(name, step, spikes, input_)

    def _returned(self, name: str, step: int, spikes: Any, like: Any) -> Any:
        """Return spikes and states as the module does, and leave the states in it."""
        after = {"spk": spikes}
        for state in KINDS[self._kind].states:
            if state != "spk":
                after[state] = self._random(like)
                self._trace.note(after[state], Membrane(name, state, step))
            setattr(self._module, state, after[state])
        if self._module.init_hidden and not self._module.output:
            return spikes
        return tuple(after.values())

    def _before(self, states: dict[str, Any]) -> tuple[str, int] | None:
        """Return population and step that the states come from; None where they are all zero."""
        found = {name: self._origin(name, value) for name, value in states.items()}
        origins = set(found.values())
        if origins == {None}:
            return None
        if len(origins) > 1 or None in origins:
            stated = ", ".join(
                f"{name} of {'nothing' if origin is None else origin[0]}"
                for name, origin in found.items()
            )
            raise RefusedError(f"goes on from states that do not belong together: {stated}")
        name, step = next(origin for origin in origins if origin is not None)
        own = self._trace.populations[name]
        if own.module is not self._module:
            raise RefusedError(f"is given the states of {name!r}")
        if step + 1 in own.calls:
            raise RefusedError("goes on from states of an earlier step")
        return name, step

    def _origin(self, name: str, value: Any) -> tuple[str, int] | None:
        """Return population and step of a state; None where it is zero."""
        known = self._trace.look_up(value)
        if isinstance(known, Membrane) and known.state == name:
            return known.population, known.step
        if name == "spk" and isinstance(known, Traced) and not known.timed:
            path = known.steps[0].paths[0]
            if len(known.steps[0].paths) == 1 and path.plain and path.step is not None:
                return path.source, path.step
        if known is not None:
            raise RefusedError(f"is given as `{name}` what is not its own, or was changed")
        if not isinstance(value, self._trace.torch.Tensor):
            raise RefusedError(f"is given a `{name}` that is no tensor")
        if bool((value.detach() != 0).any()):
            raise RefusedError(f"starts from a `{name}` that is not zero")
        return None

    def _new_population(self, affine: Affine) -> str:
        base = self._name or self._kind.lower()
        name, number = base, 1
        while name in self._trace.populations or name in self._trace.inputs:
            number += 1
            name = f"{base}:{number}"
        neurons = read_neurons(self._module, self._kind, affine.shape)
        self._trace.populations[name] = Traces(neurons, affine.shape, self._module)
        return name

    def _incoming(self, tensor: Any) -> Affine:
        """Return what a tensor that enters neurons comes from.

        Raises:
            RefusedError: It cannot be told.
        """
        known = self._trace.look_up(tensor)
        if isinstance(known, Opaque):
            of = f" (in module {known.where!r})" if known.where else ""
            raise RefusedError(f"takes a current that {known.reason}{of}")
        if isinstance(known, Membrane):
            raise RefusedError(f"takes the membrane of {known.population!r} as its current")
        if known is None:
            return self._constant(tensor)
        if known.timed:
            raise RefusedError(
                "takes all steps at once, as if they were samples; where the module takes one step"
                " a call, leave out `time_axis`"
            )
        if known.axes[0] != "B" or not known.leading:
            raise RefusedError("takes a tensor whose samples do not come first")
        return known.steps[0]

    def _constant(self, tensor: Any) -> Affine:
        """Return a current that comes from no signal."""
        shape = tuple(tensor.shape[1:])
        like = Traced.of(Affine((), np.zeros(shape)), tensor.shape[0])
        (constant,) = by_step(self._trace.numbers(tensor), like)
        return Affine((), constant)

    def _random(self, like: Any) -> Any:
        torch = self._trace.torch
        values = torch.rand(tuple(like.shape), generator=self._trace.generator)
        return values.to(device=like.device, dtype=like.dtype)
