"""Which populations are the answer of a module."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from chipletsim.errors import UsageError
from chipletsim.exchange.snntorch.affine import Membrane, Opaque, Traced, sources_of, weighted
from chipletsim.exchange.snntorch.trace import Trace, fault


@dataclass(frozen=True)
class Returned:
    """Where what a module returns comes from.

    Attributes:
        events: Populations whose events it is.
        membranes: Populations whose membranes it is.
    """

    events: tuple[str, ...] = ()
    membranes: tuple[str, ...] = ()


def origins_of(trace: Trace, returned: list[Any]) -> Returned:
    """Return where values come from; what lies behind weights becomes a population."""
    events: list[str] = []
    membranes: list[str] = []
    for tensor in _leaves(returned):
        known = trace.look_up(tensor)
        if isinstance(known, Membrane):
            membranes.append(known.population)
        elif isinstance(known, Opaque):
            if known.weighted:
                raise fault(
                    f"returns what {known.reason} behind weights; end with neurons, or name the"
                    " `outputs`",
                    known.where,
                )
            events += known.sources
            membranes += known.membranes
        elif isinstance(known, Traced):
            _refuse_weighted_sums(known)
            for step in known.steps:
                answer = trace.stateless("values", step) if weighted([step]) else step
                events += sources_of([answer])
    neurons = [name for name in dict.fromkeys(events) if name in trace.populations]
    return Returned(tuple(neurons), tuple(dict.fromkeys(membranes)))


def _refuse_weighted_sums(known: Traced) -> None:
    """Refuse weights behind a sum over steps: they act once, not in each step."""
    for step in known.steps:
        named = [path.named_by for path in step.paths if path.named_by]
        if named and len({path.step for path in step.paths}) > 1:
            raise fault(
                "takes events of several steps at once, behind which there are no neurons; apply it"
                " step by step, or name the `outputs`",
                named[0],
            )


def answers(trace: Trace, found: Returned, outputs: Sequence[str] | None) -> list[str]:
    """Return the populations whose events are the answer.

    Raises:
        UsageError: One that was asked for is none.
        ConfigError: Nothing that is returned comes from neurons.
    """
    if outputs is not None:
        for name in outputs:
            if name not in trace.populations:
                names = list(trace.populations)
                near = get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
                raise UsageError(f"outputs: there is no population {name!r}; {hint}")
        return list(outputs)
    if found.events:
        return list(found.events)
    if not found.membranes:
        raise fault("returns nothing that comes from neurons; name the `outputs`", "")
    warnings.warn(
        f"the module returns membranes of {', '.join(found.membranes)}, not spikes: the network"
        " sends their spikes as its answer; read membranes with simulate(..., record=('v',))",
        UserWarning,
        stacklevel=3,
    )
    return list(found.membranes)


def _leaves(values: Any) -> Iterator[Any]:
    """Return what nested tuples, lists and tables hold."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, tuple | list):
        for each in values:
            yield from _leaves(each)
    else:
        yield values
