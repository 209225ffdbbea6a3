"""What a page may name of the code: files that exist, and what is defined in them."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Functions, classes and values of a module; members as ``Class.member``.

    A function inside another function has its own name alone, as a listener in ``register`` has.
    """
    return frozenset(_defined(ast.parse(path.read_text()).body, ""))


def wrong_names(text: str) -> list[str]:
    """Name what stands in backticks and is not there.

    Whatever has a slash or an ending is a file. Everything else is defined in one of the files that are named in the same
    paragraph, item or row. What has a space in it, or begins with a slash, is typed by people.
    """
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [
        wrong
        for block in re.split(r"\n\n+|\n(?=\||\d+\. |[*-] )", prose)
        for wrong in _wrong_in(re.findall(r"`([^`]+)`", block))
    ]


def _wrong_in(spans: list[str]) -> list[str]:
    spans = [span for span in spans if " " not in span and not span.startswith("/")]
    files = [span for span in spans if "/" in span or (ROOT / span).is_file()]
    there = frozenset().union(
        *(defined_in(ROOT / file) for file in files if file.endswith(".py") and (ROOT / file).is_file())
    )
    return [span for span in files if not (ROOT / span).exists()] + [
        span for span in spans if span not in files and (not _NAME.fullmatch(span) or span not in there)
    ]


def _defined(body: list[ast.stmt], prefix: str) -> list[str]:
    found: list[str] = []
    for node in body:
        match node:
            case ast.ClassDef():
                found += [prefix + node.name, *_defined(node.body, f"{prefix}{node.name}.")]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found += [prefix + node.name, *_defined(node.body, prefix)]
            case ast.Assign():
                found += [prefix + target.id for target in node.targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.append(prefix + name)
            case ast.If() | ast.For() | ast.With() | ast.AsyncWith():
                found += _defined(node.body, prefix)
    return found
