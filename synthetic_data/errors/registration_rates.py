"""Errors of registers: late and missing registration, leavers who stay registered, stale addresses."""

from pydantic import model_validator

from pipeline.toml_files import Frozen
from synthetic_data.errors.entries import Amount, Share, error
from synthetic_data.numbers.draws import Floats
from synthetic_data.numbers.labels import Labels

ONS_LAGS = "ONS, Registration lags of NINo and NHS registrations, 2019"


class OfGroups(Frozen):
    """A share for each nationality group."""

    British: Share
    Irish: Share
    EU: Share
    non_EU: Share  # noqa: N815 - the name of the group


class DaysOfGroups(Frozen):
    """A number of days for each nationality group."""

    British: Amount
    Irish: Amount
    EU: Amount
    non_EU: Amount  # noqa: N815 - the name of the group


class Registration(Frozen):
    """Late and missing registration; NHS lags are log-normal, from the arrival."""

    nhs_never: OfGroups = error(
        OfGroups(British=0.03, Irish=0.10, EU=0.15, non_EU=0.06), "newcomers who never register with the NHS"
    )
    nhs_never_settled: Share = error(0.3, "factor of these shares for those who came before 2010")
    nhs_never_child: Share = error(0.01, "children who never register")
    nhs_median_days: DaysOfGroups = error(
        DaysOfGroups(British=60, Irish=150, EU=375, non_EU=57), "median lag of registration", ONS_LAGS
    )
    nhs_median_days_child: Amount = error(30, "the same for children")
    nhs_sigma: Amount = error(1.4, "spread of the logarithm of these lags")
    no_gp: Share = error(0.005, "people on PDS whom no practice lists")
    nino_median_days: DaysOfGroups = error(
        DaysOfGroups(British=30, Irish=40, EU=45, non_EU=90),
        "median lag of a National Insurance number",
        f"{ONS_LAGS} (EU nationals sooner than others); the size is an assumption",
    )
    nino_sigma: Amount = error(1.0, "spread of the logarithm of these lags")
    never_active: Share = error(0.08, "adults who never appear in tax or benefit systems")
    activity_gap: Share = error(0.003, "years without activity of an active resident")
    self_employed_gap: Share = error(0.01, "years without the tax return of a self-employed person")
    flag_lost: Share = error(
        0.8, "reported moves within the country that change the practice, so that flag 4 is lost"
    )
    birth_country_missing: Share = error(0.20, "people without a country of birth on PDS")


class Leavers(Frozen):
    """Leavers who stay registered: what the NHS learns about emigration and deaths."""

    posted_active: Share = error(0.25, "departures of people with activity that PDS posts as a removal")
    posted_inactive: Share = error(0.45, "the same for children and people without activity")
    noticed_active: Share = error(0.15, "departures that a practice notices without a posting")
    noticed_inactive: Share = error(0.15, "the same for children and people without activity")
    median_days: Amount = error(150, "median lag of both")
    death_never_posted: Share = error(0.01, "deaths that never reach PDS")
    cleaned_a_year: Share = error(0.04, "people long gone who are removed in a year by the cleaning of lists")
    cleaned_later: Share = error(0.01, "the same from September 2015")

    @model_validator(mode="after")
    def _one_fate(self) -> "Leavers":
        for group in ("active", "inactive"):
            if getattr(self, f"posted_{group}") + getattr(self, f"noticed_{group}") > 1:
                raise ValueError(
                    f"'posted_{group}' and 'noticed_{group}' are shares of the same leavers: at most 1 together"
                )
        return self


class Addresses(Frozen):
    """Stale addresses: moves that a source learns of late or never."""

    nhs_never: Share = error(0.12, "moves never reported to the NHS; twice as many of men under 35")
    nhs_never_student: Share = error(
        0.62, "moves of home students to their place of study never reported to the NHS",
        "ONS, Understanding students across administrative data, 2021 (57% are on a list there); the size is assumed",
    )  # fmt: skip
    nhs_median_days: Amount = error(60, "median lag of moves that are reported")
    stale: Share = error(0.10, "people for whom another source records a former address")
    mean_days: Amount = error(700, "mean age of that address")


def group_rate(rates: OfGroups | DaysOfGroups, group: Labels) -> Floats:
    """Return the value of each person's nationality group."""
    return group.values(dict(rates))
