"""docs/security.md claims nothing without a test that exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "Shown by" not in line]
REFERENCES = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


def test_every_test_that_it_names_exists():
    """A test that is renamed or removed takes its claim along."""
    functions = {file: functions_of(file) for file, _ in REFERENCES}

    assert [] == [f"{file}::{name}" for file, name in REFERENCES if name not in functions[file]]


def functions_of(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_names_one():
    """No claim stands by itself."""
    assert len(ROWS) > 40
    assert [] == [row for row in ROWS if not re.search(r"`[\w/]+\.py::test_\w+`", row)]


@pytest.mark.parametrize(
    "attacker",
    ["Slack account", "database file", "`.env`", "guest", "partner in a shared channel", "on the network"],
)
def test_every_attacker_has_a_chapter(attacker):
    """With what they can do as well as what they cannot."""
    (chapter,) = [
        part
        for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
        if attacker in part.partition("\n")[0]
    ]

    assert "| cannot |" in chapter
    assert "| can |" in chapter
