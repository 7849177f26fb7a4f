"""What tests of several rooms share: the kernels to run them on, and the tiny experiment."""

import os
import sys
from pathlib import Path

import pytest
from chipletsim.kernels import CHOICE, describe, native_kernels

from chipletsim.cli.compiled import keep_compiled_programs

sys.path.append(str(Path(__file__).parent / "run"))


def pytest_collection_modifyitems(items):
    """Long files first, so that processes that share the files end together."""
    long = {"training", "training_runs", "test_readme.py"}
    items.sort(key=lambda item: not long.intersection(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """What is compiled is kept for these tests alone, and shared by all processes of a run."""
    run = tmp_path_factory.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(run / "cache"))
        patch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
        # With a limit, all that is kept is looked at whenever a program is added.
        patch.setenv("JAX_COMPILATION_CACHE_MAX_SIZE", "-1")
        keep_compiled_programs()
        yield


@pytest.fixture(scope="module")
def quick_programs():
    """Have the programs of a module compiled quickly, for no rounding matters to its tests."""
    from tests.quick import quick_programs

    with quick_programs():
        yield


@pytest.fixture(scope="module", params=["native", "xla"])
def kernels(request):
    """The kernels that a test runs on; ``usefixtures("kernels")`` runs it on both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        if request.param == "native":
            patch.delenv(CHOICE)
            if not native_kernels():
                pytest.skip(f"no native kernels: {describe()}")
        yield request.param
