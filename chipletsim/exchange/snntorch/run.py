"""A module that is run, with stand-ins for its neurons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chipletsim.errors import ChipletsimError, UsageError
from chipletsim.exchange.snntorch.answers import Returned, origins_of
from chipletsim.exchange.snntorch.calls import StandIn
from chipletsim.exchange.snntorch.feed import Feed
from chipletsim.exchange.snntorch.neurons import KINDS, kind_name
from chipletsim.exchange.snntorch.paths import RefusedError
from chipletsim.exchange.snntorch.restore import left_as_found
from chipletsim.exchange.snntorch.trace import Trace, fault

CALLS = 8
"""Calls of a module that takes one step: feedback of up to seven steps shows itself."""
SEED = 20_240_601
"""Of the random signals that are sent through the module."""


class Run:
    """A module that is run and followed."""

    def __init__(self, packages: tuple[Any, Any], module: Any, feed: Feed, *, asked: bool) -> None:
        """Take what is to be run.

        Args:
            packages: ``torch`` and ``snntorch``.
            module: The module.
            feed: What it is called with.
            asked: Whether to ask where what it returns comes from.
        """
        (self._torch, self._library), self._module, self._feed = packages, module, feed
        self._asked = asked

    def traced(self) -> tuple[Trace, Returned]:
        """Return the run and what the module returned last, states left out.

        A module that takes one step a call is called several times.
        """
        trace, returned = self._followed(1, None)
        calls = [len(each.calls) for each in trace.populations.values() if each.module is not None]
        if not calls:
            raise fault("holds no neurons of snnTorch that its forward pass reaches", "")
        if max(calls) == 1 and self._feed.time_axis is None:
            return self._followed(CALLS, 0)
        return trace, returned

    def _followed(self, calls: int, first: int | None) -> tuple[Trace, Returned]:
        torch, module = self._torch, self._module
        graded = frozenset(name for name, bits in self._feed.bits.items() if bits)
        trace = Trace(torch, torch.Generator().manual_seed(SEED), graded)
        with left_as_found(module), torch.no_grad(), torch.random.fork_rng(devices=[]):
            module.eval()
            self._stand_in(trace)
            states, origins = self._feed.states, Returned()
            for number in range(calls):
                given, named = self._feed.fed(trace, None if first is None else first + number)
                answer = self._called(trace, given, named, states)
                returned, states = self._divided(answer, states)
                origins = origins_of(trace, returned) if self._asked else Returned()
        return trace, origins

    def _called(self, trace: Trace, given: list[Any], named: dict[str, Any], states: Any) -> Any:
        try:
            with _mode(self._torch, trace):
                return self._module(*given, *states, **named)
        except ChipletsimError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"the module fails in its forward pass, called with the sample"
                f"{f' and {len(states)} states' if states else ''}: {text}"
            ) from error

    def _divided(self, answer: Any, states: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return answers, and the states of the next step: the last that were returned."""
        count = len(states)
        if not count:
            return [answer], []
        many = list(answer) if isinstance(answer, tuple | list) else [answer]
        if len(many) > count:
            return many[:-count], many[-count:]
        if self._feed.wired:
            return [answer], states
        raise UsageError(
            f"the module was given {count} states, but returned {len(many)} values; it should"
            " return its answer and then as many states"
        )

    def _stand_in(self, trace: Trace) -> None:
        """Put stand-ins in place of all neurons, and have modules say that they run."""
        for name, each in self._module.named_modules():
            try:
                kind = kind_name(each, self._library)
            except RefusedError as error:
                raise fault(str(error), name) from None
            if kind is None:
                each.forward = _Announced(trace, name, each.forward)
                continue
            for state in KINDS[kind].states:
                setattr(each, state, self._torch.zeros(0))
            each.forward = StandIn(trace, each, name, kind)


class _Announced:
    """A forward pass that says to the trace that it runs."""

    def __init__(self, trace: Trace, name: str, forward: Any) -> None:
        self._trace, self._name, self._forward = trace, name, forward

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with self._trace.inside(self._name):
            return self._forward(*arguments, **options)


@contextmanager
def _mode(torch: Any, trace: Trace) -> Iterator[None]:
    """Have the trace follow every function of PyTorch."""

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return trace.follow(function, args, kwargs or {})

    with Mode():
        yield
