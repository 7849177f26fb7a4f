"""Native event-driven kernels, most of them behind JAX's foreign-function interface.

They are C++ (``src``), compiled when the package is installed, once for each instruction set;
the widest that the processor knows is taken. Without them, on another platform than a CPU, or
with ``CHIPLETSIM_KERNELS=xla`` in the environment, chipletsim computes the same with XLA. Those
that follow packets do without JAX, and are used beside any platform; Python stands in for them.
``CHIPLETSIM_THREADS`` sets how many threads they use; it is the number of processors otherwise.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from chipletsim.errors import UsageError

CHOICE = "CHIPLETSIM_KERNELS"
THREADS = "CHIPLETSIM_THREADS"
MOST_THREADS = 1024


def native_kernels() -> bool:
    """Return whether the native kernels are used, and make JAX know them if so.

    Raises:
        UsageError: ``CHIPLETSIM_KERNELS`` asks for kernels that there are not.
    """
    choice = _choice()
    return choice not in {"xla", "pallas"} and _is_used(choice, _obstacle())


def native_functions() -> bool:
    """Return whether those native kernels are used that are called without JAX, as it need not run.

    Raises:
        UsageError: ``CHIPLETSIM_KERNELS`` asks for kernels that there are not.
    """
    choice = _choice()
    return choice != "xla" and _is_used(choice, _fault())


def _is_used(choice: str, why_not: str) -> bool:
    if why_not and choice == "native":
        raise UsageError(f"{CHOICE}=native, but {why_not}")
    return not why_not


def native_function(name: str) -> Callable[..., None]:
    """Return a function of the native kernels that is called without JAX; if they are used."""
    found: Callable[..., None] = getattr(_module(), name)
    return found


def pallas_kernels() -> bool:
    """Return whether the Pallas kernel for sparse synapses is used, on an NVIDIA GPU.

    It has to be asked for: it is tested in Pallas' interpreter and compiles for GPUs, but has
    not yet been run on one.

    Raises:
        UsageError: ``CHIPLETSIM_KERNELS=pallas``, and there is no GPU.
    """
    if _choice() != "pallas":
        return False
    import jax

    if jax.default_backend() != "gpu":
        raise UsageError(f"{CHOICE}=pallas, but JAX runs on {jax.default_backend()}")
    return True


def _choice() -> str:
    choice = os.environ.get(CHOICE, "")
    if choice not in {"", "native", "xla", "pallas"}:
        raise UsageError(f"{CHOICE} must be native, xla or pallas, got {choice!r}")
    return choice


def thread_count() -> int:
    """Return how many threads the kernels may use.

    Raises:
        UsageError: ``CHIPLETSIM_THREADS`` is no whole number from 1 to 1,024.
    """
    given = os.environ.get(THREADS)
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if not given.isdecimal() or not 1 <= int(given[:5]) <= MOST_THREADS:
        raise UsageError(
            f"{THREADS} must be a whole number from 1 to {MOST_THREADS:,}, got {given!r}"
        )
    return int(given)


def describe() -> str:
    """Return which kernels are in use, or why XLA computes instead."""
    if native_kernels():
        return f"native, {_module().__name__.rpartition('._')[2]}, {thread_count()} threads"
    if pallas_kernels():
        return "pallas"
    return f"xla ({_obstacle() or f'{CHOICE}=xla'})"


@cache
def _obstacle() -> str:
    """Return why there are no native kernels, or nothing once JAX knows them."""
    import jax

    if jax.default_backend() != "cpu":
        return f"they are for CPUs, and JAX runs on {jax.default_backend()}"
    if fault := _fault():
        return fault
    try:
        for name, function in _module().handlers().items():
            jax.ffi.register_ffi_target(name, function, platform="cpu")
    except Exception as error:
        # A jaxlib older than the headers that the kernels were compiled with refuses them.
        return f"this jaxlib does not take them ({type(error).__name__}: {error}); reinstall"
    return ""


@cache
def _fault() -> str:
    """Return why the compiled module cannot be used by anyone, or nothing."""
    try:
        made_from = _module().sources()
    except ImportError:
        return "none were compiled; reinstall where there is a C++ compiler"
    if made_from and made_from != _sources(made_from):
        return "they are older than their sources; reinstall (pip install -e .)"
    return ""


def _sources(otherwise: str) -> str:
    """Return the fingerprint of the sources, which an installed package does not hold."""
    folder = Path(__file__).with_name("src")
    if not folder.is_dir():
        return otherwise
    files = sorted(folder.iterdir())
    return "s" + hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:16]


@cache
def _module() -> ModuleType:
    """Return the compiled module for the widest instruction set that the processor knows."""
    generic = import_module("chipletsim.kernels._generic")
    if generic.has_v3():
        try:
            return import_module("chipletsim.kernels._v3")
        except ImportError:
            return generic
    return generic
