"""docs/architecture.md shows the code as it is."""

import re
import tomllib

import pytest
from named_code import ROOT, wrong_names

PAGE = (ROOT / "docs" / "architecture.md").read_text()
CHANGES = PAGE.partition("## Where do I change …\n")[2].partition("\n## ")[0]


def test_every_file_and_every_name_exists():
    """What was moved or renamed is moved and renamed on the page."""
    assert [] == wrong_names(PAGE)


@pytest.mark.parametrize(
    "wrong",
    ["bot/nowhere.py", "bot/nowhere/", "build_it", "Settings.nothing", "Nothing.secrets", "two-words"],
)
def test_a_wrong_name_is_found(wrong: str):
    """In a row or a paragraph, beside names that are right."""
    right = "`bot/config/settings.py`: `Settings`, `Settings.secrets`; `bot/app.py`: `build`"

    assert [] == wrong_names(f"| 1 | {right} |\n\nWith `make test` and `/terminate-workflow help`, {right}.")
    assert [wrong] == wrong_names(f"| 1 | {right} |\n| 2 | {right}; `{wrong}` |\n| 3 | {right} |")
    assert [wrong] == wrong_names(f"It is {right},\nor `{wrong}`.\n\n{right}")


def test_a_name_of_another_row_is_wrong():
    """Each row says by itself where its names are defined."""
    assert ["build"] == wrong_names("| 1 | `bot/app.py` |\n| 2 | `bot/config/settings.py`: `build` |")


def test_the_picture_shows_the_layers():
    """Line by line what import-linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    (picture,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[:1]
    shown = [set(re.findall(r"\bbot\.\w+|\bhandlers\b|\bsandbox\b", line)) for line in picture.splitlines()]

    assert [set(re.split(r" [|:] ", layer)) for layer in layers] == [line for line in shown if line]


@pytest.mark.parametrize(
    "change",
    [
        "a code of Vibecode",
        "a button of the question",
        "a setting of a channel",
        "a column of the audit",
        "a word of the command",
        "a language",
        "the pauses of a watch",
        "another engine beside Bitrix24",
    ],
)
def test_it_says_where_to_change_what(change: str):
    """Each with what to open or to run."""
    (row,) = [line for line in CHANGES.splitlines() if line.startswith(f"| {change}")]

    assert "`" in row
