"""What README says can be done can be done, and its tables are the code's."""

import re
import subprocess
from pathlib import Path

import pytest
from readme import README, with_tables

from bot.cli import main as cli
from bot.domain.command import COMMAND, Word

ROOT = README.parent
TEXT = README.read_text()
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


def test_the_tables_are_those_of_the_code():
    """Settings and errors; ``make docs`` writes them anew."""
    assert with_tables(TEXT) == TEXT


@pytest.mark.parametrize("command", sorted(set(re.findall(r"haltbot (\w+)(?: (\w+))?", TEXT))))
def test_every_command_exists(command: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    """The command line explains each command that README names."""
    name, second = command
    words = [name, second] if name in {"key", "channel", "audit"} and second else [name]

    assert 0 == cli.run([*words, "--help"])
    assert f"haltbot {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^)make (\w+)", TEXT, re.MULTILINE))))
def test_every_target_exists(target: str):
    """Make knows what it would do for it."""
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert 0 == done.returncode, done.stderr


def test_every_word_of_the_slash_command_is_explained():
    """The table of commands has a row for each."""
    explained = set(re.findall(rf"^\| `{COMMAND} ([a-z]+)", TEXT, re.MULTILINE))

    assert set(Word) == explained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    """Files that a page names are there."""
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    named = re.findall(r"`((?:docs|tests|bench|bot|deploy)/[\w./-]+)(?:::\w+)?`", page.read_text())

    assert [] == [path for path in linked if not (page.parent / path).exists()]
    assert [] == [path for path in named if not (ROOT / path).exists() and not (ROOT / f"{path}.py").exists()]
