"""An expression cut into tokens: dates, numbers, texts, lists, names and signs, each with its position."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""\s*(?:
        (?P<date>\d{4}-\d{2}-\d{2})(?![\w-])
      | (?P<number>\d+(?:\.\d+)?)(?![\w.])
      | (?P<text>'(?:[^']|'')*')
      | (?P<list>\$[a-z][a-z0-9_]*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign><=|>=|!=|[=<>(),+-])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One token; `kind` is a group of `TOKEN`, `end` or `unreadable`, `start` its position in the expression."""

    kind: str
    text: str
    start: int


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of an expression; the last one is of kind `end`, or `unreadable` where reading stopped."""
    tokens, start, end = [], 0, len(text.rstrip())
    while start < end:
        match = TOKEN.match(text, start)
        if match is None:
            start += len(text[start:]) - len(text[start:].lstrip())
            return [*tokens, Token("unreadable", text[start:].rstrip()[:12], start)]
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match[kind], match.start(kind)))
        start = match.end()
    return [*tokens, Token("end", "the end", end)]
