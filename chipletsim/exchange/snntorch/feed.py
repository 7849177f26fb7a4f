"""What a module is called with: random numbers in the shape of a sample, and its states."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from chipletsim.errors import UsageError

GRADED_BITS = 32
"""Bits of an input event that is a float32 value."""


class Fed(Protocol):
    """A run that is told what it is fed."""

    generator: Any

    @property
    def graded(self) -> frozenset[str]:
        """Inputs that are values, not spikes."""

    def feed(self, name: str, values: Any, step: int | None) -> None:
        """Take a tensor [samples, *shape] for what an input gives in a step."""

    def feed_steps(self, name: str, values: Any, time_axis: int) -> None:
        """Take a tensor with an axis of steps for what an input gives."""


class Feed:
    """What a module is called with."""

    def __init__(
        self, torch: Any, module: Any, sample: Any, *, time_axis: int | None, states: Any, bits: Any
    ) -> None:
        """Take the arguments of ``from_snntorch``, and ``bits`` of an input event or None."""
        self._torch, self.time_axis = torch, time_axis
        self._parameters = _parameters(module)
        self.samples = self._named(sample)
        self.wired = states is None
        self.states = list(self._unnamed_states() if states is None else states)
        for name, each in self.samples.items():
            self._check(name, each)
        self.bits = {name: self._told_bits(name) if bits is None else bits for name in self.samples}

    def _named(self, sample: Any) -> dict[str, Any]:
        if isinstance(sample, Mapping):
            return dict(sample)
        given = list(sample) if isinstance(sample, tuple | list) else [sample]
        if len(given) == 1:
            return {"input": given[0]}
        names = [parameter.name for parameter in self._parameters][: len(given)]
        if len(names) < len(given):
            names = [f"input_{number}" for number in range(len(given))]
        return dict(zip(names, given, strict=True))

    def _unnamed_states(self) -> list[None]:
        """Return None for each argument that may be a state."""
        others = [
            parameter
            for number, parameter in enumerate(self._parameters)
            if number >= len(self.samples) and parameter.name not in self.samples
        ]
        return [None for each in others if each.default in (None, inspect.Parameter.empty)]

    def _check(self, name: str, tensor: Any) -> None:
        if not isinstance(tensor, self._torch.Tensor):
            raise UsageError(f"sample: expected a torch.Tensor, got {type(tensor).__name__}")
        axes = 2 if self.time_axis is None else 3
        if tensor.ndim < axes:
            shape = list(tensor.shape)
            expected = "[samples, ...]" if axes == 2 else "[samples, steps, ...] in some order"
            raise UsageError(f"sample {name!r} has shape {shape}, expected {expected}")
        axis = self.time_axis
        if axis is not None and not -tensor.ndim <= axis < tensor.ndim:
            raise UsageError(f"time_axis is {axis}, but the sample has {tensor.ndim} axes")
        if not tensor.numel():
            raise UsageError(f"sample {name!r} is empty: its shape is {list(tensor.shape)}")

    def _told_bits(self, name: str) -> int:
        """Return the bits of an event of an input: 0 where its sample holds 0 and 1 alone."""
        values = self.samples[name].detach()
        return 0 if bool(((values == 0) | (values == 1)).all()) else GRADED_BITS

    def fed(self, run: Fed, step: int | None) -> tuple[list[Any], dict[str, Any]]:
        """Return arguments of random numbers for one call, which the run is told."""
        torch, fed = self._torch, {}
        for name, like in self.samples.items():
            values = torch.rand(tuple(like.shape), generator=run.generator)
            if not like.is_floating_point() or name not in run.graded:
                values = values < 0.5
            dtype = torch.float32 if like.is_floating_point() else like.dtype
            fed[name] = values.to(device=like.device, dtype=dtype)
            if self.time_axis is None:
                run.feed(name, fed[name], step)
            else:
                run.feed_steps(name, fed[name], self.time_axis)
        named = {parameter.name for parameter in self._parameters}
        if set(fed) <= named and "input" not in fed:
            return [], fed
        return list(fed.values()), {}


def _parameters(module: Any) -> list[inspect.Parameter]:
    """Return the positional arguments of a module."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [each for each in parameters if each.kind in kinds]
