"""A live module of snnTorch to a network."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chipletsim.errors import UsageError
from chipletsim.exchange.snntorch.answers import answers
from chipletsim.exchange.snntorch.assemble import assemble
from chipletsim.exchange.snntorch.feed import Feed
from chipletsim.exchange.snntorch.neurons import STATELESS
from chipletsim.exchange.snntorch.run import Run
from chipletsim.exchange.snntorch.trace import Trace, fault
from chipletsim.network.model import Network
from chipletsim.units import parse_quantity

EVALUATED = ("BatchNorm", "Dropout", "AlphaDropout", "FeatureAlphaDropout")
"""Starts of the names of modules that do something else in training."""


def from_snntorch(
    module: Any,
    sample: Any,
    *,
    dt: str | float = "1 ms",
    time_axis: int | None = None,
    states: Sequence[Any] | None = None,
    outputs: Sequence[str] | None = None,
    input_bits: int | None = None,
    checked_steps: int = 32,
    name: str | None = None,
) -> Network:
    """Return the network that a live module of snnTorch computes, with its own weights.

    The module is run on random numbers of the sample's shape, in evaluation and without gradients,
    and its tensors are followed from neuron to neuron: one step a call, or as many as it goes
    through itself. It is left as it was found. Populations are called by the paths of their
    modules (``lif1``, ``features.2``), inputs ``input`` or, where there are several, as the
    arguments. Feedback shows itself within the steps followed: seven, or those of a module that
    goes through them itself. The module is then run once more, for more steps, and compared with
    the network in each of them: currents, spikes and states of all neurons. The network's
    ``caveats`` say over how many steps; what the module keeps for longer is not known.

    Known are Leaky, RLeaky, Synaptic, RSynaptic, Lapicque and Alpha; Linear, Conv1d and Conv2d;
    batch normalisation and averages after a convolution, which are folded into the weights before
    them (in float64, then rounded to float32); average pooling; sums, concatenations, slices,
    reshapes, products with numbers. Some functions become populations, with a warning: maxima of
    spikes are neurons that spike where any spike arrives (``NAME.any``); maxima of currents, and
    weights behind weights, take a population that sends its current as a 32-bit value
    (``NAME.values``). Both count and cost as neurons do. Anything else is one error that names the
    module.

    Args:
        module: A ``torch.nn.Module`` with neurons of snnTorch.
        sample: What it is called with: a tensor [samples, ...], or with an axis of steps, see
            ``time_axis``; several in a tuple, or a table of arguments. Its numbers say one thing: 0
            and 1 alone are spikes, others values. More than two samples take time, and tell
            no more.
        dt: Time step of the network. snnTorch has none: its decays are numbers a step.
        time_axis: Axis of steps of the sample, for a module that goes through them itself: 0 for
            [steps, samples, ...]. None where it takes one step, or the same input in each.
        states: Arguments after the sample in the first step: zeros or None. In the next steps
            they are the last that the module returned, as many. None: arguments without a default,
            or with None, are taken for states; ``()`` says that there are none.
        outputs: Populations whose spikes are the answer; those that the module returns if None.
        input_bits: Bits of an input event: 0 for spikes, 32 for float32 values; told from the
            sample if None.
        checked_steps: Steps in which a module that takes one step a call is compared with the
            network, at the cost of as many calls; a module that goes through steps itself is
            compared in those of the sample.
        name: Name of the network; the class of the module if None.

    Raises:
        UsageError: PyTorch or snnTorch is not installed, or an argument is at fault.
        ConfigError: Something in the module has no counterpart, or it does in some step what its
            network does not; the message says in which layer and step.

    Example:
        network = cs.from_snntorch(net, torch.zeros(1, 784))
        print(cs.evaluate(network, "packages/four_dies", inputs, time_axis=0))
    """
    torch, library = _packages()
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"expected a torch.nn.Module, got {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise UsageError("the module is scripted, so that it cannot be followed; give the original")
    dt_s = _seconds(dt)
    if not isinstance(checked_steps, int) or checked_steps < 1:
        raise UsageError(f"checked_steps: expected a whole number from 1, got {checked_steps!r}")
    feed = Feed(torch, module, sample, time_axis=time_axis, states=states, bits=input_bits)
    _warn_of_training(module)
    _require_float32(torch, module)
    run = Run((torch, library), module, feed, asked=outputs is None)
    trace, found = run.traced()
    trace.require_no_idle_weights()
    chosen = answers(trace, found, outputs)
    network = assemble(trace, name or type(module).__name__, dt_s, chosen, feed.bits)
    steps = run.rehearsed(trace, network, checked_steps)
    _warn_of_made(trace)
    _warn_of_read(trace)
    return replace(network, caveats=(_caveat(steps),))


def _caveat(steps: int) -> str:
    return (
        f"what the live module keeps for longer than the {steps} steps over which the network was"
        " checked against it"
    )


def _packages() -> tuple[Any, Any]:
    """Return ``torch`` and ``snntorch``.

    Raises:
        UsageError: One is not installed.
    """
    try:
        import snntorch
        import torch
    except ImportError as error:
        raise UsageError(
            f"{error.name or 'snntorch'} is not installed: pip install snntorch torch"
        ) from None
    return torch, snntorch


def _seconds(dt: str | float) -> float:
    """Return a time step in seconds."""
    try:
        seconds = parse_quantity(dt, "s") if isinstance(dt, str) else float(dt)
    except ValueError as error:
        raise UsageError(f"dt: {error}") from None
    if not 0 < seconds < float("inf"):
        raise UsageError(f"dt: must be positive, got {dt!r}")
    return seconds


def _warn_of_training(module: Any) -> None:
    """Say that what does something else in training is taken as in evaluation."""
    names = [
        name
        for name, each in module.named_modules()
        if each.training and type(each).__name__.startswith(EVALUATED)
    ]
    if names:
        warnings.warn(
            f"the module is in training mode; {', '.join(names)} are taken as in evaluation, as"
            " after `module.eval()`",
            UserWarning,
            stacklevel=3,
        )


def _warn_of_made(trace: Trace) -> None:
    """Say which populations stand for functions of the module: they cost as neurons do."""
    made = {
        kind: [name for name, own in trace.populations.items() if own.neurons is neurons]
        for kind, neurons in STATELESS.items()
    }
    said = [
        f"{', '.join(made[kind])} {what}"
        for kind, what in (
            ("any", "(a spike where any input spikes, for a maximum)"),
            ("values", "(32-bit values in every step, between weights without neurons)"),
        )
        if made[kind]
    ]
    if said:
        warnings.warn(
            f"populations stand for functions of the module, and cost as neurons do: "
            f"{'; '.join(said)}",
            UserWarning,
            stacklevel=3,
        )


def _warn_of_read(trace: Trace) -> None:
    """Say which values of signals the module took from PyTorch: they are not followed."""
    if trace.read:
        said = ", ".join(
            f"`{name}`{f' in {where}' if where else ''}" for name, where in trace.read.items()
        )
        warnings.warn(
            f"the module reads values of its signals ({said}); what it does with them is not"
            " followed: the network is right if it only reports them",
            UserWarning,
            stacklevel=3,
        )


def _require_float32(torch: Any, module: Any) -> None:
    """Refuse weights of another precision: a network's are float32."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            message = f"{name} is {tensor.dtype}; weights here are float32: module.float()"
            raise fault(message, name.rpartition(".")[0])
