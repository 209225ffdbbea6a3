"""The architecture is what import-linter checks; nothing of the tree may stand outside its layers."""

import tomllib

from sources import ROOT


def test_every_package_has_a_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    listed = {module.strip() for layer in layers for module in layer.split("|")}
    rooms = {
        f"bot.{path.stem}"
        for path in (ROOT / "bot").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert {*rooms, "handlers", "sandbox"} - {"bot.__init__"} == listed


def test_every_package_says_what_belongs_there():
    packages = [
        *ROOT.glob("bot/**/__init__.py"),
        *ROOT.glob("handlers/**/__init__.py"),
        *ROOT.glob("sandbox/**/__init__.py"),
    ]

    assert [path for path in packages if not path.read_text().startswith('"""')] == []
