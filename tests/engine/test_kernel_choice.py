"""Which kernels run: what the environment asks for, what there is, and how it is told."""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from chipletsim import kernels
from chipletsim.cli.main import execute
from chipletsim.engine.compile import compile_network
from chipletsim.engine.simulate import simulate
from chipletsim.errors import UsageError
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection

WRONG_CHOICES = ["cuda", "XLA", " ", "native,xla"]
WRONG_COUNTS = ["0", "-1", "two", "1.5", "", " 2", "1e3"]


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    """No choice, and whatever a test makes of the modules is forgotten again."""
    monkeypatch.delenv(kernels.CHOICE, raising=False)
    monkeypatch.delenv(kernels.THREADS, raising=False)
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    kernels._obstacle.cache_clear()
    kernels._fault.cache_clear()
    kernels._module.cache_clear()


def need_native() -> None:
    if not kernels.native_kernels():
        pytest.skip(f"no native kernels: {kernels.describe()}")


@pytest.fixture
def without_modules(monkeypatch):
    """As on a machine without a C++ compiler."""

    def missing(name: str):
        raise ImportError(name) if name.startswith("chipletsim.kernels._") else AssertionError

    monkeypatch.setattr(kernels, "import_module", missing)
    forget()


def small() -> Network:
    weights = np.arange(-8, 8, dtype=np.float32).reshape(4, 4) / 4
    neurons = Population("out", (4,), "lif", {"tau": np.float32(2e-3)})
    network = (Population("in", (4,), "input"), neurons)
    return Network("small", network, (Projection("w", "in", "out", Dense(weights)),), 1e-3)


def run() -> str:
    given = np.random.default_rng(0).random((2, 9, 4)) < 0.5
    activity = simulate(small(), given)
    assert activity.totals["out"].sum() > 0
    return activity.fingerprint


# --- the choice -----------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [None, "", "native"])
def test_native_where_there_are_some(choice, monkeypatch) -> None:
    need_native()
    if choice is not None:
        monkeypatch.setenv(kernels.CHOICE, choice)
    assert kernels.native_kernels()
    assert compile_network(small()).program.native


def test_xla_where_it_is_asked_for(monkeypatch) -> None:
    spikes = run()
    monkeypatch.setenv(kernels.CHOICE, "xla")
    assert not kernels.native_kernels()
    assert not compile_network(small()).program.native
    assert run() == spikes


@pytest.mark.parametrize("choice", WRONG_CHOICES)
def test_other_choices_are_refused(choice, monkeypatch) -> None:
    monkeypatch.setenv(kernels.CHOICE, choice)
    for use in (kernels.native_kernels, kernels.describe, run):
        with pytest.raises(UsageError, match=r"CHIPLETSIM_KERNELS must be native.* or .*, got"):
            use()


# --- threads --------------------------------------------------------------------------------


def test_as_many_threads_as_processors(monkeypatch) -> None:
    if hasattr(os, "sched_getaffinity"):
        assert kernels.thread_count() == len(os.sched_getaffinity(0))
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 8})
        assert kernels.thread_count() == 3
        monkeypatch.delattr(os, "sched_getaffinity")
    assert kernels.thread_count() == 1


@pytest.mark.parametrize("count", ["1", "3", "12"])
def test_as_many_threads_as_asked_for(count, monkeypatch) -> None:
    spikes = run()
    monkeypatch.setenv(kernels.THREADS, count)
    assert kernels.thread_count() == int(count)
    assert run() == spikes


@pytest.mark.parametrize("count", WRONG_COUNTS)
def test_other_counts_are_refused(count, monkeypatch) -> None:
    need_native()
    monkeypatch.setenv(kernels.THREADS, count)
    for use in (kernels.thread_count, kernels.describe, run):
        with pytest.raises(UsageError, match="CHIPLETSIM_THREADS must be a whole number"):
            use()


# --- what is told ---------------------------------------------------------------------------


def test_describe_native(monkeypatch) -> None:
    need_native()
    monkeypatch.setenv(kernels.THREADS, "3")
    assert re.fullmatch("native, .+, 3 threads", kernels.describe())


def test_describe_names_the_instruction_set() -> None:
    need_native()
    text = kernels.describe()
    assert re.fullmatch(r"native, (v3|generic), \d+ threads", text)


def test_describe_xla(monkeypatch) -> None:
    need_native()
    monkeypatch.setenv(kernels.CHOICE, "xla")
    assert kernels.describe() == "xla (CHIPLETSIM_KERNELS=xla)"


# --- where there are none -------------------------------------------------------------------


@pytest.mark.usefixtures("without_modules")
def test_xla_takes_over_where_none_were_compiled(monkeypatch) -> None:
    assert not kernels.native_kernels()
    assert kernels.describe().startswith("xla (none were compiled; reinstall")
    assert not compile_network(small()).program.native
    spikes = run()
    monkeypatch.undo()
    forget()
    assert run() == spikes


