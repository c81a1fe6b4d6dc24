"""The small language of the rules: one expression over the columns of a record, made into SQL.

    or, and, not           visa_type = 'study' or not (route = 'rail')
    comparison             = != < <= > >=
    membership             nationality in $eu          study_location not in ('distance', 'abroad')
    presence               end_date is null            end_date is not null
    shifts of a date       tax_year_end + 1 day        valid_to - 3 months
    functions              earliest(a, b)   latest(a, b)   first_given(a, b)
    values                 'text'   12   2.5   2015-04-08   true   false   a_column   $a_list

A comparison with an empty value is neither true nor false, so that a rule never fires on what a record does
not say; `first_given` takes the first value that is given, `earliest` and `latest` pass over empty ones.
Every expression is typed while it is read: a text never meets a date, and a code that the contract does not
know is an error, not a condition that is quietly never true.
"""

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipeline.errors import UserError, unknown

Kind = Literal["text", "number", "date", "boolean"]
ListValue = str | int | float | date

FUNCTIONS = {"earliest": "least", "latest": "greatest", "first_given": "coalesce"}
UNITS = {"day": "day", "days": "day", "week": "week", "weeks": "week"}
UNITS |= {"month": "month", "months": "month", "year": "year", "years": "year"}
WORDS = {"and", "or", "not", "in", "is", "null", "true", "false", *UNITS, *FUNCTIONS}
LONGEST = 2000  # characters of an expression
DEEPEST = 50  # brackets, negations and shifts inside one another; DuckDB gives up at some hundreds
LONGEST_NUMBER = 15  # digits: whole numbers beyond are no longer exact
MOST_SHIFTS = 10  # of one date, one after the other
LONGEST_SHIFT_YEARS = 100
LONGEST_SHIFT = 6  # digits that can matter
UNITS_A_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}
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
class Field:
    """A column that an expression may name: its kind, and its codes if only those can be in it."""

    kind: Kind
    codes: frozenset[str] | None = None


