"""The card of each source: rows, people, days, missing values and volumes of its extracts, as they were delivered."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from publication import words
from publication.report_tables.report_table import ReportTable

MOST_MISSING = 5
"""Columns that a card names, those with the most missing values."""


def source_cards(cards: pl.DataFrame, volumes: pl.DataFrame) -> list[ReportTable]:
    """Return a card a source, with a column an extract; `volumes` are rows by extract and data date."""
    if cards.is_empty():
        return []
    return [_card(source, of_source, volumes) for (source,), of_source in sorted(cards.group_by("source"))]


def _card(source: object, cards: pl.DataFrame, volumes: pl.DataFrame) -> ReportTable:
    extracts = cards.sort("extract").to_dicts()
    facts = {
        "Accepted rows": [words.count(one["rows"]) for one in extracts],
        "People, as the source tells them apart": [words.count(one["subjects"]) for one in extracts],
        "Days of its rows": [_days(one) for one in extracts],
        "Data date": [_lag(one) for one in extracts],
        "Missing values": [_missing(one) for one in extracts],
        "Median days between dates": [_between(one) for one in extracts],
        "Rows delivered": [_volumes(one, volumes) for one in extracts],
    }
    return ReportTable(
        caption=words.sentence_case(words.source_name(str(source))),
        columns=("", *(words.sentence_case(one["extract"]) for one in extracts)),
        rows=tuple((fact, *found) for fact, found in facts.items()),
        csv="source_cards.csv",
    )


def _days(card: Mapping[str, Any]) -> str:
    if card["first_day"] is None:
        return "not dated"
    return f"{words.day(card['first_day'])} to {words.day(card['last_day'])} ({words.plain(card['dated_by'])})"


def _lag(card: Mapping[str, Any]) -> str:
    """Return the data date, and how long before it the latest row is."""
    if card["last_day"] is None or card["last_day"] > card["data_date"]:
        return words.day(card["data_date"])
    days = (card["data_date"] - card["last_day"]).days
    return f"{words.day(card['data_date'])}, {words.count(days)} days after the last row"


def _missing(card: Mapping[str, Any]) -> str:
    shares = sorted(json.loads(card["missing"]).items(), key=lambda one: (-one[1], one[0]))
    named = [f"{words.plain(column)} {words.percent(share)}" for column, share in shares[:MOST_MISSING]]
    more = len(shares) - MOST_MISSING
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "") or "none"


def _between(card: Mapping[str, Any]) -> str:
    pairs = sorted(json.loads(card["days_between"]).items())
    return "; ".join(f"{words.plain(pair)}: {words.count(days)}" for pair, days in pairs) or "none"


def _volumes(card: Mapping[str, Any], volumes: pl.DataFrame) -> str:
    """Return the rows of every delivery, this one last."""
    of_extract = volumes.filter(pl.col("extract") == card["extract"]).sort("data_date")
    deliveries = of_extract.select("data_date", "rows").iter_rows()
    return "; ".join(f"{words.day(day)}: {words.count(rows)}" for day, rows in deliveries)
