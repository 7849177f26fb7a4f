"""What the wheel holds: every sub-package, and the configs that users copy."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_subpackage_is_listed() -> None:
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "chipletsim").rglob("__init__.py")
    }
    assert set(SETUPTOOLS["packages"]) == found | {"chipletsim.configs", "chipletsim.kernels"}


def test_every_config_matches_a_pattern_of_the_wheel() -> None:
    shipped = {
        path
        for pattern in SETUPTOOLS["package-data"]["chipletsim.configs"]
        for path in (ROOT / "configs").glob(pattern)
    }
    everything = {
        path
        for path in (ROOT / "configs").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert everything == shipped


def test_known_bad_jax_is_excluded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in ("jax", "jaxlib"):
        (requirement,) = (text for text in project["dependencies"] if text.startswith(f"{name}>"))
        assert "!=0.10.2" in requirement
