"""Builds the native kernels; everything else about the package stands in pyproject.toml.

They are optional: without a C++ compiler the installation goes on, and chipletsim computes the
same with XLA alone.
"""

import hashlib
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup

# Instruction sets, each compiled to a module of its own; see kernels/__init__.py.
LEVELS = {"_generic": []}
if platform.machine() in {"x86_64", "AMD64"} and sys.platform != "win32":
    LEVELS["_v3"] = ["-march=x86-64-v3"]

# No fused multiply-adds: each product is rounded before it is added, as everywhere else.
FLAGS = [
    "-std=c++17",
    "-O3",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-pthread",
    "-Wno-psabi",
    "-g0",
]


def xla_headers() -> str:
    """Return the folder of the headers of XLA's foreign-function interface."""
    (location,) = find_spec("jaxlib").submodule_search_locations
    return str(Path(location) / "include")


def sources() -> str:
    """Return the fingerprint of all sources, which ``kernels/__init__.py`` compares."""
    files = sorted(Path("kernels/src").iterdir())
    return "s" + hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:16]


setup(
    # What was compiled before may be as new as its sources and still be made from others; all
    # instruction sets are compiled at once where there are processors.
    options={"build_ext": {"force": True, "parallel": True}},
    ext_modules=[
        Extension(
            f"chipletsim.kernels.{name}",
            sources=[f"kernels/src/{name}.cpp"],
            depends=[str(path) for path in sorted(Path("kernels/src").iterdir())],
            define_macros=[("CHIPLETSIM_MODULE", name), ("CHIPLETSIM_SOURCES", sources())],
            extra_compile_args=[*FLAGS, *flags, "-isystem", xla_headers()],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,
        )
        for name, flags in LEVELS.items()
    ],
)
