"""``chipletsim doctor``: what is installed, and whether it computes what it should."""

from __future__ import annotations

import os
import platform
from typing import Any

import typer

from chipletsim.cli.compiled import FOLDER, keep_compiled_programs
from chipletsim.cli.options import Json, example
from chipletsim.cli.output import line, note, show_json

SUSPECT = 5
EXTRAS = {
    "figures": ("matplotlib",),
    "train": ("optax", "mlxtend"),
    "events": ("lz4", "zstandard"),
}
CHECK_ROWS = 32_769


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=example("chipletsim doctor"))(doctor)


def doctor(as_json: Json = False) -> None:
    """Check the installation.

    Prints versions, devices and extras, and checks JAX against NumPy (exit 5 if wrong).
    """
    findings = _findings()
    if as_json:
        show_json(findings)
    else:
        for name, value in findings.items():
            line(f"{name:<12}  {value}")
    if not findings["jax computes"].startswith("right"):
        note("JAX gives wrong results here: install another version of jax and jaxlib")
        raise typer.Exit(SUSPECT)


def _findings() -> dict[str, str]:
    """Return what is looked at, and what was found."""
    from importlib.metadata import version

    keep_compiled_programs()
    import jax

    from chipletsim.kernels import describe

    found = {
        "chipletsim": version("chipletsim"),
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
    found |= {name: version(name) for name in ("jax", "jaxlib", "numpy", "scipy", "pydantic")}
    found["compiled"] = f"kept in {os.environ.get(FOLDER, 'memory alone')}"
    found["devices"] = ", ".join(str(device) for device in jax.devices())
    found["kernels"] = describe()
    found |= {f"[{extra}]": _extra(extra, names) for extra, names in EXTRAS.items()}
    found["jax computes"] = check_jax()
    return found


def _extra(extra: str, names: tuple[str, ...]) -> str:
    """Return the versions of the packages of an extra, or how to install it."""
    from importlib.util import find_spec

    missing = [name for name in names if find_spec(name) is None]
    if missing:
        return f"not installed; pip install 'chipletsim[{extra}]'"
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "of unknown version"


def check_jax() -> str:
    """Return ``right`` with the extent of the check, or how many rows are wrong.

    Some builds of XLA for CPUs miscompile a jitted ``vmap`` of a matrix-vector product
    followed by a sum of squares: near the end of many rows they read another row
    (jax-ml/jax#39103, jaxlib 0.10.2). Each row here has a result of its own, which
    NumPy gives in float64.
    """
    import jax
    import numpy as np

    matrix = np.eye(3, dtype=np.float32)
    rows = np.zeros((CHECK_ROWS, 3), np.float32)
    rows[:, 0] = np.arange(CHECK_ROWS)

    def energy(row: Any) -> Any:
        return ((matrix @ row) ** 2).sum()

    ours = np.asarray(jax.jit(jax.vmap(energy))(rows))
    expected = ((rows.astype(np.float64) @ matrix.T) ** 2).sum(axis=1)
    wrong = int(np.count_nonzero(~np.isclose(ours, expected, rtol=1e-5, atol=0)))
    if wrong == 0:
        return f"right ({CHECK_ROWS:,} rows equal NumPy's)"
    return f"WRONG in {wrong:,} of {CHECK_ROWS:,} rows (see jax-ml/jax#39103)"
