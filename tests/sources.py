"""The product's own source files: what the tests say about all of them is said without the sandbox."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = [
    path
    for folder in ("bot", "handlers")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ROOT / "bot" / "sandbox" not in path.parents
]
