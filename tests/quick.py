"""Programs that XLA compiles in a third of the time, for tests in which no rounding matters.

With the least effort XLA adds what it multiplies in two steps, where it may do both in one as it
compiles for users. What has to be exact to the bit is therefore tested as it is for users.
"""

from contextlib import contextmanager
from functools import cache

import jax
import jax.numpy as jnp
import pytest

LEAST = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def quickly(function):
    """Return a function that is compiled with the least effort."""
    return jax.jit(function, compiler_options=options())


@contextmanager
def quick_programs():
    """Have all that is compiled meanwhile compiled with the least effort.

    JAX has no setting for that, so where it keeps its options elsewhere, compiling takes longer.
    """
    from jax._src import compiler

    given, known = getattr(compiler, "get_compile_options", None), options()

    def least(*arguments, env_options_overrides=None, **others):
        overrides = known | (env_options_overrides or {})
        return given(*arguments, env_options_overrides=overrides, **others)

    with pytest.MonkeyPatch.context() as patch:
        if given is not None:
            patch.setattr(compiler, "get_compile_options", least)
        yield
    jax.clear_caches()  # what comes after has its programs as users have them


def flags():
    """Return the same as ``XLA_FLAGS`` of another process."""
    return " ".join(f"--{name}={str(value).lower()}" for name, value in options().items())


@cache
def options():
    """Return those options that this XLA knows."""
    return {name: value for name, value in LEAST.items() if _is_known(name, value)}


def _is_known(name, value):
    try:
        jax.jit(jnp.negative, compiler_options={name: value})(1.0)
    except (jax.errors.JaxRuntimeError, ValueError):
        return False
    return True
