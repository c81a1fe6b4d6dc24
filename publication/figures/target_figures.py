"""The figures of the page of targets: which targets are drawn in each section, and how a lag is distributed."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from publication import words
from publication.charts.svg import draw
from publication.charts.target_charts import share_by_bin, study_and_published
from publication.figures.figure import Figure, Panel
from publication.target_rows import LagDistribution, TargetRow

LEGEND = ("published", "met", "not met")


@dataclass(frozen=True)
class TargetPicture:
    """One figure of a section: its id, the section's title, what its rows are, and its panels.

    `panels` maps a heading to patterns of the names of targets; `label` says how rows are labelled, and
    `label_width` is the width of the labels in pixels.
    """

    id: str
    title: str
    rows: str
    panels: dict[str, tuple[str, ...]]
    label: Literal["description", "place", "time", "both"] = "description"
    label_width: int = 150


PICTURES = (
    TargetPicture(
        "ages", "Population by age and sex", "age groups",
        {"Share of all residents": ("age_*_[0-9]*", "age_90_over")}, label_width=110,
    ),
    TargetPicture(
        "regions", "Population of regions", "regions", {"Usual residents": ("population_*",)}, "place", 150,
    ),
    TargetPicture(
        "stocks", "Country of birth and nationality", "stocks",
        {"People": ("born_abroad", "not_british", "eu*_nationals"), "Share of Londoners": ("london_*",)},
        label_width=230,
    ),
    TargetPicture(
        "births", "Births and deaths", "years", {"Births": ("births_20*",), "Deaths": ("deaths_*",)}, "time", 60,
    ),
    TargetPicture(
        "flows", "Long-term migration", "flows",
        {"All": ("immigration", "emigration", "net_migration"), "Net, by nationality": ("net_migration_*",)},
        label_width=240,
    ),
    TargetPicture(
        "numbers", "National Insurance numbers", "groups and nationalities",
        {"By group": ("numbers", "numbers_eu", "numbers_non_eu"), "By nationality": ("numbers_of_*",)},
        label_width=130,
    ),
    TargetPicture(
        "exits", "Exit checks", "outcomes",
        {
            "In time": ("exits_in_time_*", "exits_visitors_*", "exits_students_*", "exits_workers_*"),
            "Late, or not identified": ("exits_late_*", "exits_not_identified_*"),
        },
        "both", 215,
    ),
    TargetPicture(
        "students", "Students from abroad", "enrolments",
        {"From the EU": ("students_eu_*",), "From elsewhere": ("students_non_eu_*",)}, "time", 60,
    ),
)  # fmt: skip
"""Which targets are drawn, section by section."""


def target_figures(title: str, rows: Sequence[TargetRow]) -> list[Figure]:
    """Return the figures of the section of this title, from its rows."""
    return [_figure(picture, rows) for picture in PICTURES if picture.title == title]


def _figure(picture: TargetPicture, rows: Sequence[TargetRow]) -> Figure:
    panels, drawn = [], []
    for heading, patterns in picture.panels.items():
        own = [row for row in rows if any(fnmatchcase(row.name, one) for one in patterns)]
        points = [_point(row, picture.label) for row in own]
        drawn += own
        chart = study_and_published(
            points,
            width=(640 if len(picture.panels) == 1 else 415) - picture.label_width,
            shares=own[0].unit == "share",
            label_width=picture.label_width,
        )
        described = "; ".join(f"{point['label']}: {_describe(row)}" for point, row in zip(points, own, strict=True))
        panels.append(Panel(heading, draw(chart, f"{heading}. {described}", f"{picture.id}-{len(panels)}")))
    return Figure(
        id=f"figure-{picture.id}",
        finding=f"Targets are met for {sum(row.met for row in drawn)} of {len(drawn)} {picture.rows}",
        panels=tuple(panels),
        note="Each panel has its own scale, that of the published figure.",
        csv="",
        legend=LEGEND,
        columns=len(panels),
    )


def _point(row: TargetRow, label: str) -> dict[str, object]:
    period = row.period.removeprefix("year ending ").removeprefix("visas expiring in ")
    description = row.description.removeprefix("numbers allocated to ").removeprefix("nationals of ")
    description = description[0].upper() + description[1:]
    labels = {
        "description": description,
        "place": row.geography,
        "time": period,
        "both": f"{description}, {period}",
    }
    return {
        "label": labels[label],
        "published": row.published,
        "lower": row.published - row.tolerance,
        "upper": row.published + row.tolerance,
        "value": row.value,
        "met": row.met,
    }


def _describe(row: TargetRow) -> str:
    outcome = "met" if row.met else "not met"
    return f"published {row.in_unit(row.published)}, study {row.in_unit(row.value)}, {outcome}"


def lag_figure(lags: Sequence[LagDistribution]) -> Figure | None:
    """Return the distribution of the lag of registration, a panel a group; None without any."""
    if not lags:
        return None
    panels, findings = [], []
    for lag in lags:
        median, published = lag.row.in_unit(lag.row.value), lag.row.in_unit(lag.row.published)
        findings.append(f"{lag.group} {median} days, published {published}")
        described = ", ".join(f"{name} months {words.percent(share, 0)}" for name, share in lag.share_by_bin)
        points = [{"bin": name, "share": share} for name, share in lag.share_by_bin]
        chart = share_by_bin(points, width=300, height=150)
        panels.append(Panel(lag.group, draw(chart, f"{lag.group}: {described}", f"lag-{len(panels)}")))
    return Figure(
        id="figure-lags",
        finding=f"Median lag: {'; '.join(findings)}",
        panels=tuple(panels),
        note="Share of the people registered in the stated year, by months from stated arrival to registration.",
        csv="",
        columns=2,
    )
