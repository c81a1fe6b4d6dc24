"""The catalogue of errors: six kinds that every source makes, and rows that break their contract.

Every error has a name, a default of real-life size, and the source of that default. A tree of overrides
changes some of them: by kind for all sources (`names.rate`), or for one source alone (`mws.names.rate`).
`NO_ERRORS` turns every kind off. Sources differ by a factor, people by the origin of their names: error in
linkage is not spread evenly, and neither is it here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from pipeline.errors import UserError
from pipeline.toml_files import Frozen, parse, read_toml
from synthetic_data.errors.entries import Amount, Share, error
from synthetic_data.errors.identity_rates import (
    AddressesOf,
    Dates,
    Documents,
    Duplicates,
    Forms,
    Groups,
    Missing,
    Names,
    OfAddressedSource,
    OfPostcodedSource,
    OfSource,
    OfStudents,
    Sexes,
)
from synthetic_data.numbers.draws import Floats
from synthetic_data.numbers.labels import Labels

ONS_LAGS = "ONS, Registration lags of NINo and NHS registrations, 2019"
HOME_OFFICE = "Home Office, Fifth report on statistics relating to exit checks, 2020"
HOME_OFFICE_TOTAL = "the total of all routes: Home Office, 2020; its split by route is an assumption"
ONS_STUDENTS = (
    "ONS, International student migration research update, 2017 (that it happens); the size is an assumption"
)
ONS_EU = "ONS, Understanding different migration data sources, 2019 (that it happens); the size is an assumption"
ONS_PASSENGERS = "ONS, International Passenger Survey: quality information in relation to migration flows, 2018"
CENSUS_2001 = "Census 2001: 94% answered, 87% of men of 20 to 24, 98% of women of 75 to 79"
DEPENDENCE = (
    "Brown, Abbott and Diamond, Dependence in the 2001 one-number census, 2006 (that it is); the size is assumed"
)


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
    """Late and missing registration; NHS lags are log-normal from arrival."""

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
    never_active: Share = error(0.08, "adults who never meet tax or benefit systems")
    activity_gap: Share = error(0.003, "years without activity of an active resident")
    self_employed_gap: Share = error(0.01, "years for which no tax return of a self-employed person is held")
    flag_lost: Share = error(0.8, "told moves within the country that change the practice: flag 4 is lost with it")
    birth_country_missing: Share = error(0.20, "people without a country of birth on PDS")


class Leavers(Frozen):
    """Leavers who stay registered: what the NHS learns of people who emigrate, and of deaths."""

    told_active: Share = error(0.25, "departures of people with activity that PDS posts as a removal")
    told_inactive: Share = error(0.45, "the same for children and people without activity")
    dropped_active: Share = error(0.15, "departures that a practice notices without a posting")
    dropped_inactive: Share = error(0.15, "the same for children and people without activity")
    median_days: Amount = error(150, "median lag of both")
    death_never_posted: Share = error(0.01, "deaths that never reach PDS")
    cleaned_a_year: Share = error(0.04, "people long gone whom the cleaning of lists takes off in a year")
    cleaned_later: Share = error(0.01, "the same from September 2015 on")

    @model_validator(mode="after")
    def _one_fate(self) -> "Leavers":
        for group in ("active", "inactive"):
            if getattr(self, f"told_{group}") + getattr(self, f"dropped_{group}") > 1:
                raise ValueError(f"'told_{group}' and 'dropped_{group}' are shares of the same leavers: at most 1")
        return self


class Addresses(Frozen):
    """Stale addresses: moves that a source learns late or never."""

    nhs_never: Share = error(0.12, "moves never told to the NHS; twice as many of men under 35")
    nhs_never_student: Share = error(
        0.62, "moves to the place of study of home students never told to the NHS",
        "ONS, Understanding students across administrative data, 2021 (57% are on a list there); the size is assumed",
    )  # fmt: skip
    nhs_median_days: Amount = error(60, "median lag of moves that are told")
    stale: Share = error(0.10, "people of whom another source holds an address of the past")
    mean_days: Amount = error(700, "how old that is, in the mean")


class Departures(Frozen):
    """Unmatched departures: crossings that are recorded but never joined to the traveller."""

    unmatched: Share = error(0.021, "departures that exit checks never join to the traveller", HOME_OFFICE)


class Border(Frozen):
    """Crossings that nobody records: routes with weak coverage, and journeys through Ireland."""

    air_in: Share = error(0.08, "arrivals by air of which no carrier tells; over all routes 11%", HOME_OFFICE)
    rail_in: Share = error(0.50, "arrivals by rail of which no carrier tells", HOME_OFFICE_TOTAL)
    sea_in: Share = error(0.55, "arrivals by sea of which no carrier tells", HOME_OFFICE_TOTAL)
    air_out: Share = error(0.0, "departures by air of which no carrier tells; of all routes hardly any", HOME_OFFICE)
    rail_out: Share = error(0.05, "departures by rail of which no carrier tells", HOME_OFFICE_TOTAL)
    sea_out: Share = error(0.10, "departures by sea of which no carrier tells", HOME_OFFICE_TOTAL)
    by_ireland: Share = error(0.005, "journeys through Ireland: within the Common Travel Area nobody looks")


class Survey(Frozen):
    """The coverage survey: whom it does not reach, and how that hangs together with the list it is held against."""

    household_missed: Share = error(
        0.030, "households of two to four at postcodes of middling hardness for which nobody answers", CENSUS_2001
    )
    person_missed: Share = error(
        0.012, "women of 35 to 64 whom an answering household leaves out; men, the young and infants more often",
        CENSUS_2001,
    )  # fmt: skip
    odds_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] = error(
        1.5, "odds of an answer from people on the PDS list, to those of people like them who are not", DEPENDENCE
    )
    nationality_missing: Share = error(0.03, "answers that tell no nationality")
    wrong_verdict: Share = error(0.01, "clerical reviews that find the wrong person, or wrongly nobody")


class Intentions(Frozen):
    """What people say of the time they will stay or be away, against what comes true."""

    spread: Amount = error(0.2, "spread of the logarithm of stated over true months")
    switched: Share = error(0.05, "people who end on the other side of twelve months than they meant")
    eu8_short: Share = error(0.25, "EU8 nationals who stay for long, and said at arrival that they would not", ONS_EU)
    students_back: Share = error(
        0.25, "students who leave for long, and say that they will be back within a year", ONS_STUDENTS
    )
    british_unsure: Share = error(0.2, "British emigrants who cannot say for how long they go")


class Passengers(Frozen):
    """The passenger survey: crossings that it cannot reach, and totals that it is weighted to."""

    not_covered: Share = error(0.10, "crossings at small ports or in the night, when nobody is asked", ONS_PASSENGERS)
    refused: Annotated[float, Field(ge=0, lt=1, strict=True)] = error(0.2, "sampled passengers who do not answer")
    totals_sigma: Amount = error(0.03, "spread of the logarithm of passenger totals by route, direction and quarter")


CARE = "factor of misspelt names, wrong dates of birth and sexes, and missing values"
_CARED_FOR = (
    ("names", "rate"), ("dates", "birth"), ("sex", "wrong"),
    ("missing", "given_name"), ("missing", "postcode"), ("missing", "nationality"),
)  # fmt: skip
"""Rates that are multiplied by the factor of the source."""
_OF_SOME = {("forms", "nickname"): ("coverage_survey",), ("dates", "day_unknown"): ("exit_checks", "pds")}
"""Rates that are those of some sources; all others make the error if it is set for them alone."""


class Errors(Frozen):
    """All errors of all sources."""

    registration: Registration = Registration()
    leavers: Leavers = Leavers()
    groups: Groups = Groups()
    names: Names = Names()
    forms: Forms = Forms()
    dates: Dates = Dates()
    sex: Sexes = Sexes()
    missing: Missing = Missing()
    duplicates: Duplicates = Duplicates()
    addresses: Addresses = Addresses()
    departures: Departures = Departures()
    border: Border = Border()
    survey: Survey = Survey()
    intentions: Intentions = Intentions()
    passengers: Passengers = Passengers()
    broken_rows: Share = error(0.0002, "rows with an impossible code, date or number")
    activity: OfAddressedSource = error(OfAddressedSource(factor=1.0), CARE)
    benefits: OfAddressedSource = error(OfAddressedSource(factor=1.0), CARE)
    births: OfPostcodedSource = error(OfPostcodedSource(factor=0.6), CARE)
    coverage_survey: OfSource = error(OfSource(factor=1.4), CARE)
    deaths: OfAddressedSource = error(OfAddressedSource(factor=1.4), CARE)
    earnings: OfAddressedSource = error(OfAddressedSource(factor=1.1), CARE)
    exit_checks: OfSource = error(OfSource(factor=0.5), CARE)
    families: OfAddressedSource = error(OfAddressedSource(factor=0.9), CARE)
    hesa: OfStudents = error(OfStudents(factor=0.8), CARE)
    leave: OfAddressedSource = error(OfAddressedSource(factor=0.5), CARE)
    mws: OfPostcodedSource = error(OfPostcodedSource(factor=1.5), CARE)
    pds: OfPostcodedSource = error(OfPostcodedSource(factor=0.7), CARE)
    pr: OfPostcodedSource = error(OfPostcodedSource(factor=0.9), CARE)
    settlement_scheme: OfAddressedSource = error(OfAddressedSource(factor=0.5), CARE)

    def of(self, source: str) -> OfSource:
        """Return what a source does in its own way."""
        return getattr(self, source)

    def rate(self, kind: str, name: str, source: str) -> float:
        """Return a rate of a source, before the factors of people: its own, or the general one times its care."""
        of = self.of(source)
        own = getattr(getattr(of, kind), name)
        if own is not None:
            return own
        if source not in _OF_SOME.get((kind, name), (source,)):
            return 0.0
        return getattr(getattr(self, kind), name) * (of.factor if (kind, name) in _CARED_FOR else 1.0)

    def stale_addresses(self, source: str) -> tuple[float, float]:
        """Return the share of people whose address in a source is old, and its mean age in days."""
        own = getattr(self.of(source), "addresses", AddressesOf())
        stale = self.addresses.stale if own.stale is None else own.stale
        return stale, self.addresses.mean_days if own.mean_days is None else own.mean_days

    def broken_share(self, source: str) -> float:
        """Return the share of a source's rows that break their contract; nobody breaks the reviewers' verdicts."""
        own = getattr(self, source, None)
        return self.broken_rows if own is None or own.broken_rows is None else own.broken_rows


NO_ERRORS = Errors(
    registration=Registration(
        nhs_never=OfGroups(British=0, Irish=0, EU=0, non_EU=0), nhs_never_settled=0, nhs_never_child=0,
        nhs_median_days=DaysOfGroups(British=0, Irish=0, EU=0, non_EU=0), nhs_median_days_child=0, nhs_sigma=0,
        no_gp=0, nino_median_days=DaysOfGroups(British=0, Irish=0, EU=0, non_EU=0), nino_sigma=0, never_active=0,
        activity_gap=0, self_employed_gap=0, flag_lost=0, birth_country_missing=0,
    ),
    leavers=Leavers(
        told_active=1, told_inactive=1, dropped_active=0, dropped_inactive=0, median_days=0, death_never_posted=0,
        cleaned_a_year=1, cleaned_later=1,
    ),
    groups=Groups(aged_20_29=1, men=1, london=1),
    names=Names(rate=0, foreign_factor=1, by_sound=0, prone=0, prone_factor=1),
    forms=Forms(
        variant=0, accents_lost=0, reversed=0, main_family_name=0, other_family_name=0, hyphenated=0,
        one_given_name=0, unnamed=0, nickname=0, marriage_missed=0, marriage_mean_days=0,
    ),
    dates=Dates(
        birth=0, swapped=0, new_year=0, day_unknown=0, documents=Documents(AF=0, ER=0, IQ=0, SD=0, SO=0),
        arrival_near=0, arrival_month=0,
    ),
    sex=Sexes(wrong=0),
    missing=Missing(given_name=0, postcode=0, nationality=0),
    duplicates=Duplicates(pds=0, hesa=0, exit_checks=0),
    addresses=Addresses(nhs_never=0, nhs_never_student=0, nhs_median_days=0, stale=0, mean_days=0),
    departures=Departures(unmatched=0),
    border=Border(air_in=0, rail_in=0, sea_in=0, air_out=0, rail_out=0, sea_out=0, by_ireland=0),
    survey=Survey(household_missed=0, person_missed=0, odds_ratio=1, nationality_missing=0, wrong_verdict=0),
    intentions=Intentions(spread=0, switched=0, eu8_short=0, students_back=0, british_unsure=0),
    passengers=Passengers(not_covered=0, refused=0, totals_sigma=0),
    broken_rows=0,
)  # fmt: skip
"""Sources that see everything at once, and right."""


def with_overrides(errors: Errors, tree: Mapping[str, Any], where: str) -> Errors:
    """Return errors with some values changed; raises `UserError` for an unknown key, named with its place."""
    return parse(Errors, _merged(errors.model_dump(), tree), where)


def read_errors(path: Path, base: Errors) -> Errors:
    """Return `base` with the overrides of a TOML file; raises `UserError` for any mistake in it."""
    tree = read_toml(path)
    if "says" in tree:
        raise UserError(f"{path}: a scenario, not a file of errors. Give it with --scenario.")
    return with_overrides(base, tree, str(path))


def _merged(base: dict[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in tree.items():
        below = base.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def values(errors: BaseModel, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield every value of the catalogue that is set, with its place in the tree (`names.rate`)."""
    for name, value in errors:
        if isinstance(value, BaseModel):
            yield from values(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def group_rate(rates: OfGroups | DaysOfGroups, group: Labels) -> Floats:
    """Return the value of each person's nationality group."""
    return group.values(dict(rates))
