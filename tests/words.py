"""The sentences of bot/messages as a catalogue; ``python tests/words.py [language]`` writes it and checks translations.

With a language, such as ``ru``, it begins that translation. Babel reads and writes the files; the sentences are found
here, since ``N_`` marks whole tables.
"""

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bot.messages.language import DOMAIN, LOCALE

MESSAGES = Path(__file__).parent.parent / "bot" / "messages"
TEMPLATE = LOCALE / f"{DOMAIN}.pot"
_HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def marked(tree: ast.AST) -> Iterator[tuple[ast.Constant, ...]]:
    """Find each sentence that a call names: alone, or as one and its plural."""
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name("_"), args=[ast.Constant() as sentence, *_]):
                yield (sentence,)
            case ast.Call(func=ast.Name("n_"), args=[ast.Constant() as one, ast.Constant() as more, *_]):
                yield (one, more)
            case ast.Call(func=ast.Name("N_"), args=[sentences]):
                yield from ((each,) for each in _of_table(sentences))


def _of_table(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    children = node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node)
    if not isinstance(node, ast.JoinedStr | ast.Subscript):
        for child in children:
            yield from _of_table(child)


def sentences() -> Catalog:
    """Collect what the code says, in the order of its modules."""
    found = Catalog()
    for path in sorted(MESSAGES.glob("*.py")):
        groups = marked(ast.parse(path.read_text()))
        for group in sorted(groups, key=lambda group: (group[0].lineno, group[0].col_offset)):
            said = tuple(str(constant.value) for constant in group)
            found.add(said[0] if len(said) == 1 else said)
    return found


def template() -> str:
    """Write the catalogue without translations: no dates, no places, so that only sentences change it."""
    written = io.BytesIO()
    write_po(written, sentences(), omit_header=True, no_location=True, width=110)
    return _HEADER + written.getvalue().decode()


def faults(translated: Catalog) -> list[str]:
    """What is wrong with a translation: missing, unused or half a sentence, or another placeholder."""
    known = sentences()
    found = [
        f"unused: {message.id}" for message in translated if message.id and known.get(message.id) is None
    ]
    for message in known:
        if not message.id:
            continue
        theirs = translated.get(message.id)
        forms = _forms(theirs.string or "") if theirs else ()
        wanted = translated.num_plurals if message.pluralizable else 1
        if theirs is None or theirs.fuzzy or len(forms) != wanted or not all(forms):
            found.append(f"missing: {message.id}")
        elif any(placeholders(form) != placeholders(_forms(message.id)[-1]) for form in forms):
            found.append(f"placeholders differ: {message.id}")
    return found


def placeholders(text: str) -> set[str]:
    """The names that a sentence is filled with."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _forms(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def compiled(source: Path) -> bytes:
    """What the bot loads of a translation."""
    written = io.BytesIO()
    write_mo(written, read(source))
    return written.getvalue()


def read(source: Path) -> Catalog:
    with source.open("rb") as file:
        return read_po(file, locale=source.parent.parent.name, domain=DOMAIN)


def main(arguments: list[str]) -> int:
    """Write the template, bring each translation up to date, compile it, and say what is wrong with it."""
    TEMPLATE.write_text(template())
    for language in arguments:
        begun = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
        begun.parent.mkdir(parents=True, exist_ok=True)
        if not begun.exists():
            with begun.open("wb") as file:
                write_po(file, Catalog(locale=language, domain=DOMAIN, project="Haltbot", fuzzy=False))
    wrong = 0
    for source in sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        translated = read(source)
        translated.update(sentences(), no_fuzzy_matching=True, update_creation_date=False)
        with source.open("wb") as file:
            write_po(file, translated, no_location=True, ignore_obsolete=True, width=110)
        source.with_suffix(".mo").write_bytes(compiled(source))
        for fault in faults(translated):
            wrong += 1
            sys.stderr.write(f"{source.parent.parent.name}: {fault}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
