"""Conditions that no record can meet: comparisons of one column, joined by `and`, that contradict each other.

Only a plain chain of comparisons with written values is judged. Of conditions with `or`, `not`, brackets, lists or
parameters nothing is said, so that whatever is found is certain.
"""

import operator
from collections.abc import Callable

from rules.language.tokens import Token, tokens_of

VALUES = ("number", "text", "date")
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Comparison = tuple[Token, Token, Token]
"""Column, operator and value."""


def contradicting_comparisons(text: str) -> str | None:
    """Return the comparisons of one column in a condition that no value meets all of, or None if there are none."""
    by_column: dict[str, list[Comparison]] = {}
    for one in _comparisons(tokens_of(text)):
        by_column.setdefault(one[0].text, []).append(one)
    for comparisons in by_column.values():
        if not _can_hold(comparisons):
            return " and ".join(" ".join(token.text for token in one) for one in comparisons)
    return None


def _comparisons(tokens: list[Token]) -> list[Comparison]:
    """Return the comparisons of a chain that `and` joins; none if the condition is anything else."""
    words = tokens[:-1]
    found = [(words[at], words[at + 1], words[at + 2]) for at in range(0, len(words) - 2, 4)]
    is_chain = len(words) % 4 == 3 and all(token.text.lower() == "and" for token in words[3::4])
    plain = all(one.kind == "name" and sign.text in OPERATORS and value.kind in VALUES for one, sign, value in found)
    return found if is_chain and plain else []


def _can_hold(comparisons: list[Comparison]) -> bool:
    """Return whether some value meets all comparisons: one of theirs, or any below, between or above them.

    Values are taken by their places in order, theirs odd, those around them even: 0 < 1 (the first) < 2 < 3 < 4. Of
    numbers there is always one between two, as if none were whole.
    """
    values = sorted({_value(one[2]) for one in comparisons})
    place = {value: 2 * at + 1 for at, value in enumerate(values)}
    return any(
        all(OPERATORS[sign.text](candidate, place[_value(value)]) for _, sign, value in comparisons)
        for candidate in range(2 * len(values) + 1)
    )


def _value(token: Token) -> tuple[float, str]:
    """Return a value that is ordered as those of its kind are: numbers by size, texts and dates by their letters."""
    return (float(token.text), "") if token.kind == "number" else (0.0, token.text)
