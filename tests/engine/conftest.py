"""Every test of the engine runs on the native kernels and on XLA."""

import pytest

from chipletsim import kernels as native_kernels


@pytest.fixture(scope="module", params=["native", "xla"], autouse=True)
def kernels(request):
    if request.param == "native" and not native_kernels.native():
        pytest.skip(f"no native kernels: {native_kernels.describe()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_kernels.CHOICE, request.param)
        yield request.param
