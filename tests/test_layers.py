"""The list of layers is whole: a module that stands in none would be guarded by nothing."""

import tomllib

from sources import ROOT, SOURCES


def test_every_module_has_a_layer():
    """Each module of bot outside the sandbox stands in exactly one; the handlers are one layer as a whole."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    listed = [module.strip() for layer in layers for module in layer.replace(":", "|").split("|")]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SOURCES
        if path.name != "__init__.py" and ROOT / "handlers" not in path.parents
    ]

    assert sorted([*modules, "handlers"]) == sorted(listed)
