"""Which records and people of the delivery before are missing in a new one, and which are new."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pipeline.ingest.columns import Column
from pipeline.ingest.extract_contract import Extract
from reception.finding import Finding, percent, share
from reception.pairs import VANISHED, Pairs
from reception.thresholds import Thresholds, Tolerance

VANISHED_PEOPLE = Tolerance(0.001, 0.01)
UNSEEN_FORMAT = Tolerance(0.001, 0.01)
KNOWN_FORMS = 50
"""Values of a column from which its forms are known."""
LONG_BEFORE = 366
"""Days before the earlier data date after which nothing should be added to a delivery."""
LATE = 0.05
"""Share of the earlier records by which a delivery may grow for times long before."""
SLOWER = 3.0
"""How many times fewer rows a quarter may have than the one before it and that of the year before."""
SPREAD = 10
"""Different days that rows must have, for new ones to be expected: a survey and a snapshot have one day."""


def missing_records(
    before: pl.DataFrame, now: pl.DataFrame, pairs: Pairs, source: str, key: str | None, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield whether too many records or people of the delivery before are gone."""
    records = pairs.both.height + pairs.vanished.height
    too_many = thresholds.too_many(pairs.vanished.height, records, VANISHED)
    if pairs.changed_key is None and too_many and _of_too_many_people(pairs, key, thresholds):
        found = (
            f"{share(pairs.vanished.height, records)} are missing; {before.height:,} rows before, {now.height:,} now"
        )
        yield Finding(source, None, "vanished records", f"at most {percent(VANISHED.least)} withdrawn", found)
    if key is None:
        return
    people = [
        rows.select(pl.coalesce(pl.col(key), pl.col(f"text:{key}")).alias("key")).drop_nulls().unique()
        for rows in (before, now)
    ]
    gone = people[0].join(people[1], on="key", how="anti").height
    new = people[1].join(people[0], on="key", how="anti").height
    if thresholds.too_many(gone, people[0].height, VANISHED_PEOPLE):
        found = f"{share(gone, people[0].height)} people are gone, {new:,} are new"
        yield Finding(source, key, "vanished people", f"at most {percent(VANISHED_PEOPLE.least)} withdrawn", found)


def _of_too_many_people(pairs: Pairs, key: str | None, thresholds: Thresholds) -> bool:
    """Return whether missing records are those of many people: the records of one person may go together."""
    if key is None:
        return True
    lost, kept = pairs.vanished[f"text:{key}"].unique(), pairs.both[f"text:{key}"]
    return thresholds.too_many(len(lost), pl.concat([lost, kept]).n_unique(), VANISHED.usual)


def unseen_formats(
    before: pl.DataFrame, now: pl.DataFrame, source: str, extract: Extract, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the columns of keys and postcodes written in a form that the delivery before did not have."""
    for name, column in extract.columns.items():
        form = _form(name, column)
        if form is None:
            continue
        forms, earlier = (rows.drop_nulls(f"text:{name}").select(form=form) for rows in (now, before))
        if earlier.height < KNOWN_FORMS:
            continue
        unseen = forms.join(earlier.unique(), on="form", how="anti")
        if thresholds.too_many(unseen.height, forms.height, UNSEEN_FORMAT):
            other = unseen["form"].value_counts(sort=True, name="rows")["form"][0]
            usual = earlier["form"].value_counts(sort=True, name="rows")["form"][0]
            yield Finding(
                source, name, "format", f"such as {usual}", f"{share(unseen.height, forms.height)} as {other}"
            )


def _form(name: str, column: Column) -> pl.Expr | None:
    """Return the form of a key or a postcode: X for each digit and capital letter, x for each small letter.

    Postcodes differ in length, so that a run of X is one X. None for a column that has no form.
    """
    if not column.is_direct_identifier and column.identifier != "postcode":
        return None
    form = pl.col(f"text:{name}").str.replace_all(r"[\p{Lu}\p{N}]", "X").str.replace_all(r"\p{Ll}", "x")
    return form if column.is_direct_identifier else form.str.replace_all("X+", "X").str.replace_all("x+", "x")


def times_of_records(
    before: pl.DataFrame,
    pairs: Pairs,
    source: str,
    extract: Extract,
    dates: tuple[date, date],
    thresholds: Thresholds,
) -> Iterator[Finding]:
    """Yield whether too few records are new since the delivery before, and whether too many are of long before.

    `dates` are the two data dates. A quarter is compared with the one before it and with that of a year before.
    """
    if extract.first_and_last_day is None or not extract.unique or pairs.changed_key:
        return
    name, end_of_period = extract.first_and_last_day
    last = end_of_period or name
    earlier, later = dates
    days = (later - earlier).days
    day = pl.col(name).cast(pl.Date)
    end = pl.lit(earlier)
    usual = [
        before.filter(day > end.dt.offset_by(f"-{days + back}d"), day <= end.dt.offset_by(f"-{back}d"))
        for back in (0, max(365 - days, 0))
    ]
    spread = min(rows[name].n_unique() for rows in usual) >= SPREAD
    expected = min(rows.height for rows in usual)
    if spread and thresholds.too_few(pairs.new.height, expected / SLOWER):
        found = f"{pairs.new.height:,} new rows"
        yield Finding(source, name, "new records", f"about {expected:,}, as in the same time before", found)
    # A year of weeks or of a course is delivered long after it began: its last day counts, and a year that nobody had
    # before is not late.
    last_day = pl.col(last).cast(pl.Date)
    known_until = before.select(last_day.max()).item() or date.min
    old = pairs.new.filter(last_day <= end.dt.offset_by(f"-{LONG_BEFORE}d"), last_day <= known_until).height
    if thresholds.too_many(old, before.height, LATE):
        found = f"{share(old, before.height)} were added for days more than a year before"
        yield Finding(source, last, "late records", f"at most {percent(LATE)}", found)
