"""Every sentence is one whole in the catalogue, is filled in, fits Slack, and can be said in another language."""

import ast
import gettext
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import samples
import words
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from sources import ROOT

from bot.domain.channel_settings import NAMES
from bot.messages import findings, language, refusals, settings, times
from bot.messages.blocks import TEXT_LIMIT
from bot.messages.error_catalog import EXPLANATIONS
from bot.messages.language import _, listed, n_, speaking
from sandbox.slack.block_kit import block_faults, view_faults

SILENT = [
    path
    for folder in (
        "handlers",
        "bot/slack",
        "bot/web",
        "bot/channels",
        "bot/terminations",
        "bot/instances",
        "bot/domain",
    )
    for path in sorted((ROOT / folder).rglob("*.py"))
]
"""Modules that speak only through bot/messages."""
SPEAKING = sorted((ROOT / "bot" / "messages").glob("*.py"))
SENTENCE = re.compile(r"[A-Za-z’']+[,:]? [a-z]+[,:]? [a-z]+")
"""Three words: no code, no name, no format reads like that."""
NOT_FOR_PEOPLE = {
    "bot/slack/bolt.py": {"`token` will be unused", "Haltbot does not listen to this."},
    "bot/slack/http.py": {
        "The signature is missing, too old or wrong.",
        "This is not a request that Haltbot knows.",
        "The request did not arrive in time.",
        "The request is too large.",
    },
    "bot/channels/keys.py": {"The key of ", "The session of "},
}
"""What a library logs, what a program reads that is not Slack, what an exception says to whoever rotates keys."""


# --- where sentences stand


@pytest.mark.parametrize("path", SILENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_but_the_messages_speaks(path: Path):
    """Log lines, docstrings and what a developer reads in an exception are no words to people."""
    said = {text for _, text in loose(ast.parse(path.read_text()))}

    assert NOT_FOR_PEOPLE.get(str(path.relative_to(ROOT)), set()) >= said


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.name)
def test_every_sentence_goes_through_the_catalogue(path: Path):
    """Whatever reads like one and is not marked would stay English for ever."""
    tree = ast.parse(path.read_text())
    marked = {constant for group in words.marked(tree) for constant in group}

    assert [] == [text for constant, text in loose(tree, without=marked)]


def test_a_sentence_that_stands_alone_is_found():
    """The two tests above would see it."""
    code = 'def f():\n "A docstring of four words."\n log.info("this is logged only")\n raise E("this is for developers")\n'

    assert [] == list(loose(ast.parse(code)))
    assert ["This one is read."] == [text for _, text in loose(ast.parse(f'{code}x = "This one is read."'))]
    assert ["This one is read."] == [text for _, text in loose(ast.parse('x = f"This one is read.{y}"'))]


def loose(tree: ast.AST, *, without: Any = frozenset()) -> Iterator[tuple[ast.Constant, str]]:
    """Find what reads like a sentence, but for docstrings, log lines, exceptions and what is known already."""
    silent = set(without)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(node.value)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _is_for_developers(node.func)):
            silent.update(ast.walk(node))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if node not in silent and SENTENCE.search(text):
                yield node, text


