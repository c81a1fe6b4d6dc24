"""The page of `sojourn targets --report`: every target in tables, the main ones in pictures, in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any, Literal

import polars as pl

from flows.target_words import figure, place_and_time, summary
from publication import target_charts, words
from publication.figures import Figure, Panel
from publication.report import page
from publication.report_tables import Table
from publication.svg import draw
from synthetic_data.benchmarks.counting import NotMeasurableError, chosen
from synthetic_data.benchmarks.measures.registrations import lags
from synthetic_data.benchmarks.observed_study import ObservedStudy
from synthetic_data.benchmarks.targets import Result, Targets, study_residents

MONTH = 365.25 / 12
LAG_BINS = (("<1", 1), ("1-3", 3), ("3-6", 6), ("6-12", 12), ("12-24", 24), ("24-60", 60), (">60", 10_000))
"""Months up to which each bin goes: those in which the lags were published."""
SIGNS = ("published", "holds", "misses")


@dataclass(frozen=True)
class Picture:
    """One figure of a section: its id, what its rows are, its panels (heading -> patterns of names), its labels."""

    id: str
    title: str
    rows: str
    panels: dict[str, tuple[str, ...]]
    label: Literal["says", "place", "time", "both"] = "says"
    room: int = 150


PICTURES = (
    Picture(
        "ages", "Population by age and sex", "age groups",
        {"Share of all residents": ("age_*_[0-9]*", "age_90_over")}, room=110,
    ),
    Picture("regions", "Population of regions", "regions", {"Usual residents": ("population_*",)}, "place", 150),
    Picture(
        "stocks", "Country of birth and nationality", "stocks",
        {"People": ("born_abroad", "not_british", "eu*_nationals"), "Share of Londoners": ("london_*",)}, room=230,
    ),
    Picture("births", "Births and deaths", "years", {"Births": ("births_20*",), "Deaths": ("deaths_*",)}, "time", 60),
    Picture(
        "flows", "Long-term migration", "flows",
        {"All": ("immigration", "emigration", "net_migration"), "Net, by nationality": ("net_migration_*",)},
        room=240,
    ),
    Picture(
        "numbers", "National Insurance numbers", "groups and nationalities",
        {"By group": ("numbers", "numbers_eu", "numbers_non_eu"), "By nationality": ("numbers_of_*",)},
        room=130,
    ),
    Picture(
        "exits", "Exit checks", "outcomes",
        {
            "In time": ("exits_in_time_*", "exits_visitors_*", "exits_students_*", "exits_workers_*"),
            "Late, or not identified": ("exits_late_*", "exits_not_identified_*"),
        },
        "both", 215,
    ),
    Picture(
        "students", "Students from abroad", "enrolments",
        {"From the EU": ("students_eu_*",), "From elsewhere": ("students_non_eu_*",)}, "time", 60,
    ),
)  # fmt: skip
"""Which targets are drawn, section by section."""


def target_page(study: ObservedStudy, targets: Targets, results: Sequence[Result]) -> str:
    """Return the page as HTML; it needs no other file and fetches nothing."""
    residents = study_residents(study, targets.country)
    return page(
        "targets.html.j2",
        study={"name": study.study.name, "synthetic": True},
        summary=summary(results),
        residents=words.count(residents),
        country={"residents": words.count(targets.country.residents), "says": targets.country.says},
        sections=_sections(study, results),
    )


def _sections(study: ObservedStudy, results: Sequence[Result]) -> list[dict[str, Any]]:
    sections = []
    for title in dict.fromkeys(one.target.title for one in results):
        own = [one for one in results if one.target.title == title]
        figures = [_figure(picture, own) for picture in PICTURES if picture.title == title]
        if title == "Lag of registration":
            figures.append(_lag_figure(study, own))
        tables = [_table(source, list(group)) for source, group in groupby(own, key=_source)]
        name = title.lower().replace(" ", "-")
        sections.append({"id": name, "title": title, "figures": [one for one in figures if one], "tables": tables})
    return sections


def _source(result: Result) -> str:
    memory = "" if result.target.confirmed == "yes" else " (from memory)"
    return f"{result.target.source}{memory}"


def _figure(picture: Picture, results: Sequence[Result]) -> Figure | None:
    panels, drawn = [], []
    for heading, patterns in picture.panels.items():
        own = [one for one in results if _belongs(one, patterns)]
        rows = [_row(one, picture.label) for one in own]
        drawn += own
        width = (640 if len(picture.panels) == 1 else 415) - picture.room
        chart = target_charts.held_against(
            rows, width=width, shares=own[0].target.unit == "share", labels=picture.room
        )
        told = "; ".join(f"{row['label']}: {_told(one)}" for row, one in zip(rows, own, strict=True))
        panels.append(Panel(heading, draw(chart, f"{heading}. {told}", f"{picture.id}-{len(panels)}")))
    hold = sum(one.holds for one in drawn)
    return Figure(
        id=f"figure-{picture.id}",
        finding=f"{hold} of {len(drawn)} {picture.rows} hold",
        panels=tuple(panels),
        note="Each panel on its own scale, that of the published figure.",
        csv="",
        key=SIGNS,
        columns=len(panels),
    )


def _belongs(result: Result, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(result.target.name, one) for one in patterns)


def _row(result: Result, label: str) -> dict[str, object]:
    target = result.target
    period = target.period.removeprefix("year ending ").removeprefix("visas expiring in ")
    says = target.says.removeprefix("numbers given to ").removeprefix("nationals of ")
    says = says[0].upper() + says[1:]
    return {
        "label": {"says": says, "place": target.geography, "time": period, "both": f"{says}, {period}"}[label],
        "published": target.published,
        "lower": target.published - result.tolerance,
        "upper": target.published + result.tolerance,
        "value": result.value,
        "holds": result.holds,
    }


def _told(result: Result) -> str:
    unit = result.target.unit
    verdict = "holds" if result.holds else "does not hold"
    return f"published {figure(result.target.published, unit)}, study {figure(result.value, unit)}, {verdict}"


def _lag_figure(study: ObservedStudy, results: Sequence[Result]) -> Figure | None:
    panels, said = [], []
    for one in results:
        try:
            days = _days(study, one)
        except NotMeasurableError:
            continue
        rows, before = [], 0.0
        for name, months in LAG_BINS:
            within = days.is_between(before, months * MONTH, closed="left").mean()
            rows.append({"bin": name, "share": within})
            before = months * MONTH
        group = "EU nationals" if one.target.name == "lag_eu" else "Non-EU nationals"
        said.append(f"{group} {figure(one.value, 'days')} days, published {figure(one.target.published, 'days')}")
        told = ", ".join(f"{row['bin']} months {words.percent(row['share'], 0)}" for row in rows)
        chart = target_charts.bins(rows, width=300, height=150)
        panels.append(Panel(group, draw(chart, f"{group}: {told}", f"lag-{len(panels)}")))
    if not panels:
        return None
    return Figure(
        id="figure-lags",
        finding=f"Median lag: {'; '.join(said)}",
        panels=tuple(panels),
        note="Share of the people registered in the stated year, by months from stated arrival to registration.",
        csv="",
        columns=2,
    )


def _days(study: ObservedStudy, result: Result) -> pl.Series:
    given = result.target.given
    days = chosen(lags(study, given["begin"], given["until"]), given.get("where"))["days"]
    if days.is_empty():
        raise NotMeasurableError("nobody in the study belongs to it")
    return days


def _table(source: str, results: Sequence[Result]) -> Table:
    rows = tuple(
        (
            one.target.says,
            place_and_time(one.target),
            *(figure(value, one.target.unit) for value in (one.target.published, one.value, one.tolerance)),
            "-" if one.events is None else words.count(one.events),
            "yes" if one.holds else "no",
        )
        for one in results
    )
    columns = ("Figure", "Where and when", "Published", "Study", "Tolerance", "Events", "Holds")
    notes = dict.fromkeys(one.note for one in results if one.note)
    return Table(source, columns, rows, numeric=(2, 3, 4, 5), note="; ".join(notes))
