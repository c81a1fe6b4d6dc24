"""Names of coverage classes, made from the groups of people in each class."""

import json

import polars as pl

from publication import words
from publication.row_selection import DIMENSIONS


def class_names(coverage: pl.DataFrame) -> list[str]:
    """Return the name of each coverage class, in the order of survey date and class; all names differ."""
    names = []
    for code, members in coverage.sort("survey_date", "coverage_class").select("coverage_class", "members").rows():
        name = _groups_in_words(members) or words.plain(code)
        names.append(name if name not in names else f"{name} ({code})")
    return names


def _groups_in_words(members: str) -> str | None:
    """Return a class as the product of its groups, such as "EU, aged 16 to 24"; None if it is no product."""
    try:
        cells = {tuple(cell) for cell in json.loads(members)}
        columns = list(zip(*cells, strict=True))
    except (ValueError, TypeError):
        return None
    if len(columns) != len(DIMENSIONS):
        return None
    groups = [
        [code for code in codes if code in set(column)]
        for codes, column in zip(DIMENSIONS.values(), columns, strict=True)
    ]
    if len(cells) != len(groups[0]) * len(groups[1]) * len(groups[2]):
        return None
    whole = [len(codes) == len(own) for codes, own in zip(DIMENSIONS.values(), groups, strict=True)]
    parts = [
        "" if whole[2] else words.listed([words.name(code, short=True) for code in groups[2]]),
        "" if whole[0] else words.name(groups[0][0], short=True).lower(),
        "" if whole[1] else f"aged {_ages(groups[1])}",
    ]
    name = ", ".join(part for part in parts if part) or "all people"
    return name[0].upper() + name[1:]


def _ages(groups: list[str]) -> str:
    """Return neighbouring age groups as one span of ages."""
    codes = DIMENSIONS["age_group"]
    first, last = codes.index(groups[0]), codes.index(groups[-1])
    if last - first + 1 != len(groups):
        return words.listed([words.name(code, short=True) for code in groups])
    lower = groups[0].partition("-")[0].rstrip("+")
    upper = groups[-1].partition("-")[2]
    return f"{lower} to {upper}" if upper else f"{lower} and over"
