"""Published figures compared with a synthetic study: plain values for the page of targets, and their wording."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TargetRow:
    """One published figure and the same figure of a study, both on the scale of the published one.

    `title` is the section, `unit` one of persons, events, share and days. `scaled_by` names the share that brings
    England and Wales to `geography`, empty where none is needed. `value` and `events` are None, and `note` says
    why, where the study cannot give the figure; `met` says whether `value` lies within `tolerance`.
    """

    name: str
    title: str
    description: str
    unit: str
    geography: str
    scaled_by: str
    period: str
    source: str
    from_memory: bool
    published: float
    tolerance: float
    value: float | None
    events: int | None
    met: bool
    note: str = ""

    @property
    def place_and_time(self) -> str:
        """Where and when the published figure applies."""
        share = f" (England and Wales: share '{self.scaled_by}')" if self.scaled_by else ""
        return f"{self.geography}{share}, {self.period}"

    @property
    def citation(self) -> str:
        """The source, marked where the figure was written from memory and not read in it."""
        return f"{self.source}{' (from memory)' if self.from_memory else ''}"

    def in_unit(self, value: float | None) -> str:
        """Return a value as text: a share in percent, people and events in full, days to one decimal, None as -."""
        if value is None:
            return "-"
        if self.unit == "share":
            return f"{100 * value:.2f}%"
        return f"{value:,.1f}" if self.unit == "days" else f"{value:,.0f}"


@dataclass(frozen=True)
class LagDistribution:
    """How a lag is distributed in a study: the share of people in each bin of months, in order."""

    group: str
    row: TargetRow
    share_by_bin: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class TargetComparison:
    """All that the page of targets shows: the study and the country that it represents, its rows and its lags.

    `residents` are those of the study, `country_residents` those of the country; `country_note` says on which day
    and by which source.
    """

    study_name: str
    residents: int
    country_residents: int
    country_note: str
    rows: Sequence[TargetRow]
    lags: Sequence[LagDistribution] = ()


def summary(rows: Sequence[TargetRow]) -> str:
    """Return how many targets are met, how many the study cannot show and how many test nothing."""
    met, without_value = sum(row.met for row in rows), sum(row.value is None for row in rows)
    cannot = f"; {without_value} cannot be shown" if without_value else ""
    wide = sum(row.value is not None and row.tolerance >= abs(row.published) for row in rows)
    no_test = f"; {wide} with tolerances as large as their figures test nothing" if wide else ""
    return f"{met} of {len(rows)} targets are met{cannot}{no_test}"
