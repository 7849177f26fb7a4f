"""A pytest plugin that runs the tests on kernels compiled with sanitizers: see `make sanitize`.

They lie in build/sanitize, and take the place of the installed modules before these are loaded.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from chipletsim import kernels

LEVELS = ("_generic", "_v3")


def pytest_addoption(parser) -> None:
    parser.addoption("--level", choices=LEVELS, help="compiled module to test; else the widest")


def pytest_configure(config) -> None:
    folder = config.rootpath / "build" / "sanitize"
    level = config.getoption("--level")
    for each in LEVELS:
        name, file = f"{kernels.__name__}.{each}", folder / f"{each}.so"
        sys.modules[name] = None  # the installed one is never taken instead
        if file.exists() and not (level == "_generic" and each == "_v3"):
            spec = spec_from_file_location(name, file)
            sys.modules[name] = module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
    if not kernels.native_kernels() or folder not in _file().parents:
        raise pytest.UsageError(f"no kernels in {folder}: {kernels.describe()}")


def pytest_report_header() -> str:
    return f"kernels: {_file()}"


def _file() -> Path:
    return Path(kernels._module().__file__)