@dataclass(frozen=True)
class Expression:
    """An expression as SQL; `field` is set when it is a column and nothing more."""

    sql: str
    kind: Kind
    field: Field | None = None
    literal: str | None = None


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def quoted(value: ListValue | bool) -> str:
    """Return a value as an SQL literal; a quote inside a text is doubled."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def compiled(
    text: str,
    columns: Mapping[str, Field],
    lists: Mapping[str, tuple[ListValue, ...]],
    where: str,
    wanted: Kind,
) -> str:
    """Return `text` as SQL of the `wanted` kind.

    `columns` are those of the extract, `lists` those of the rule set; `where` (file, rule, key) begins each
    `UserError`, which names the nearest valid column, list or code.
    """
    if len(text) > LONGEST:
        raise UserError(
            f"{where}: the expression has {len(text):,} characters, more than {LONGEST:,}. Take it apart."
        )
    expression = _Parser(text, columns, lists, where).whole()
    if expression.kind != wanted:
        raise UserError(f"{where}: '{text}' is a {expression.kind}, but a {wanted} is needed here.")
    return expression.sql


class _Parser:
    """Recursive descent, one method a level of binding: or, and, not, comparison, shift, value."""

    def __init__(
        self,
        text: str,
        columns: Mapping[str, Field],
        lists: Mapping[str, tuple[ListValue, ...]],
        where: str,
    ) -> None:
        self.text = text
        self.columns = columns
        self.lists = lists
        self.where = where
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0

    def _tokens(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            found = TOKEN.match(self.text, at)
            if found is None:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                raise self._error(f"cannot read '{self.text[at:].rstrip()[:12]}'", at)
            kind = str(found.lastgroup)
            tokens.append(_Token(kind, found[kind], found.start(kind)))
            at = found.end()
        return [*tokens, _Token("end", "the end", end)]

    def _error(self, what: str, at: int) -> UserError:
        return UserError(f'{self.where}: {what} at character {at + 1} of "{self.text}". Mend the expression.')

    @contextmanager
    def _inside(self) -> Generator[None]:
        """Go one step deeper; an expression too deep for the database is refused here, with its place."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise UserError(f"{self.where}: the expression is nested too deeply. Take it apart.")
        yield
        self.depth -= 1

    def whole(self) -> Expression:
        expression = self._or()
        if self.tokens[self.next].kind != "end":
            raise self._unexpected("the end, 'and' or 'or'")
        return expression

    def _unexpected(self, wanted: str) -> UserError:
        token = self.tokens[self.next]
        return self._error(f"expected {wanted}, found {token.text}", token.at)

    def _takes(self, *texts: str) -> str | None:
        token = self.tokens[self.next]
        if token.kind in {"sign", "name"} and token.text in texts:
            self.next += 1
            return token.text
        return None

    def _needs(self, text: str) -> None:
        if self._takes(text) is None:
            raise self._unexpected(f"'{text}'")

    def _or(self) -> Expression:
        return self._joined("or", self._and)

    def _and(self) -> Expression:
        return self._joined("and", self._not)

    def _joined(self, word: str, part: Callable[[], Expression]) -> Expression:
        parts = [(self.tokens[self.next].at, part())]
        while self._takes(word):
            parts.append((self.tokens[self.next].at, part()))
        if len(parts) == 1:
            return parts[0][1]
        for at, one in parts:
            self._must_be_boolean(one, word, at)
        return Expression("(" + f" {word.upper()} ".join(one.sql for _, one in parts) + ")", "boolean")

    def _must_be_boolean(self, one: Expression, word: str, at: int) -> None:
        if one.kind != "boolean":
            raise self._error(f"'{word}' joins conditions, found a {one.kind}", at)

    def _not(self) -> Expression:
        if not self._takes("not"):
            return self._comparison()
        at = self.tokens[self.next].at
        with self._inside():
            inner = self._not()
        self._must_be_boolean(inner, "not", at)
        return Expression(f"(NOT {inner.sql})", "boolean")

    def _comparison(self) -> Expression:
        left = self._shift()
        if self._takes("is"):
            word = "IS NOT NULL" if self._takes("not") else "IS NULL"
            self._needs("null")
            return Expression(f"({left.sql} {word})", "boolean")
        if self._takes("not"):
            self._needs("in")
            return self._membership(left, "NOT IN")
        if self._takes("in"):
            return self._membership(left, "IN")
        sign = self._takes("=", "!=", "<", "<=", ">", ">=")
        if sign is None:
            return left
        at = self.tokens[self.next].at
        right = self._shift()
        self._same_kind(left, right, at)
        return Expression(f"({left.sql} {'<>' if sign == '!=' else sign} {right.sql})", "boolean")

    def _same_kind(self, left: Expression, right: Expression, at: int) -> None:
        if left.kind != right.kind:
            raise self._error(f"a {left.kind} cannot be compared with a {right.kind}", at)
        for one, other in ((left, right), (right, left)):
            if one.field and one.field.codes is not None and other.literal is not None:
                self._known_code(other.literal, one.field.codes)

    def _known_code(self, code: str, codes: frozenset[str]) -> None:
        if code not in codes:
            raise unknown("code", code, codes, f'{self.where}: in "{self.text}"')

    def _membership(self, left: Expression, word: str) -> Expression:
        token = self.tokens[self.next]
        if token.kind == "list":
            self.next += 1
            if token.text[1:] not in self.lists:
                raise unknown("list", token.text[1:], self.lists, f'{self.where}: in "{self.text}"')
            members = [_literal(value) for value in self.lists[token.text[1:]]]
            self._some_known(members, left, token.text)
        else:
            members = self._written_list()
            for one in members:
                self._same_kind(left, one, token.at)
        for one in members:
            if one.kind != left.kind:
                raise self._error(f"a {left.kind} is looked for in a list of {one.kind}s", token.at)
        return Expression(f"({left.sql} {word} ({', '.join(one.sql for one in members)}))", "boolean")

    def _some_known(self, members: list[Expression], left: Expression, name: str) -> None:
        """Ask of a list that serves several sources that at least one of its codes can be in this column."""
        codes = left.field.codes if left.field else None
        if codes is not None and not any(one.literal in codes for one in members):
            raise UserError(
                f'{self.where}: no code of the list {name} can be in this column, in "{self.text}". '
                f"Its codes are {', '.join(sorted(codes))}."
            )

    def _written_list(self) -> list[Expression]:
        self._needs("(")
        members = [self._value()]
        while self._takes(","):
            members.append(self._value())
        self._needs(")")
        return members

    def _shift(self) -> Expression:
        left = self._value()
        shifts = 0
        while sign := self._takes("+", "-"):
            token = self.tokens[self.next]
            unit = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
            if token.kind != "number" or "." in token.text or unit.text not in UNITS:
                raise self._unexpected("a whole number of days, weeks, months or years")
            if left.kind != "date":
                raise self._error(f"only a date can be shifted, found a {left.kind}", token.at)
            shifts += 1
            years = int(token.text[: LONGEST_SHIFT + 1]) / UNITS_A_YEAR[UNITS[unit.text]]
            if shifts > MOST_SHIFTS or years > LONGEST_SHIFT_YEARS:
                raise self._error("a date is shifted too often or too far", token.at)
            self.next += 2
            shifted = f"{left.sql} {sign} INTERVAL {token.text} {UNITS[unit.text]}"
            left = Expression(f"CAST({shifted} AS DATE)", "date")
        return left

    def _value(self) -> Expression:
        token = self.tokens[self.next]
        if self._takes("("):
            with self._inside():
                inner = self._or()
            self._needs(")")
            return inner
        self.next += 1
        if token.kind == "date":
            return self._date(token)
        if token.kind == "number":
            if len(token.text) > LONGEST_NUMBER:
                raise self._error("the number has too many digits", token.at)
            return Expression(token.text, "number")
        if token.kind == "text":
            return _literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "name":
            return self._named(token)
        self.next -= 1
        raise self._unexpected("a value")

    def _date(self, token: _Token) -> Expression:
        try:
            return _literal(date.fromisoformat(token.text))
        except ValueError:
            raise self._error(f"'{token.text}' is no day of the calendar", token.at) from None

    def _named(self, token: _Token) -> Expression:
        if token.text in FUNCTIONS:
            return self._function(token)
        if token.text in {"true", "false"}:
            return Expression(token.text, "boolean")
        if token.text in self.columns:
            field = self.columns[token.text]
            return Expression(f'"{token.text}"', field.kind, field)
        if token.text in WORDS:
            raise self._error(f"expected a value, found '{token.text}'", token.at)
        raise unknown("column", token.text, self.columns, f'{self.where}: in "{self.text}"')

    def _function(self, token: _Token) -> Expression:
        self._needs("(")
        with self._inside():
            parts = [self._shift()]
            while self._takes(","):
                parts.append(self._shift())
        self._needs(")")
        kinds = {one.kind for one in parts}
        if len(kinds) > 1:
            found = " and ".join(sorted(kinds))
            raise self._error(f"'{token.text}' takes values of one kind, found {found}", token.at)
        arguments = ", ".join(one.sql for one in parts)
        return Expression(f"{FUNCTIONS[token.text]}({arguments})", parts[0].kind)


def _literal(value: ListValue) -> Expression:
    kind: Kind = "date" if isinstance(value, date) else "text" if isinstance(value, str) else "number"
    return Expression(quoted(value), kind, literal=value if isinstance(value, str) else None)
