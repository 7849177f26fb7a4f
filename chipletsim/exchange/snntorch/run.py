"""A module that is run: followed, and beside the network that was made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from chipletsim.errors import ChipletsimError, UsageError
from chipletsim.exchange.snntorch.answers import Returned, origins_of
from chipletsim.exchange.snntorch.calls import StandIn
from chipletsim.exchange.snntorch.feed import Fed, Feed
from chipletsim.exchange.snntorch.neurons import KINDS, kind_name
from chipletsim.exchange.snntorch.paths import RefusedError
from chipletsim.exchange.snntorch.rehearsal import Rehearsal, Rehearsed
from chipletsim.exchange.snntorch.restore import left_as_found
from chipletsim.exchange.snntorch.trace import Trace, fault
from chipletsim.network.model import Network

CALLS = 8
"""Calls of a module that takes one step: feedback of up to seven steps shows itself."""
SEED = 20_240_601
"""Of the random signals that are sent through the module."""


class Run:
    """A module that is run."""

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
        self._stepwise = False

    def traced(self) -> tuple[Trace, Returned]:
        """Return the run and what the module returned last, states left out.

        A module that takes one step a call is called several times.
        """
        trace, returned = self._followed(1)
        calls = [len(each.calls) for each in trace.populations.values() if each.module is not None]
        if not calls:
            raise fault("holds no neurons of snnTorch that its forward pass reaches", "")
        if max(calls) == 1 and self._feed.time_axis is None:
            self._stepwise = True
            return self._followed(CALLS)
        return trace, returned

    def rehearsed(self, trace: Trace, network: Network, steps: int) -> int:
        """Compare the module with a network step by step, and return in how many steps.

        Args:
            trace: The run of which the network was made.
            network: The network.
            steps: Steps of a module that takes one step a call; others go through their own.

        Raises:
            ConfigError: They differ.
        """
        generator = self._torch.Generator().manual_seed(SEED + 1)
        rehearsal = Rehearsal(trace, network, generator)

        def stand_in(module: Any, name: str, kind: str) -> Rehearsed:
            return Rehearsed(rehearsal, self._torch, module, name, kind)

        self._calls(steps if self._stepwise else 1, rehearsal, stand_in)
        return rehearsal.steps

    def _followed(self, calls: int) -> tuple[Trace, Returned]:
        graded = frozenset(name for name, bits in self._feed.bits.items() if bits)
        trace = Trace(self._torch, self._torch.Generator().manual_seed(SEED), graded)

        def stand_in(module: Any, name: str, kind: str) -> StandIn:
            return StandIn(trace, module, name, kind)

        return trace, self._calls(calls, trace, stand_in, trace)

    def _calls(
        self,
        calls: int,
        run: Fed,
        stand_in: Callable[[Any, str, str], Any],
        trace: Trace | None = None,
    ) -> Returned:
        """Call the module, with something in place of its neurons, and leave it as it was.

        Args:
            calls: How often.
            run: Is told what the module is fed.
            stand_in: From a module of neurons, its name and its class to what is called instead.
            trace: Follows the calls; None if they are not followed.

        Returns:
            Where the answer of the last call comes from, if it is followed and was asked for.
        """
        torch, module, origins = self._torch, self._module, Returned()
        with left_as_found(module), torch.no_grad(), torch.random.fork_rng(devices=[]):
            module.eval()
            self._stand_in(stand_in, trace)
            states = self._feed.states
            for number in range(calls):
                given, named = self._feed.fed(run, number if self._stepwise else None)
                with nullcontext() if trace is None else _mode(torch, trace):
                    answer = self._called(given, named, states, number)
                returned, states = self._divided(answer, states)
                if trace is not None and self._asked:
                    origins = origins_of(trace, returned)
        return origins

    def _called(self, given: list[Any], named: dict[str, Any], states: Any, number: int) -> Any:
        try:
            return self._module(*given, *states, **named)
        except ChipletsimError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            count = f" for the {number + 1}th time" if number > 1 else ""
            raise UsageError(
                f"the module fails in its forward pass, called{count} with the sample"
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

    def _stand_in(self, stand_in: Callable[[Any, str, str], Any], trace: Trace | None) -> None:
        """Put something in place of all neurons, and have followed modules say that they run."""
        for name, each in self._module.named_modules():
            try:
                kind = kind_name(each, self._library)
            except RefusedError as error:
                raise fault(str(error), name) from None
            if kind is not None:
                for state in KINDS[kind].states:
                    setattr(each, state, self._torch.zeros(0))
                each.forward = stand_in(each, name, kind)
            elif trace is not None:
                each.forward = _Announced(trace, name, each.forward)


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
