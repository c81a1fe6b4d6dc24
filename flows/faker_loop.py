"""A plain Faker loop that makes the columns of an extract: the yardstick for the speed of the simulator."""

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from pipeline.errors import UserError

if TYPE_CHECKING:
    from faker import Faker

START, END = date(2010, 1, 1), date(2019, 12, 31)
PROVIDERS = {
    "DATE_OF_BIRTH|BIRTH_DATE|BIRTHDTE|DOB": "date_of_birth",
    "FORENAME|FIRST_NAME|GIVEN_NAME|FNAMES": "first_name",
    "SURNAME|LAST_NAME|FAMILY_NAME": "last_name",
    "POSTCODE|PCODE": "postcode",
}
"""Faker's provider of values for a column, by a pattern of its header."""
FEW = 300
"""A column with fewer distinct values than this contains codes."""


def new_faker() -> "Faker":
    """Return a seeded British Faker; raises `UserError` where the dev group is not installed."""
    try:
        from faker import Faker  # noqa: PLC0415 - a dev dependency
    except ModuleNotFoundError:
        raise UserError("sojourn bench simulate: needs Faker. Install the dev group, as `make setup` does.") from None
    fake = Faker("en_GB")
    fake.seed_instance(1)
    return fake


def faker_loop(fake: "Faker", like: pl.DataFrame) -> Callable[[int], pl.DataFrame]:
    """Return a function that makes a number of rows with the columns of a file; their values are unrelated.

    Each value comes from one call of Faker; which call, and from which values, is decided here, once for all rows.
    """
    calls = {column.name: _call(fake, column) for column in like}
    return lambda rows: pl.DataFrame(
        [{name: call() for name, call in calls.items()} for _ in range(rows)], infer_schema_length=None
    )


def _call(fake: "Faker", column: pl.Series) -> Callable[[], object]:
    """Return the simplest call of Faker that makes values like those of a column."""
    for pattern, provider in PROVIDERS.items():
        if re.search(pattern, column.name):
            return getattr(fake, provider)
    if column.dtype == pl.Date:
        return lambda: fake.date_between(START, END)
    if column.dtype == pl.Boolean:
        return fake.boolean
    known = column.drop_nulls().unique(maintain_order=True).to_list() or [None]
    if len(known) < FEW:
        return lambda: fake.random_element(known)
    if column.dtype.is_numeric():
        low, high = int(min(known)), int(max(known))
        return lambda: fake.random_int(low, high)
    pattern = re.sub("[A-Z]", "?", re.sub("[0-9]", "#", known[0]))
    return lambda: fake.bothify(pattern)
