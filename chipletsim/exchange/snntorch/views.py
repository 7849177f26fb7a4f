"""Functions of PyTorch that move values: views, slices, stacks; and sums over steps."""

from __future__ import annotations

from typing import Any

from chipletsim.exchange.snntorch import arrange
from chipletsim.exchange.snntorch.affine import Traced
from chipletsim.exchange.snntorch.followed import Followed, whole_shape
from chipletsim.exchange.snntorch.paths import RefusedError


def reshape(trace: Followed, input: Any, *shape: Any, **options: Any) -> Traced:
    """Functions that read a tensor as another shape: the result has it."""
    return arrange.reshaped(trace.known(input), tuple(trace.result.shape))


def permute(trace: Followed, input: Any, *dims: Any, **options: Any) -> Traced:
    """``torch.permute``."""
    given = options.get("dims", dims[0] if dims and isinstance(dims[0], tuple | list) else dims)
    return arrange.permuted(trace.known(input), given)


def transpose(trace: Followed, input: Any, dim0: int, dim1: int) -> Traced:
    """``torch.transpose``."""
    traced = trace.known(input)
    dims = list(range(len(traced.axes)))
    dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
    return arrange.permuted(traced, dims)


def movedim(trace: Followed, input: Any, source: int, destination: int) -> Traced:
    """``torch.movedim`` of one axis."""
    traced = trace.known(input)
    dims = list(range(len(traced.axes)))
    moved = dims.pop(source)
    dims.insert(destination if destination >= 0 else destination + len(dims) + 1, moved)
    return arrange.permuted(traced, dims)


def getitem(trace: Followed, input: Any, index: Any) -> Traced:
    """``tensor[index]``."""
    return arrange.indexed(trace.known(input), index)


def select(trace: Followed, input: Any, dim: int, index: int) -> Traced:
    """``torch.select``."""
    items: list[Any] = [slice(None)] * input.ndim
    items[dim] = index
    return arrange.indexed(trace.known(input), tuple(items))


def unbind(trace: Followed, input: Any, dim: int = 0) -> list[Traced]:
    """``torch.unbind``, and loops over a tensor."""
    return arrange.unbound(trace.known(input), dim)


def split(trace: Followed, input: Any, *arguments: Any, dim: int = 0, **options: Any) -> Any:
    """``torch.split`` and ``torch.chunk``: the results tell the lengths."""
    axis = arguments[1] if len(arguments) > 1 else dim
    lengths = [part.shape[axis] for part in trace.result]
    return arrange.cut(trace.known(input), axis, lengths)


def stack(trace: Followed, tensors: Any, dim: int = 0) -> Traced:
    """``torch.stack``: a new axis of steps."""
    return arrange.stacked([trace.known(each) for each in tensors], dim)


def cat(trace: Followed, tensors: Any, dim: int = 0) -> Traced:
    """``torch.cat``."""
    return arrange.concatenated([trace.known(each) for each in tensors], dim)


def repeat(trace: Followed, input: Any, *sizes: Any, **options: Any) -> Traced:
    """``Tensor.expand`` and ``Tensor.repeat`` of axes of length 1."""
    traced, shape = trace.known(input), tuple(trace.result.shape)
    before = whole_shape(traced)
    if any(old not in (1, new) for old, new in zip(before, shape[-len(before) :], strict=True)):
        raise RefusedError("repeats a signal")
    return arrange.repeated(traced, shape)


def total(trace: Followed, input: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Traced:
    """``torch.sum`` over steps."""
    return _reduced(trace, input, dim, keepdim, mean=False)


def mean(trace: Followed, input: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Traced:
    """``torch.mean`` over steps."""
    return _reduced(trace, input, dim, keepdim, mean=True)


def _reduced(trace: Followed, input: Any, dim: Any, keepdim: bool, *, mean: bool) -> Traced:
    traced = trace.known(input)
    axis = dim[0] if isinstance(dim, tuple | list) and len(dim) == 1 else dim
    if not isinstance(axis, int) or keepdim:
        raise RefusedError("adds up over more than steps")
    return arrange.summed(traced, axis, 1 / len(traced.steps) if mean else 1.0)