def _is_for_developers(called: ast.expr) -> bool:
    logs = (
        isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log"
    )
    return logs or (isinstance(called, ast.Attribute) and called.attr == "__init__")


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.name)
def test_no_sentence_is_glued_from_pieces(path: Path):
    """Another language has another order: pieces stand in f-strings only where markup parts them."""
    assert [] == list(glued(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "code",
    [
        '_("one") + x',
        'x + n_("one", "more", 1)',
        '_("one") % x',
        'f"{_(1)} and x"',
        'f"{_(1)} {_(2)}"',
        '_(f"one {x}")',
    ],
)
def test_glue_is_found(code: str):
    """The test above would see it."""
    assert list(glued(ast.parse(code)))


@pytest.mark.parametrize("code", ['f"• {_(1)}"', 'f"<p>{_(1)}</p><b>{_(2)}</b>"', '_("one", x=_("two"))'])
def test_markup_is_no_glue(code: str):
    """Bullets and tags have no grammar."""
    assert [] == list(glued(ast.parse(code)))


def glued(tree: ast.AST) -> Iterator[str]:
    """Find translated pieces that something else is put beside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and (_translated(node.left) or _translated(node.right)):
            yield ast.unparse(node)
        if isinstance(node, ast.JoinedStr):
            outline = "".join(_shape(part) for part in node.values)
            bare = re.sub(r"<[^>]*>", "|", outline)
            if "\0" in bare and (re.search(r"[A-Za-z]", bare) or re.search("\0[^|\n]*\0", bare)):
                yield ast.unparse(node)
        if _translated(node) and any(isinstance(argument, ast.JoinedStr) for argument in node.args[:2]):
            yield ast.unparse(node)


def _shape(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return "\0" if isinstance(part, ast.FormattedValue) and _translated(part.value) else ""


def _translated(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "n_")


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.name)
def test_a_paragraph_is_made_of_whole_sentences(path: Path):
    """Each begins like one and ends like one."""
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "paragraph":
            said = [str(group[-1].value) for argument in call.args for group in words.marked(argument)]
            assert [] == [text for text in said if not re.fullmatch(r"(?s)[^a-z].*[.…)}]\*?", text)], (
                call.lineno
            )


# --- that nothing is missing


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.name)
def test_each_sentence_is_given_what_it_names(path: Path):
    """A value too few raises when somebody reads it, a value too many was meant for something."""
    for call in ast.walk(ast.parse(path.read_text())):
        if not _translated(call) or not isinstance(call.args[0], ast.Constant):
            continue
        named = set().union(
            *(words.placeholders(str(text.value)) for group in words.marked(call) for text in group)
        )
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:
            assert named - {"command", "count"} == given, ast.unparse(call)


def test_a_value_that_is_missing_is_noticed():
    """It is no sentence with a hole."""
    with pytest.raises(KeyError):
        _("Asked by <@{user}>")


REFUSALS = {name: says for name, says in refusals.REFUSALS.items() if isinstance(says, str)}


def test_each_refusal_is_given_what_its_sentence_names():
    """Wherever it is raised."""
    for call, name in named("Refused"):
        given = {keyword.arg for keyword in call.keywords}
        assert words.placeholders(REFUSALS.get(name, "")) - {"command"} <= given, ast.unparse(call)


def test_every_finding_has_its_sentence_and_every_sentence_its_finding():
    """Also those that the shell alone tells of; each is given what its sentences name."""
    made = {"key_" + fault for fault in ("management", "read_only", "no_scope", "expired")}
    for call, says in [*named("ok", 1), *named("warn", 1), *named("fail", 1)]:
        given = {keyword.arg for keyword in call.keywords}
        for table in (findings._TOLD, findings._REMEDIES):
            sentence = table.get(says, "")
            assert callable(sentence) or words.placeholders(sentence) - {"command"} <= given, ast.unparse(
                call
            )
        made.add(says)
    chosen = set(re.findall(r'"(\w+)"', "".join(path.read_text() for path in JUDGES)))

    assert made <= findings._TOLD.keys()
    assert findings._REMEDIES.keys() <= findings._TOLD.keys()
    faults_of_entry = {"key_no_key", "key_needs_session", "key_needs_no_session", "key_no_token"}
    assert findings._TOLD.keys() - faults_of_entry <= made | chosen


JUDGES = [
    *sorted((ROOT / "bot/operations/doctor").glob("*.py")),
    ROOT / "bot/domain/findings.py",
    ROOT / "bot/cli/doctor.py",
]


def test_every_fault_of_a_setting_has_its_sentence_and_is_given_what_it_names():
    """In both directions."""
    faults = [*named("_Wrong"), *((call, name) for call, name in named("SettingsNotAccepted", 1))]
    for call, name in faults:
        given = {keyword.arg for keyword in call.keywords}
        assert words.placeholders(settings._FAULTS[name]) <= given, ast.unparse(call)

    assert settings._FAULTS.keys() == {name for _, name in faults}


def named(function: str, position: int = 0) -> Iterator[tuple[ast.Call, str]]:
    """Find the calls of a function, or of a method, with the text that is its argument in this place."""
    for folder in ("bot", "handlers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and _name(call.func) == function and len(call.args) > position:
                    argument = call.args[position]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield call, argument.value


def _name(called: ast.expr) -> str:
    return (
        called.id
        if isinstance(called, ast.Name)
        else called.attr
        if isinstance(called, ast.Attribute)
        else ""
    )


def test_every_sentence_is_said_somewhere():
    """One that no sample shows is dead, or is not looked at below."""
    said = Recorded()
    with spoken_by(said):
        everything()

    known = {message.id for message in words.sentences() if message.id}
    assert known == said.sentences


class Recorded(gettext.NullTranslations):
    """Takes down what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: set[Any] = set()

    def gettext(self, message: str) -> str:
        self.sentences.add(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self.sentences.add((msgid1, msgid2))
        return super().ngettext(msgid1, msgid2, n)


@contextmanager
def spoken_by(catalogue: gettext.NullTranslations) -> Iterator[None]:
    """Render everything within with this catalogue, whatever the language."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(language, "_catalogue", lambda _language: catalogue)
        with speaking("en"):
            yield


# --- another language, and Slack's limits


class Pseudo(gettext.NullTranslations):
    """A language whose words are English ones in Greek letters, a third longer."""

    def gettext(self, message: str) -> str:
        parts = re.split(r"(\{\w+\}|`[^`]*`|:\w+:|<[^|>]*[|>]|https://\S+)", message)
        said = "".join(part if index % 2 else part.translate(GREEK) for index, part in enumerate(parts))
        return said + "ŀ" * (len(message) // 3)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(super().ngettext(msgid1, msgid2, n))


GREEK = str.maketrans(
    {chr(ord("a") + n): chr(0x3B1 + n) for n in range(26)}
    | {chr(ord("A") + n): chr(0x391 + n) for n in range(26)}
)
ENGLISH = re.compile(r"[A-Za-z]{2,}")
NAMES_OF_THINGS = re.compile(
    r"`[^`]*`|<[^>]*>|:\w+:|https://\S+|UTC|HTTP \d+|DEAL_5141|practice-\S+|vibe_\w+…\w+"
    r"|/terminate-workflow( [a-z]+)?|abcdefgh2345|\bapp\b|acme\.bitrix24\.com|bizproc|READWRITE|vibe_\S+|--\w+|T0\w+|"
    + "|".join(
        [*sorted(NAMES, key=len, reverse=True), *sorted(EXPLANATIONS, key=len, reverse=True), "SOMETHING_NEW"]
    )
)


def everything() -> tuple[list[Any], list[Any], list[Any]]:
    return list(samples.messages()), list(samples.views()), list(samples.web_pages())


@pytest.mark.parametrize("catalogue", [gettext.NullTranslations(), Pseudo()], ids=["English", "longer"])
def test_everything_fits_slack_s_limits(catalogue: gettext.NullTranslations):
    """Also in a language that needs a third more room."""
    with spoken_by(catalogue):
        messages, views, _pages = everything()

    for message in messages:
        assert [] == block_faults(list(message.blocks)), message.text
        assert 0 < len(message.text) <= TEXT_LIMIT
    for view in views:
        assert [] == view_faults(view)


def test_everything_can_be_said_in_another_language():
    """No English is left but names, ids, codes and commands."""
    with spoken_by(Pseudo()):
        messages, views, web_pages = everything()
    said = {
        *(text for message in messages for text in (message.text, *shown(message.blocks))),
        *(text for view in views for text in shown(view)),
        *(text for page in web_pages for text in (page.title, re.sub(r"<[^>]*>", "\n", page.body))),
    }

    left = {text: ENGLISH.findall(NAMES_OF_THINGS.sub("", text)) for text in said}
    assert {} == {text: english for text, english in left.items() if english}


def shown(value: Any) -> Iterator[str]:
    """Every text that somebody reads."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == "text" and isinstance(inside, str):
                yield inside
            elif name not in ("value", "url", "private_metadata", "initial_value"):
                yield from shown(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from shown(inside)


def test_russian_has_its_own_order_and_plural_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One file with translations is all that a language needs; what it lacks stays English."""
    source = tmp_path / "ru" / "LC_MESSAGES" / "haltbot.po"
    source.parent.mkdir(parents=True)
    source.write_text(RUSSIAN)
    source.with_suffix(".mo").write_bytes(words.compiled(source))
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    language._catalogue.cache_clear()
    sent = ("The call was sent {count} time.", "The call was sent {count} times.")
    with speaking("ru"):
        told = [n_(*sent, count) for count in (1, 2, 5, 21)]
        ordered = _("Asked by <@{user}>", user="U1")
        two, unknown = listed(["A", "B", "C"]), _("Approve: force terminate")
        with speaking("xx"):
            nested = times.duration(3_900_000)
    language._catalogue.cache_clear()

    assert [
        "Вызов отправлен 1 раз.",
        "Вызов отправлен 2 раза.",
        "Вызов отправлен 5 раз.",
        "Вызов отправлен 21 раз.",
    ] == told
    assert ("<@U1> просит", "A, B и C", "Approve: force terminate", "1 h 5 min") == (
        ordered,
        two,
        unknown,
        nested,
    )
    assert "Asked by <@U1>" == _("Asked by <@{user}>", user="U1")


RUSSIAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "Asked by <@{user}>"
msgstr "<@{user}> просит"

msgid "{names} and {last}"
msgstr "{names} и {last}"

msgid "The call was sent {count} time."
msgid_plural "The call was sent {count} times."
msgstr[0] "Вызов отправлен {count} раз."
msgstr[1] "Вызов отправлен {count} раза."
msgstr[2] "Вызов отправлен {count} раз."
"""


# --- the catalogue's files


def test_the_template_is_that_of_the_code():
    """``make words`` writes it."""
    assert words.template() == words.TEMPLATE.read_text()


def test_every_translation_is_whole():
    """``make words`` says what is missing, and compiles it."""
    for source in language.LOCALE.glob("*/LC_MESSAGES/*.po"):
        assert [] == words.faults(words.read(source)), source
        assert words.compiled(source) == source.with_suffix(".mo").read_bytes(), source


def test_what_is_wrong_with_a_translation_is_named():
    """Missing, unused, another placeholder, a plural form too few."""
    russian = read_po(io.BytesIO(RUSSIAN.replace("{user}> просит", "{who}> просит").encode()), locale="ru")
    russian.add("Nobody says this.", "Этого никто не говорит.")
    russian["The call was sent {count} time."].string = ("Вызов отправлен.", "", "")
    found = words.faults(russian)

    assert "unused: Nobody says this." == found[0]
    assert "placeholders differ: Asked by <@{user}>" in found
    assert "missing: *Stopping workflow `{workflow}`* …" in found
    assert "missing: ('The call was sent {count} time.', 'The call was sent {count} times.')" in found
    assert not any("{names} and {last}" in fault for fault in found)
    assert len(found) == len([message for message in words.sentences() if message.id])


def test_a_translation_without_a_fault_has_none():
    """Whatever language it is."""
    whole = Catalog(locale="de")
    for message in words.sentences():
        if message.id:
            whole.add(message.id, message.id)

    assert [] == words.faults(whole)


def test_a_translation_is_begun_with_every_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """``make words NEW=ru``; run again, it says the same and changes nothing."""
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    monkeypatch.setattr(words, "TEMPLATE", tmp_path / "haltbot.pot")
    source = tmp_path / "ru" / "LC_MESSAGES" / "haltbot.po"
    runs = [(words.main(new), source.read_text(), capsys.readouterr().err) for new in (["ru"], [])]

    assert runs[0] == runs[1]
    assert 1 == runs[0][0]
    assert len([message for message in words.sentences() if message.id]) == len(runs[0][2].splitlines())
    assert "ru: missing: *Stopping workflow `{workflow}`* …" in runs[0][2]
    assert source.with_suffix(".mo").exists()


def test_a_page_shows_no_marks_of_slack_s():
    """Why a key was not stored is written with them."""
    assert [] == [page.body for page in samples.web_pages() if re.search(r"[*`]|&lt;@", page.body)]
