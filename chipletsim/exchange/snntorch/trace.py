"""Running a module and following its tensors from neuron to neuron.

Neurons are not simulated: each call of a neuron module gives random spikes and membranes, so that
every way through the module carries a signal, whatever the sample is. Their hidden states are
never touched. What functions of PyTorch do in between is followed by ``operations``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.snntorch.affine import (
    Affine,
    Membrane,
    Opaque,
    Traced,
    alike,
    sources_of,
    weighted,
)
from chipletsim.exchange.snntorch.neurons import STATELESS, Neurons
from chipletsim.exchange.snntorch.operations import PROPERTIES, WEIGHTED, applied, plain_name
from chipletsim.exchange.snntorch.paths import Path, RefusedError
from chipletsim.network.connections import Shape

Known = Traced | Opaque | Membrane


@dataclass(eq=False)
class Traces:
    """What is known of a population.

    Attributes:
        neurons: What its neurons compute.
        shape: Its shape.
        module: Its module; None for neurons without state, which are made here.
        calls: Step to what it takes as its current; the step is None where all are alike.
    """

    neurons: Neurons
    shape: Shape
    module: Any = None
    calls: dict[int | None, Affine] = field(default_factory=dict)


@dataclass(eq=False)
class Trace:
    """A run of a module.

    Attributes:
        torch: The package ``torch``.
        generator: Source of random numbers.
        graded: Inputs that are values, not spikes.
        inputs: Name of an input to its shape.
        populations: Name of a population to what is known of it, in the order of first calls.
        read: Functions that gave values of a signal to Python, to the module that called them.
        where: Module that runs.
        result: Result of the function that is being followed.
    """

    torch: Any
    generator: Any
    graded: frozenset[str] = frozenset()
    inputs: dict[str, Shape] = field(default_factory=dict)
    populations: dict[str, Traces] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    result: Any = None

    def __post_init__(self) -> None:
        from torch.utils.weak import WeakTensorKeyDictionary

        self._known: Any = WeakTensorKeyDictionary()
        self._weights: dict[int, tuple[Any, int, np.ndarray]] = {}
        self._inside: list[str] = []
        self._idle: dict[tuple[str, int], bool] = {}

    @property
    def where(self) -> str:
        """Path of the module that runs."""
        return self._inside[-1] if self._inside else ""

    def feed(self, name: str, values: Any, step: int | None) -> None:
        """Take a tensor [samples, *shape] for what an input gives in a step."""
        self.inputs[name] = shape = tuple(values.shape[1:])
        self._known[values] = Traced.of(Affine.of(Path.of(name, step, shape)), values.shape[0])

    def feed_steps(self, name: str, values: Any, time_axis: int) -> None:
        """Take a tensor with an axis of steps for what an input gives."""
        steps, batch, *rest = values.movedim(time_axis, 0).shape
        self.inputs[name] = shape = tuple(rest)
        affines = tuple(Affine.of(Path.of(name, step, shape)) for step in range(steps))
        axes: list[Any] = ["B", *range(len(shape))]
        axes.insert(time_axis % values.ndim, "T")
        self._known[values] = Traced(affines, tuple(axes), batch)

    def follows(self, value: Any) -> bool:
        """Return whether a tensor comes from neurons or inputs."""
        return self.look_up(value) is not None

    def look_up(self, value: Any) -> Known | None:
        """Return what is known of a value, or None."""
        return self._known.get(value) if isinstance(value, self.torch.Tensor) else None

    def known(self, value: Any) -> Traced:
        """Return what is known of a tensor that comes from neurons or inputs; else refuse."""
        found = self.look_up(value)
        if isinstance(found, Traced):
            return found
        if isinstance(found, Opaque):
            raise RefusedError(found.reason)
        if isinstance(found, Membrane):
            raise RefusedError(f"sends on the membrane of {found.population!r}, not its spikes")
        raise RefusedError("mixes signals with tensors that come from no neuron")

    def numbers(self, value: Any) -> np.ndarray:
        """Return float64 numbers of weights; refuse where they come from neurons."""
        if not isinstance(value, self.torch.Tensor):
            return np.asarray(value, np.float64)
        if self.follows(value):
            raise RefusedError("uses a signal as weights")
        kept = self._weights.get(id(value))
        if kept is not None and kept[0] is value and kept[1] == value._version:
            return kept[2]
        numbers = value.detach().cpu().numpy().astype(np.float64)
        if isinstance(value, self.torch.nn.Parameter):
            self._weights[id(value)] = (value, value._version, numbers)
        return numbers

    def follow(self, function: Callable[..., Any], arguments: tuple, options: dict) -> Any:
        """Run a function of PyTorch, and note what its result comes from."""
        name = plain_name(function)
        sources = [each for each in _tensors((arguments, options)) if self.follows(each)]
        if sources and name == "bool":
            raise self.fault("decides by the value of a signal; a network has no such branches")
        self.result = result = function(*arguments, **options)
        if name in WEIGHTED:
            self._idle[self.where, self._own_weight(arguments)] = not sources
        if sources and name not in PROPERTIES and _plain(result):
            self.read[name] = self.where
        target = arguments[0] if name == "setitem" else result
        if not sources or name in PROPERTIES or not _tensors((target,)):
            return result
        try:
            found = applied(self, name, arguments, options)
        except RefusedError as error:
            found = self._opaque(str(error), sources, name)
        self._note(target, found)
        return result

    def _note(self, target: Any, found: Any) -> None:
        if isinstance(found, list):
            for part, own in zip(target, found, strict=True):
                self._known[part] = own
            return
        for each in _tensors((target,)):
            self._known[each] = found

    def note(self, tensor: Any, found: Known) -> None:
        """Say what a tensor comes from."""
        self._known[tensor] = found

    def _opaque(self, reason: str, tensors: list[Any], name: str) -> Opaque:
        """Return what is known of a tensor that no neuron can take."""
        where = self.where
        populations: list[str] = []
        membranes: list[str] = []
        behind = name in ("linear", "conv2d", "conv1d", "matmul", "mm", "addmm", "bmm", "einsum")
        for known in map(self.look_up, tensors):
            if isinstance(known, Opaque):
                reason, where = known.reason, known.where
                behind |= known.weighted
                populations += known.sources
                membranes += known.membranes
            elif isinstance(known, Membrane):
                membranes.append(known.population)
            elif isinstance(known, Traced):
                behind |= weighted(known.steps)
                populations += known.sources()
        events, states = (tuple(dict.fromkeys(each)) for each in (populations, membranes))
        return Opaque(reason, where, events, states, behind)

    def spikes(self, source: str) -> bool:
        """Return whether the events of a population, or of an input, are spikes."""
        own = self.populations.get(source)
        return source not in self.graded if own is None else own.neurons is not STATELESS["values"]

    def stateless(self, kind: str, affine: Affine) -> Affine:
        """Return the events of neurons without state that take ``affine`` as their current."""
        name = self._stateless_name(kind, affine)
        self.populations[name].calls[affine.step] = affine
        return Affine.of(Path.of(name, affine.step, affine.shape))

    def _stateless_name(self, kind: str, affine: Affine) -> str:
        """Return the name of neurons without state: of such that have no such step yet, or new."""
        before = [path.named_by for path in affine.paths if path.named_by]
        base, number = f"{before[0] if before else self.where}.{kind}".lstrip("."), 1
        name, sources = base, sources_of([affine])
        while name in self.populations:
            own = self.populations[name]
            given = own.calls.get(affine.step, next(iter(own.calls.values())))
            fits = sources_of([given]) == sources and own.shape == affine.shape
            if fits and (affine.step not in own.calls or _same_for_all(given, affine)):
                return name
            number += 1
            name = f"{base}:{number}"
        self.populations[name] = Traces(STATELESS[kind], affine.shape)
        return name

    def _own_weight(self, arguments: tuple[Any, ...]) -> int:
        """Return what tells apart the weights of one module; 0 for those it makes anew."""
        weight = arguments[1] if len(arguments) > 1 else None
        return id(weight) if isinstance(weight, self.torch.nn.Parameter) else 0

    def require_no_idle_weights(self) -> None:
        """Refuse weights that took a constant when they were last used.

        Raises:
            ConfigError: There are some: feedback that has not come round, most likely.
        """
        for (name, _), idle in self._idle.items():
            if idle:
                raise fault(
                    "its weights take what comes from no neuron or input, even in the last step"
                    " followed; feedback of so many steps is not seen",
                    name,
                )

    def fault(self, message: str) -> ConfigError:
        """Return the error of the module that runs."""
        return fault(message, self.where)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Say that the module called ``name`` runs."""
        self._inside.append(name)
        try:
            yield
        finally:
            self._inside.pop()


def _same_for_all(one: Affine, other: Affine) -> bool:
    """Return whether two tensors that do not depend on the step are the same."""
    return (
        one.step is None
        and other.step is None
        and np.array_equal(one.constant, other.constant)
        and all(alike(a, b) for a, b in zip(one.paths, other.paths, strict=True))
    )


def fault(message: str, module: str) -> ConfigError:
    """Return the error of a module."""
    return ConfigError([Problem(message, f"modules.{module}" if module else "module")])


def _plain(value: Any) -> bool:
    """Return whether a result is numbers of Python or NumPy."""
    return isinstance(value, bool | int | float | complex | list | np.ndarray) and not _tensors(
        value
    )


def _tensors(values: Any) -> list[Any]:
    """Return the tensors in nested tuples, lists and tables."""
    if isinstance(values, tuple | list):
        return [tensor for each in values for tensor in _tensors(each)]
    if isinstance(values, dict):
        return _tensors(tuple(values.values()))
    return [values] if hasattr(values, "_version") else []
