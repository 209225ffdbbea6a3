"""What the pages say can be done can be done, what they link to is there, and their tables are the code's."""

import re
import subprocess
from pathlib import Path

import pytest
from generate_docs import DOCS, TABLES, with_table
from named_code import ROOT, defined_in

from bot.cli import main as cli
from bot.domain.command import COMMAND, Word

README = (ROOT / "README.md").read_text()
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
TEXT = "\n".join(page.read_text() for page in PAGES)
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))


def test_the_first_screen_sells_and_starts_it():
    """A picture and the two commands stand before anything is explained, and the whole is short."""
    lines = README.splitlines()

    assert len(lines) < 150
    first = "\n".join(lines[:20])
    assert re.search(r"!\[[^\]]{20,}\]\(docs/pictures/", first)
    assert {"demo", "test"} <= set(re.findall(r"^make (\w+)", first, re.MULTILINE))


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_code(page: Path):
    """Settings and errors; ``make docs`` writes them anew."""
    assert with_table(page.read_text(), TABLES[page]()) == page.read_text()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"haltbot (\w+)(?: (\w+))?", TEXT))))
def test_every_command_exists(command: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    """The command line explains each command that a page names."""
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
    explained = set(re.findall(rf"^\| `{COMMAND} ([a-z]+)", README, re.MULTILINE))

    assert set(Word) == explained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """Files and headings that a page links to are there."""
    for path, heading in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)", page.read_text()):
        linked = page.parent / path if path else page

        assert linked.exists(), path
        assert not heading or heading in headings(linked), heading


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_tests_that_a_page_names_exist(page: Path):
    """As ``bot/app.py``, or as ``tests/test_app.py::test_name``."""
    named = re.findall(
        r"`((?:docs|tests|bench|bot|handlers|sandbox|deploy)/[\w./-]+)(?:::(\w+))?`", page.read_text()
    )

    assert [] == [path for path, _ in named if not (ROOT / path).exists()]
    assert [] == [name for path, name in named if name and name not in defined_in(ROOT / path)]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_parts_and_stands_in_the_list(page: Path):
    """Why, at what price, and what shows that it still holds."""
    text = page.read_text()
    ((number, title),) = re.findall(r"\A# (\d+)\. (.+)\n", text)

    assert int(page.name[:4]) == int(number)
    assert f"| {page.name[:4]} | [{title}]({page.name}) |\n" in (DOCS / "decisions" / "README.md").read_text()
    assert re.search(r"^Decided \d{4}-\d\d-\d\d\.$", text, re.MULTILINE)
    for part in ("Reason: ", "Cost: ", "Check: "):
        assert f"\n{part}" in text, part
    check = text.rpartition("\nCheck: ")[2]
    assert re.search(r"`(?:make \w+|tests/[\w./]+(?:::test_\w+)?)`", check)


def headings(page: Path) -> set[str]:
    """A page's headings, as their links name them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
