"""The tables of README.md that come from the code; ``python tests/readme.py`` writes them anew."""

import re
from pathlib import Path

from bot.config.settings import Settings
from bot.messages.error_catalog import EXPLANATIONS

README = Path(__file__).parent.parent / "README.md"


def settings_table() -> str:
    """One row for each variable."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else _default(field.default)
        rows.append(f"| `{name.upper()}` | {field.description} | {default} |")
    return "\n".join(rows)


def errors_table() -> str:
    """One row for each code that has words of its own."""
    rows = ["| code | why | what to do next |", "|---|---|---|"]
    for code, explanation in EXPLANATIONS.items():
        why = explanation.why[:1].upper() + explanation.why[1:]
        rows.append(f"| `{code}` | {why} | {explanation.next} |")
    return "\n".join(rows)


def with_tables(text: str) -> str:
    """Put the tables between their marks."""
    for mark, table in (("settings", settings_table()), ("errors", errors_table())):
        whole = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
        text = re.sub(
            whole, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL
        )
    return text


def _default(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
