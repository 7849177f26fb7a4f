"""A pytest plugin that runs the tests on kernels compiled with sanitizers: see `make sanitize`.

They take the place of the installed modules before these are loaded.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from chipletsim import kernels

LEVELS = ("_generic", "_v3")


def pytest_addoption(parser) -> None:
    parser.addoption("--kernels", required=True, type=Path, help="folder of the compiled modules")
    parser.addoption("--level", choices=LEVELS, help="module to test; the widest if left out")


def pytest_configure(config) -> None:
    folder = config.rootpath / config.getoption("--kernels")
    for each in LEVELS:
        name, file = f"{kernels.__name__}.{each}", folder / f"{each}.so"
        sys.modules[name] = None  # the installed one is never taken instead
        if file.exists() and not (each == "_v3" and config.getoption("--level") == "_generic"):
            spec = spec_from_file_location(name, file)
            sys.modules[name] = module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
    if not kernels.native_kernels() or Path(kernels._module().__file__).parent != folder:
        raise pytest.UsageError(f"no kernels in {folder}: {kernels.describe()}")
