"""The examples in docstrings run."""

import doctest

import pytest

from chipletsim.network import builder, load


@pytest.mark.parametrize("module", [builder, load])
def test_docstring_examples(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