@pytest.mark.usefixtures("without_modules")
def test_native_cannot_be_had_where_none_were_compiled(monkeypatch) -> None:
    monkeypatch.setenv(kernels.CHOICE, "native")
    for use in (kernels.native_kernels, kernels.describe, run):
        with pytest.raises(UsageError, match="CHIPLETSIM_KERNELS=native, but none were compiled"):
            use()


def test_the_generic_module_where_the_wide_one_is_missing(monkeypatch) -> None:
    need_native()

    def only_generic(name: str):
        if name.endswith("_v3"):
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr(kernels, "import_module", only_generic)
    kernels._module.cache_clear()
    assert kernels._module().__file__ == import_module("chipletsim.kernels._generic").__file__


def test_the_generic_module_on_an_older_processor(monkeypatch) -> None:
    generic = SimpleNamespace(has_v3=lambda: False)
    monkeypatch.setattr(kernels, "import_module", {"chipletsim.kernels._generic": generic}.get)
    kernels._module.cache_clear()
    assert kernels._module() is generic


def test_kernels_older_than_their_sources_are_not_used(monkeypatch) -> None:
    need_native()
    made = kernels._module()
    older = SimpleNamespace(has_v3=made.has_v3, handlers=made.handlers, sources=lambda: "s0")
    assert re.fullmatch("s[0-9a-f]{16}", made.sources())
    monkeypatch.setattr(kernels, "import_module", lambda name: older)
    forget()
    assert not kernels.native_kernels()
    assert not kernels.native_functions()
    assert "older than their sources" in kernels.describe()


def test_xla_takes_over_where_jaxlib_refuses_them(monkeypatch) -> None:
    def handlers():
        raise RuntimeError("unknown API version")

    broken = SimpleNamespace(has_v3=lambda: False, handlers=handlers, sources=lambda: "")
    monkeypatch.setattr(kernels, "import_module", lambda name: broken)
    forget()
    assert not kernels.native_kernels()
    assert "jaxlib does not take them (RuntimeError: unknown API version)" in kernels.describe()
    run()


def test_xla_computes_on_other_devices(monkeypatch) -> None:
    import jax

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    forget()
    assert not kernels.native_kernels()
    assert kernels.describe() == "xla (they are for CPUs, and JAX runs on gpu)"


def test_packets_are_followed_natively_beside_other_devices(monkeypatch) -> None:
    import jax

    need_native()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for choice, used in (("", True), ("native", True), ("pallas", True), ("xla", False)):
        monkeypatch.setenv(kernels.CHOICE, choice)
        forget()
        assert kernels.native_functions() is used


def test_a_burst_does_without_jax() -> None:
    need_native()
    case = Path(__file__).parents[1] / "data" / "noc" / "mesh8_stagger_v4.json"
    code = f"""
import sys
from chipletsim.cli.main import execute
status = execute(["noc", {str(case)!r}, "--timing", "cycle"])
sys.exit(status or "jax" in sys.modules)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "every one of 1,024 packets at its recorded cycle" in ended.stdout


# --- the command line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *((kernels.CHOICE, each, "must be native") for each in WRONG_CHOICES[:2]),
        *((kernels.THREADS, each, "must be a whole number from 1") for each in WRONG_COUNTS[:3]),
    ],
)
def test_doctor_says_what_is_wrong_in_one_line(name, value, message, monkeypatch, capsys) -> None:
    need_native()
    monkeypatch.setenv(name, value)
    assert execute(["doctor"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"error: {name} {message}")
    assert repr(value) in err


def test_doctor_tells_the_kernels(monkeypatch, capsys) -> None:
    monkeypatch.setenv(kernels.CHOICE, "xla")
    assert execute(["doctor"]) == 0
    assert re.search(r"^kernels +xla \(.+\)$", capsys.readouterr().out, re.MULTILINE)


def test_doctor_in_a_process_of_its_own_without_modules() -> None:
    code = """
import sys
sys.modules["chipletsim.kernels._generic"] = sys.modules["chipletsim.kernels._v3"] = None
from chipletsim.cli.main import main
main()
"""
    environment = {**os.environ, kernels.CHOICE: "native"}
    command = [sys.executable, "-c", code, "doctor"]
    for choice, status in (("native", 2), ("", 0)):
        environment[kernels.CHOICE] = choice
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == status, ended.stderr
        assert "none were compiled; reinstall" in (ended.stderr if status else ended.stdout)
        assert ended.stderr.count("\n") == (1 if status else 0)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_kernels_are_there_where_they_can_be_compiled() -> None:
    # Tests of the kernels skip without them; a build that breaks must not pass for that.
    assert kernels.native_kernels(), kernels.describe()
