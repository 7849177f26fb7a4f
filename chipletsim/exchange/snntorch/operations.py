"""What functions of PyTorch do to tensors that come from neurons.

A function is one entry in ``OPERATIONS``, with the arguments of its counterpart in PyTorch. What
stands in no entry makes a tensor opaque: it may be returned, but no neuron can take it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from chipletsim.exchange.snntorch import arithmetic, pooling, views, weights
from chipletsim.exchange.snntorch.followed import Followed
from chipletsim.exchange.snntorch.paths import RefusedError

Operation = Callable[..., Any]


def applied(trace: Followed, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return what is known of the result of a function, from its arguments in PyTorch.

    Raises:
        RefusedError: It has no counterpart.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        hint = "; encode inputs before the module" if name in _RANDOM else ""
        raise RefusedError(f"passes through `{name}`, which has no counterpart{hint}")
    parameters = list(inspect.signature(operation).parameters.values())[1:]
    if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters):
        return operation(trace, *arguments, **options)
    names = [each.name for each in parameters]
    return operation(trace, **dict(zip(names, arguments, strict=False)), **options)


_RANDOM = ("bernoulli", "poisson")

OPERATIONS: dict[str, Operation] = {
    "linear": weights.linear,
    "matmul": weights.matmul,
    "mm": weights.matmul,
    "conv2d": weights.conv2d,
    "conv1d": weights.conv1d,
    "avg_pool2d": pooling.avg_pool2d,
    "adaptive_avg_pool2d": pooling.adaptive_avg_pool2d,
    "max_pool2d": pooling.max_pool2d,
    "batch_norm": arithmetic.batch_norm,
    **dict.fromkeys(
        ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"], arithmetic.dropout
    ),
    **dict.fromkeys(
        ["clone", "detach", "contiguous", "float", "double", "to", "cpu", "cuda", "type",
         "type_as", "requires_grad", "data", "positive", "alias"], arithmetic.same
    ),
    "add": arithmetic.add,
    "radd": arithmetic.add,
    "sub": arithmetic.sub,
    "subtract": arithmetic.sub,
    "rsub": arithmetic.rsub,
    "mul": arithmetic.mul,
    "multiply": arithmetic.mul,
    "rmul": arithmetic.mul,
    "div": arithmetic.div,
    "truediv": arithmetic.div,
    "true_divide": arithmetic.div,
    "neg": arithmetic.neg,
    "negative": arithmetic.neg,
    **dict.fromkeys(
        ["reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as",
         "reshape_as", "ravel"], views.reshape
    ),
    "permute": views.permute,
    "transpose": views.transpose,
    "swapaxes": views.transpose,
    "movedim": views.movedim,
    "getitem": views.getitem,
    "select": views.select,
    "unbind": views.unbind,
    **dict.fromkeys(["split", "chunk", "tensor_split"], views.split),
    "stack": views.stack,
    "cat": views.cat,
    "concat": views.cat,
    "concatenate": views.cat,
    **dict.fromkeys(["expand", "repeat", "expand_as", "tile"], views.repeat),
    "sum": views.total,
    "mean": views.mean,
}  # fmt: skip
"""Name of a function without underscores to what it does."""

PROPERTIES = frozenset(
    ["size", "dim", "shape", "ndim", "dtype", "device", "requires_grad_get", "is_cuda", "layout",
     "len", "numel", "nelement", "is_floating_point", "is_sparse", "is_contiguous", "stride",
     "zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "full_like",
     "new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "get_device", "is_complex",
     "is_quantized", "element_size", "itemsize", "nbytes", "data_ptr",
     "grad", "grad_fn", "is_leaf", "names", "storage_offset", "hash",
     "format", "repr", "str"]
)  # fmt: skip
"""Functions whose results do not carry a tensor's values on."""

WEIGHTED = ("linear", "conv1d", "conv2d")
"""Functions whose second argument is weights of their own."""

_IN_PLACE = {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "idiv": "div"}


def plain_name(function: Callable[..., Any]) -> str:
    """Return the name of a function, a method or an operator, or of the property it gets."""
    name = getattr(function, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(function, "__self__", None), "__name__", "")
    plain = name.strip("_")
    return _IN_PLACE.get(plain, plain)
