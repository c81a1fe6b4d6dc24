"""The language of conditions: one expression over the columns of a record, compiled to SQL.

    or, and, not           visa_type = 'study' or not (route = 'rail')
    comparison             = != < <= > >=
    membership             nationality in $eu          study_location not in ('distance', 'abroad')
    presence               end_date is null            end_date is not null
    shifts of a date       tax_year_end + 1 day        valid_to - 3 months        valid_to + $grace
    functions              earliest(a, b)   latest(a, b)   first_given(a, b)
    values                 'text'   12   2.5   2015-04-08   true   false   a_column   $a_list   $a_parameter

A comparison with an empty value is neither true nor false, so a rule never fires on what a record leaves empty;
`first_given` takes the first value that is not empty, `earliest` and `latest` ignore empty values. After `in` a name
with a dollar is a list, elsewhere a parameter, whose value is that in force on the day of the evidence, or on the day
that it shifts. A name may also be that of a predicate over other rows, which the rule declares. Every expression is
typed while it is parsed: a text is never compared with a date, and a code that is not in the contract is an error
rather than a condition that is never true.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipeline.errors import UserError, unknown
from rules.language.tokens import Token, tokens_of
from rules.parameters import OF_TIME, Parameter
from rules.sql_text import ListValue, quoted

ValueType = Literal["text", "number", "date", "boolean"]

FUNCTIONS = {"earliest": "least", "latest": "greatest", "first_given": "coalesce"}
UNITS = {"day": "day", "days": "day", "week": "week", "weeks": "week"}
UNITS |= {"month": "month", "months": "month", "year": "year", "years": "year"}
WORDS = {"and", "or", "not", "in", "is", "null", "true", "false", *UNITS, *FUNCTIONS}
MAX_LENGTH = 2000  # characters of an expression
MAX_DEPTH = 50  # nested brackets and negations; DuckDB fails at a few hundred
MAX_DIGITS = 15  # digits: longer whole numbers are not exact
MAX_SHIFTS = 10  # of one date
MAX_SHIFT_YEARS = 100
MAX_SHIFT_DIGITS = 6  # digits that can matter
UNITS_A_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}
OTHER_SIGNS = {"==": "=", "<>": "!=", "&&": "and", "||": "or", "*": None, "/": None, ";": None, '"': "'"}
"""Signs of other languages, and what is written here in their place, if anything."""
OTHER_WORDS = {
    "select", "from", "where", "join", "case", "when", "then", "else", "like", "between", "exists", "union", "cast",
    "over", "group", "order", "having", "with", "interval", "current_date",
}  # fmt: skip
"""Words of SQL that somebody may try: a rule is compiled to SQL, and contains none."""


@dataclass(frozen=True)
class ColumnType:
    """The type of a column that an expression may name, and its codes if only those can occur in it."""

    type: ValueType
    codes: frozenset[str] | None = None


NO_PARAMETERS: Mapping[str, Parameter] = {}


@dataclass(frozen=True)
class Expression:
    """An expression as SQL; `column` is set when it is a single column, `literal` when it is a text."""

    sql: str
    type: ValueType
    column: ColumnType | None = None
    literal: str | None = None


def compile_expression(
    text: str,
    columns: Mapping[str, ColumnType],
    lists: Mapping[str, tuple[ListValue, ...]],
    where: str,
    wanted: ValueType,
    *,
    parameters: Mapping[str, Parameter] = NO_PARAMETERS,
    day: str | None = None,
) -> str:
    """Return `text` as SQL of the `wanted` type.

    `columns` are those of the extract, `lists` those of the rule set, `parameters` those of the rule and its file;
    `day` is SQL of the day whose value of a parameter counts. `where` (file, rule, key) begins every `UserError`,
    which gives the position and names the nearest valid column, list, parameter or code.
    """
    return typed_expression(text, columns, lists, where, wanted, parameters=parameters, day=day).sql


def typed_expression(
    text: str,
    columns: Mapping[str, ColumnType],
    lists: Mapping[str, tuple[ListValue, ...]],
    where: str,
    wanted: ValueType,
    *,
    parameters: Mapping[str, Parameter] = NO_PARAMETERS,
    day: str | None = None,
) -> Expression:
    """Return what `compile_expression` does, with the column and the parameters that the expression names."""
    if len(text) > MAX_LENGTH:
        raise UserError(f"{where}: the expression has {len(text):,} characters, more than {MAX_LENGTH:,}. Split it.")
    expression = _Parser(text, columns, lists, where, parameters, day).whole()
    if expression.type != wanted:
        raise UserError(f"{where}: '{text}' is a {expression.type}, but a {wanted} is needed here.")
    return expression


def names_of(text: str) -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
    """Return what an expression names: names with a dollar (without it), other names, and numbers written in it."""
    tokens = tokens_of(text)
    with_dollar = frozenset(token.text[1:] for token in tokens if token.kind == "list")
    names = frozenset(token.text for token in tokens if token.kind == "name")
    return with_dollar, names, tuple(token.text for token in tokens if token.kind == "number")


class _Parser:
    """Recursive descent, one method per level of precedence: or, and, not, comparison, shift, value."""

    def __init__(
        self,
        text: str,
        columns: Mapping[str, ColumnType],
        lists: Mapping[str, tuple[ListValue, ...]],
        where: str,
        parameters: Mapping[str, Parameter],
        day: str | None,
    ) -> None:
        self.text = text
        self.columns = columns
        self.lists = lists
        self.where = where
        self.parameters = parameters
        self.day = day
        self.tokens = tokens_of(text)
        self.next = 0
        self.depth = 0
        last = self.tokens[-1]
        if last.kind == "unreadable":
            raise self._error(f"cannot read '{last.text}'", last.start, _instead(last.text))

    def _unknown(self, kind: str, name: str, valid: Iterable[str], start: int) -> UserError:
        return unknown(kind, name, valid, f'{self.where}: at character {start + 1} of "{self.text}"')

    def _error(self, what: str, start: int, remedy: str = "Correct the expression.") -> UserError:
        return UserError(f'{self.where}: {what} at character {start + 1} of "{self.text}". {remedy}')

    @contextmanager
    def _inside(self) -> Generator[None]:
        """Parse one level deeper; an expression too deep for the database is refused here, with its place."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UserError(f"{self.where}: the expression is nested too deeply. Split it.")
        yield
        self.depth -= 1

    def whole(self) -> Expression:
        expression = self._or()
        if self.tokens[self.next].kind != "end":
            raise self._unexpected("the end, 'and' or 'or'")
        return expression

    def _unexpected(self, wanted: str) -> UserError:
        token = self.tokens[self.next]
        two = self.text[token.start : token.start + 2]
        before = self.text[max(token.start - 1, 0) : token.start + 1]
        for sign in (two, before):
            if sign in OTHER_SIGNS:
                return self._error(f"cannot read '{sign}'", self.text.index(sign), _instead(sign))
        return self._error(f"expected {wanted}, found {token.text}", token.start)

    def _accept(self, *texts: str) -> str | None:
        token = self.tokens[self.next]
        if token.kind in {"sign", "name"} and token.text in texts:
            self.next += 1
            return token.text
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            raise self._unexpected(f"'{text}'")

    def _or(self) -> Expression:
        return self._joined("or", self._and)

    def _and(self) -> Expression:
        return self._joined("and", self._not)

    def _joined(self, word: str, part: Callable[[], Expression]) -> Expression:
        parts = [(self.tokens[self.next].start, part())]
        while self._accept(word):
            parts.append((self.tokens[self.next].start, part()))
        if len(parts) == 1:
            return parts[0][1]
        for start, one in parts:
            self._must_be_boolean(one, word, start)
        return Expression("(" + f" {word.upper()} ".join(one.sql for _, one in parts) + ")", "boolean")

    def _must_be_boolean(self, one: Expression, word: str, start: int) -> None:
        if one.type != "boolean":
            raise self._error(f"'{word}' joins conditions, found a {one.type}", start)

    def _not(self) -> Expression:
        if not self._accept("not"):
            return self._comparison()
        start = self.tokens[self.next].start
        with self._inside():
            inner = self._not()
        self._must_be_boolean(inner, "not", start)
        return Expression(f"(NOT {inner.sql})", "boolean")

    def _comparison(self) -> Expression:
        left = self._shift()
        if self._accept("is"):
            word = "IS NOT NULL" if self._accept("not") else "IS NULL"
            self._expect("null")
            return Expression(f"({left.sql} {word})", "boolean")
        if self._accept("not"):
            self._expect("in")
            return self._membership(left, "NOT IN")
        if self._accept("in"):
            return self._membership(left, "IN")
        sign = self._accept("=", "!=", "<", "<=", ">", ">=")
        if sign is None:
            return left
        start = self.tokens[self.next].start
        right = self._shift()
        self._same_type(left, right, start)
        return Expression(f"({left.sql} {'<>' if sign == '!=' else sign} {right.sql})", "boolean")

    def _same_type(self, left: Expression, right: Expression, start: int) -> None:
        if left.type != right.type:
            raise self._error(f"a {left.type} cannot be compared with a {right.type}", start)
        for one, other in ((left, right), (right, left)):
            if one.column and one.column.codes is not None and other.literal is not None:
                self._known_code(other.literal, one.column.codes, start)

    def _known_code(self, code: str, codes: frozenset[str], start: int) -> None:
        if code not in codes:
            written = self.text.find(quoted(code))
            raise self._unknown("code", code, codes, written if written >= 0 else start)

    def _membership(self, left: Expression, word: str) -> Expression:
        token = self.tokens[self.next]
        if token.kind == "list":
            self.next += 1
            if token.text[1:] not in self.lists:
                raise self._unknown("list", token.text[1:], self.lists, token.start)
            members = [_literal(value) for value in self.lists[token.text[1:]]]
            self._some_known(members, left, token.text)
        else:
            members = self._written_list()
            for one in members:
                self._same_type(left, one, token.start)
        for one in members:
            if one.type != left.type:
                raise self._error(f"a {left.type} is looked for in a list of {one.type}s", token.start)
        return Expression(f"({left.sql} {word} ({', '.join(one.sql for one in members)}))", "boolean")

    def _some_known(self, members: list[Expression], left: Expression, name: str) -> None:
        """Require that at least one code of a list, which may serve several sources, can occur in this column."""
        codes = left.column.codes if left.column else None
        if codes is not None and not any(one.literal in codes for one in members):
            raise UserError(
                f'{self.where}: no code of the list {name} can occur in this column, in "{self.text}". '
                f"Its codes are {', '.join(sorted(codes))}."
            )

    def _written_list(self) -> list[Expression]:
        self._expect("(")
        members = [self._value()]
        while self._accept(","):
            members.append(self._value())
        self._expect(")")
        return members

    def _shift(self) -> Expression:
        left = self._value()
        shifts = 0
        while sign := self._accept("+", "-"):
            token = self.tokens[self.next]
            if token.kind == "list":
                left = self._shifted_by_parameter(left, sign, token)
                continue
            unit = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
            if token.kind != "number" or "." in token.text or unit.text not in UNITS:
                raise self._unexpected("a whole number of days, weeks, months or years")
            if left.type != "date":
                raise self._error(f"only a date can be shifted, found a {left.type}", token.start)
            shifts += 1
            years = int(token.text[: MAX_SHIFT_DIGITS + 1]) / UNITS_A_YEAR[UNITS[unit.text]]
            if shifts > MAX_SHIFTS or years > MAX_SHIFT_YEARS:
                raise self._error("a date is shifted too often or too far", token.start)
            self.next += 2
            shifted = f"{left.sql} {sign} INTERVAL {token.text} {UNITS[unit.text]}"
            left = Expression(f"CAST({shifted} AS DATE)", "date")
        return left

    def _shifted_by_parameter(self, left: Expression, sign: str, token: Token) -> Expression:
        """Shift a date by a parameter, at the value in force on the date that is shifted."""
        parameter = self._parameter(token)
        if left.type != "date":
            raise self._error(f"only a date can be shifted, found a {left.type}", token.start)
        if parameter.unit not in OF_TIME:
            raise self._error(f"a date cannot be shifted by {parameter.unit}, the unit of {token.text}", token.start)
        self.next += 1
        return Expression(f"CAST({left.sql} {sign} {parameter.interval(left.sql)} AS DATE)", "date")

    def _parameter(self, token: Token) -> Parameter:
        name = token.text[1:]
        if name not in self.parameters:
            raise self._unknown("parameter", name, self.parameters, token.start)
        return self.parameters[name]

    def _number_of_parameter(self, token: Token) -> Expression:
        parameter = self._parameter(token)
        if parameter.later and self.day is None:
            raise self._error(f"{token.text} has later values, so it can only shift a date here,", token.start)
        return Expression(parameter.at(self.day or ""), "number")

    def _value(self) -> Expression:
        token = self.tokens[self.next]
        if self._accept("("):
            with self._inside():
                inner = self._or()
            self._expect(")")
            return inner
        self.next += 1
        if token.kind == "date":
            return self._date(token)
        if token.kind == "number":
            if len(token.text) > MAX_DIGITS:
                raise self._error("the number has too many digits", token.start)
            return Expression(token.text, "number")
        if token.kind == "text":
            return _literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "name":
            return self._named(token)
        if token.kind == "list":
            return self._number_of_parameter(token)
        self.next -= 1
        raise self._unexpected("a value")

    def _date(self, token: Token) -> Expression:
        try:
            return _literal(date.fromisoformat(token.text))
        except ValueError:
            raise self._error(f"'{token.text}' is not a day of the calendar", token.start) from None

    def _named(self, token: Token) -> Expression:
        if token.text in FUNCTIONS:
            return self._function(token)
        if token.text in {"true", "false"}:
            return Expression(token.text, "boolean")
        if token.text in self.columns:
            column = self.columns[token.text]
            return Expression(f'"{token.text}"', column.type, column)
        if token.text in WORDS:
            raise self._error(f"expected a value, found '{token.text}'", token.start)
        if self._accept("("):
            raise self._unknown("function", token.text, FUNCTIONS, token.start)
        if token.text.lower() in OTHER_WORDS:
            raise self._error(
                f"'{token.text}' is a word of SQL, and no part of the language of rules,",
                token.start,
                "Write a condition over the columns of the extract; docs/rules.md lists what it may contain.",
            )
        raise self._unknown("column", token.text, self.columns, token.start)

    def _function(self, token: Token) -> Expression:
        self._expect("(")
        with self._inside():
            parts = [self._shift()]
            while self._accept(","):
                parts.append(self._shift())
        self._expect(")")
        types = {one.type for one in parts}
        if len(types) > 1:
            found = " and ".join(sorted(types))
            raise self._error(f"'{token.text}' takes values of one type, found {found}", token.start)
        arguments = ", ".join(one.sql for one in parts)
        return Expression(f"{FUNCTIONS[token.text]}({arguments})", parts[0].type)


def _instead(found: str) -> str:
    """Return what to write in place of a sign of another language."""
    sign = next((sign for sign in OTHER_SIGNS if found.startswith(sign)), None)
    instead = OTHER_SIGNS.get(sign) if sign else None
    return f"Write {instead} here." if instead else "Correct the expression."


def _literal(value: ListValue) -> Expression:
    value_type: ValueType = "date" if isinstance(value, date) else "text" if isinstance(value, str) else "number"
    return Expression(quoted(value), value_type, literal=value if isinstance(value, str) else None)
