"""The published table of guarantees names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
GUARANTEES = TESTS.parent / "docs" / "guarantees.md"


def test_every_row_names_a_test_that_exists():
    """A guarantee without its test is a promise nobody keeps an eye on."""
    rows = [line for line in GUARANTEES.read_text().splitlines() if line.startswith("|") and "`" in line]

    assert len(rows) > 30
    for row in rows:
        shown_by = row.rstrip("| ").rpartition("|")[2]
        file = None
        for named, test in re.findall(r"`(?:…|([\w/]+\.py))(?:::(\w+))?`", shown_by):
            file = TESTS / named if named else file
            assert file is not None, row
            assert not test or f"def {test}(" in file.read_text(), test
        assert file is not None, row
