"""The names that `import chipletsim` offers."""

import subprocess
import sys

import pytest
import yaml
from golden import experiment

import chipletsim as cs


def test_stages_in_python_give_the_figures_of_a_run(tmp_path):
    contents = experiment(tmp_path)
    (tmp_path / "package.yaml").write_text(yaml.safe_dump(contents["package"]))
    (tmp_path / "network.yaml").write_text(yaml.safe_dump(contents["network"]))
    package = cs.load_package(tmp_path / "package.yaml")
    network = cs.load_network(tmp_path / "network.yaml")
    place = contents["mapping"]["place"]
    mapping = cs.map_network(network, package, strategy="traffic", seed=0, place=place)
    activity = cs.simulate(network, [[[1, 1], [1, 0]]], mapping=mapping)
    result = cs.price(activity, mapping, timing="bound")
    assert result.energy_per_inference_j == pytest.approx(1100e-12, rel=1e-9, abs=0)
    comparison = cs.compare(result, cs.baseline(network, device="h100"))
    assert comparison.steps == 2
    shown = [repr(part) for part in (package, network, mapping, activity, result, result.links)]
    assert max(map(len, shown)) < 200, shown
    assert shown[0] == "Package('pair': 2 dies, 3 tiles, 3 routers, 4 links, 2 between dies)"
    text = "\n".join(str(part) for part in (result, result.links, result.energy, comparison))
    for part in ("1.1 nJ", "543 ns", "west(1,0)>east(0,0)", "h100, T=1 ANN", "west > east"):
        assert part in text, part


def test_importing_is_quick_and_brings_no_jax():
    code = "import sys, chipletsim; print('jax' in sys.modules, 'pydantic' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.split() == [b"False", b"False"]


def test_a_verb_is_never_hidden_by_its_module():
    code = "import chipletsim.run, chipletsim.sweep.sweep, chipletsim.baseline.cuts\n"
    code += "import chipletsim as cs; print(callable(cs.run), callable(cs.sweep), cs.baseline)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.startswith(b"True True <function baseline")


def test_every_public_name_is_there():
    for name in cs.__all__:
        assert getattr(cs, name) is not None
    assert set(cs.__all__) <= set(dir(cs))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cs.nonsense
