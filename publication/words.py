"""How headlines, findings and numbers are worded, for the terminal and for documents.

Estimates are given to three significant figures and never finer than one person; counts are given in full.
A change is called a change only where the intervals allow it (Office for Statistics Regulation,
"Approaches to presenting uncertainty in the statistical system", 2022).
"""

from collections.abc import Collection, Mapping
from datetime import date
from math import floor, isnan, log10, sqrt
from pathlib import Path
from typing import Any

from publication.row_selection import FLOW_KEY, latest_total, of_published_definition, read_run_table, with_truth
from publication.scores import Scores

MEASURES = {
    "immigration": "Immigration",
    "emigration": "Emigration",
    "net": "Net migration",
    "population": "Population",
}
GROUPS = {
    "F": "women and girls",
    "M": "men and boys",
    "British": "British nationals",
    "Irish": "Irish nationals",
    "EU": "EU nationals",
    "non_EU": "non-EU nationals",
    "0-15": "children aged 0 to 15",
    "16-24": "people aged 16 to 24",
    "25-44": "people aged 25 to 44",
    "45-64": "people aged 45 to 64",
    "65+": "people aged 65 and over",
    "all": "all people",
}
SHORT_GROUPS = {
    "F": "Female",
    "M": "Male",
    "non_EU": "Non-EU",
    "0-15": "0 to 15",
    "16-24": "16 to 24",
    "25-44": "25 to 44",
    "45-64": "45 to 64",
    "65+": "65 and over",
    "all": "All",
}
ABBREVIATIONS = {"hesa", "mws", "pds", "pr"}
SIGNIFICANT_FIGURES = 3
TWO_SIDED_95 = 1.959964

Row = Mapping[str, Any]


def rounded(value: float) -> int:
    """Return an estimate to three significant figures, in whole people."""
    size = floor(log10(abs(value))) + 1 if abs(value) >= 1 else 1
    return round(round(value, min(0, SIGNIFICANT_FIGURES - size)))


def number(value: float | None) -> str:
    """Return an estimate as text, rounded, with thousands separators; "not measured" where there is none."""
    return "not measured" if value is None or isnan(value) else f"{rounded(value):,}"


def count(value: float) -> str:
    """Return an exact count as text, with thousands separators."""
    return f"{value:,.0f}"


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share as a percentage; "not measured" where there is none."""
    return "not measured" if share is None or isnan(share) else f"{100 * share:.{decimals}f}%"


def signed(text: str) -> str:
    """Return a figure worded as a difference: with its sign, and no sign before a zero."""
    is_zero = not text.strip("-+0.,%")
    return text.lstrip("-") if is_zero else text if text.startswith("-") else f"+{text}"


def day(value: date) -> str:
    """Return a day in words: 30 June 2019."""
    return f"{value.day} {value:%B %Y}"


def period(start: date, end: date) -> str:
    """Return a period in words: year ending June 2019, quarter ending March 2018."""
    kind = "year" if (end - start).days > 300 else "quarter"
    return f"{kind} ending {end:%B %Y}"


def interval(row: Row) -> str:
    """Return the interval in words: 96 to 272."""
    return f"{number(row['lower'])} to {number(row['upper'])}"


def name(code: str, *, short: bool = False) -> str:
    """Return the words for a group of people: non-EU nationals; or `short`, for a heading: Non-EU."""
    return SHORT_GROUPS.get(code, code) if short else GROUPS.get(code, code)


def source_name(source: str) -> str:
    """Return the name of a source in running text: PDS, exit checks."""
    return " ".join(word.upper() if word in ABBREVIATIONS else word for word in source.split("_"))


def source_pair_name(row: Row) -> str:
    """Return the name of a pair of sources, `source_l` and `source_r` of a row."""
    return f"{source_name(row['source_l'])} to {source_name(row['source_r'])}"


def model_name(model: str, models: Collection[str]) -> str:
    """Return the name of a linkage model: both sources, if each of the two has a model of its own in `models`."""
    for left in models:
        right = model.removeprefix(f"{left}_")
        if right != model and right in models:
            return f"{source_name(left)} and {source_name(right)}"
    return source_name(model)


def plain(code: str) -> str:
    """Return a code as words: date_of_birth becomes date of birth."""
    return str(code).replace("_", " ")


def sentence_case(code: str) -> str:
    """Return a code as words that begin a cell or sentence: coverage_sampling becomes Coverage sampling."""
    text = plain(code)
    return text[:1].upper() + text[1:]


def headline(row: Row) -> str:
    """Return one estimate with its period, interval and status on one line.

    For example: Net migration, year ending June 2019: 184 (95% interval 96 to 272; provisional). If the row has a
    `truth`, the line gives it and says whether it lies inside the interval.
    """
    details = f"95% interval {interval(row)}; {row['status']}"
    if row.get("truth") is not None:
        details += f"; truth {number(row['truth'])}, {'inside' if inside(row) else 'outside'}"
    when = period(row["period_start"], row["period_end"])
    return f"{MEASURES[row['measure']]}, {when}: {number(row['estimate'])} ({details})"


def headlines(tables: Path, scores: Scores | None = None) -> list[str]:
    """Return the headlines of a run's tables: the latest net migration first, then the latest final one.

    Then immigration and emigration of the latest year. With scores, each line gives the truth too.
    """
    flows = of_published_definition(read_run_table(tables, "flows"))
    if scores is not None:
        flows = with_truth(flows, scores.flows, FLOW_KEY)
    rows = [
        latest_total(flows, "net"),
        latest_total(flows, "net", status="final"),
        latest_total(flows, "immigration"),
        latest_total(flows, "emigration"),
    ]
    return list(dict.fromkeys(headline(row) for row in rows if row is not None))


def assumed(share: float) -> str:
    """Return a sentence on how much of the variance of a figure rests on declared assumptions."""
    return (
        f"Declared assumptions are {percent(share, 0)} of the variance behind this interval; the rest are errors "
        "that the study's own data show"
    )


def inside(row: Row) -> bool:
    """Return whether the truth of a row lies inside its interval."""
    return row["lower"] <= row["truth"] <= row["upper"]


def against_truth(row: Row) -> str:
    """Return a sentence that compares an estimate with the truth."""
    lies = "lies inside" if inside(row) else "lies outside"
    what = f"{MEASURES[row['measure']].lower()} in the {period(row['period_start'], row['period_end'])}"
    return f"True {what}, {number(row['truth'])}, {lies} the 95% interval of {interval(row)}"


def change(now: Row, before: Row) -> str:
    """Return the direction of the change between two estimates, if it exceeds what their errors can explain.

    The two errors are taken as independent, so where they are positively correlated a change is claimed too
    rarely rather than too often.
    """
    difference = now["estimate"] - before["estimate"]
    reach = TWO_SIDED_95 * sqrt(now["standard_error"] ** 2 + before["standard_error"] ** 2)
    if abs(difference) <= reach:
        return "no clear change from"
    return "up from" if difference > 0 else "down from"


def listed(parts: list[str]) -> str:
    """Return parts joined as in a sentence: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else "nothing"
