"""The models of a rule file: what counts as evidence, and how evidence becomes stays, residents, attributes.

Evidence rules read one extract each; person rules read evidence. A rule is data: these models say which keys
it has and what they mean, the packages' SQL does what it says.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.toml_files import Frozen
from rules.language import ListValue

EvidenceKind = Literal[
    "arrival", "departure", "activity", "registration", "deregistration", "enrolment",
    "permission", "address", "status_change", "birth", "death",
]  # fmt: skip
RuleId = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
Rules = tuple[str, ...]
Days = Annotated[int, Field(ge=0, le=36_600)]  # a century: no rule looks further, and every date stays a date


class Unless(Frozen):
    """What silences an evidence rule: an `earlier` record of the same subject on which this condition holds."""

    earlier: str


class EvidenceRule(Frozen):
    """What one record of one extract says; `when`, dates, `value` and `code` are expressions over its columns."""

    id: RuleId
    says: str
    source: str
    extract: str = ""
    kind: EvidenceKind
    date: str
    end_date: str | None = None
    when: str | None = None
    unless: Unless | None = None
    value: str | None = None
    code: str | None = None
    known_on: str | None = None
    date_quality: Literal["exact", "registered", "self_reported", "tax_year", "month"] = "exact"
    source_of_rule: str

    @model_validator(mode="before")
    @classmethod
    def _extract_named_like_its_source(cls, data: Any) -> Any:
        return {"extract": data.get("source", ""), **data} if isinstance(data, dict) else data


class StayRule(Frozen):
    """What all stay rules share: the days that a stay must exceed, and the absence that ends it."""

    id: RuleId
    says: str
    source_of_rule: str
    more_than_days: Days = 365
    absent_more_than_days: Days = 365


class FirstToLast(StayRule):
    """First arrival to last departure, over border crossings and permissions to stay.

    A crossing that is missing is put where the permission starts or ends. `given_inside` are codes of
    permissions that only somebody already here is given. The first crossing inwards must come within
    `arrival_within_days` of a permission's start; later, the person was inside before it. Somebody without
    a permission, whose departure is missing, is taken to leave after `unpermitted_days`. An open permission has
    lapsed `lapses_days_before` a new one that was not given inside: only somebody who had left needs that.
    """

    form: Literal["first_to_last"]
    arrivals: Rules = Field(min_length=1)
    departures: Rules = Field(min_length=1)
    permissions: Rules = ()
    given_inside: tuple[str, ...] = ()
    missing_arrival: Literal["permission_start", "no_stay"] = "permission_start"
    missing_departure: Literal["permission_end", "no_stay"] = "permission_end"
    chain_permissions_within_days: Days = 28
    arrival_within_days: Days = 120
    unpermitted_days: Days = 180
    lapses_days_before: Days = 730


class ActivitySpan(StayRule):
    """Spans of years with weeks of activity (and of enrolments), shorter gaps joined.

    `arrivals` date a start better than weeks do; those registered after the event (`date_quality` is
    "registered") only move a start earlier. `signs` are what only somebody present leaves (they hold off a
    departure), `listings` a register's opinion. Removals, dated back by `removal_lag_days`, end a stay after the
    last year for which weeks are known.
    """

    form: Literal["activity_span"]
    activity: Rules = Field(min_length=1)
    enrolments: Rules = ()
    arrivals: Rules = ()
    signs: Rules = ()
    listings: Rules = ()
    removals: Rules = ()
    absent_weeks: Annotated[int, Field(ge=1)] = 52
    full_year_weeks: Annotated[int, Field(ge=1, le=53)] = 50
    active_from_age: Annotated[int, Field(ge=0)] = 16
    first_job_before_age: Annotated[int, Field(ge=0)] = 25
    flag_within_days: Days = 730
    sign_after_days: Days = 60
    removal_lag_days: Days = 0


class RegistrationSpan(StayRule):
    """Arrival flags, then registration with the NHS or a university, and its end.

    A removal is dated back by `removal_lag_days`, for registers learn late that somebody has gone. An arrival
    flag more than `flag_within_days` after the last one is a return; whoever returns without having been taken
    off the list was away for `unnoticed_absence_days`.
    """

    form: Literal["registration_span"]
    arrivals: Rules = ()
    births: Rules = ()
    registrations: Rules = ()
    listings: Rules = ()
    enrolments: Rules = ()
    removals: Rules = ()
    removal_lag_days: Days = 0
    flag_within_days: Days = 730
    unnoticed_absence_days: Days = 730


AnyStayRule = FirstToLast | ActivitySpan | RegistrationSpan
FORMS: dict[str, type[AnyStayRule]] = {
    "first_to_last": FirstToLast,
    "activity_span": ActivitySpan,
    "registration_span": RegistrationSpan,
}


class Group(Frozen):
    """People who are measured by one stay rule: those with any of `evidence` (empty: everybody else)."""

    id: RuleId
    says: str
    evidence: Rules = ()
    stay: str


class Definition(Frozen):
    """A composite definition: exclusive groups of people, the first that applies."""

    id: RuleId
    says: str
    groups: tuple[Group, ...] = Field(min_length=1)

    @field_validator("groups")
    @classmethod
    def _exhaustive(cls, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        if groups[-1].evidence or not all(group.evidence for group in groups[:-1]):
            raise ValueError("the last group, and no other, must be for everybody else (no 'evidence')")
        return groups


class Unfinished(Frozen):
    """How stays and absences are counted that are too young to be classed: the share of the year before.

    Cases are alike in bands of `band_days`; a group with fewer than `minimum_cases` is not told apart. With
    `weigh_late` the known cases of a year that is not final also stand for those that become known later.
    """

    band_days: Annotated[int, Field(ge=1)] = 92
    minimum_cases: Annotated[int, Field(ge=1)] = 30
    weigh_late: bool = True


class Sign(Frozen):
    """A sign of residence on a reference date: evidence in a window that begins `months_before` it.

    `at` says which day of the evidence must fall in the window: its start, its end, or any of it (overlap).
    `never_with` names evidence that makes the sign needless: it does not count for people who have any that
    ended by the date. `below_age` lets the sign count only for people younger than so many years on the date.
    """

    id: RuleId
    says: str
    form: Literal["sign"]
    family: str
    evidence: Rules = Field(min_length=1)
    at: Literal["start", "end", "overlap"] = "start"
    months_before: Annotated[int, Field(ge=0)] = 12
    months_after: Annotated[int, Field(ge=0)] = 0
    never_with: Rules = ()
    below_age: Annotated[int, Field(ge=1, le=120)] | None = None


class Exclusion(Frozen):
    """Why somebody with signs of residence is no resident on a date.

    `dead`: died by then. `away`: after a departure for good (of `definition`) and before the next arrival.
    `short_stay`: within or after a stay too short. `unlikely`: in an unfinished stay whose probability is
    below `below_probability`.
    """

    id: RuleId
    says: str
    form: Literal["dead", "away", "short_stay", "unlikely"]
    below_probability: Annotated[float, Field(ge=0, le=1)] = 0.5


MOTHER = "mother"


class ValueMap(Frozen):
    """How a source's value becomes a group: the first list that holds it, else `otherwise`."""

    lists: dict[str, str]
    otherwise: str


class Attribute(Frozen):
    """One attribute of a person, from the first source in `read` (`extract.column`) that says anything.

    Of several values in one source the most frequent counts, then the latest. The word `mother` in the list
    stands for what the sources before it say of the mother. `only` names, for a place that is read, the lists
    whose values are believed of it. `groups` maps a value to a group by named lists; `default` is for people on
    whom no source says anything.
    """

    id: Literal["sex", "birth_month", "nationality_group", "country_of_birth"]
    says: str
    read: tuple[str, ...] = Field(min_length=1)
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: ValueMap | None = None
    default: str | None = None


Lists = dict[str, tuple[ListValue, ...]]


class EvidenceRules(Frozen):
    """What the stage `evidence` is given: the evidence rules, and the lists that their expressions name."""

    lists: Lists
    rules: tuple[EvidenceRule, ...]


class PersonRules(Frozen):
    """What the stage `stays` is given: the rules that make attributes, stays, migrations and residents.

    `deaths` and `areas` are evidence rules in order of precedence; `reasons` maps codes of evidence to reasons for
    migration; a resident has signs of at least `families_needed` families.
    """

    lists: Lists
    stays: tuple[AnyStayRule, ...]
    definition: Definition
    unfinished: Unfinished
    deaths: Rules
    areas: Rules
    reasons: dict[str, str]
    families_needed: Annotated[int, Field(ge=1)]
    residents: tuple[Sign | Exclusion, ...]
    attributes: tuple[Attribute, ...]


class RuleSet(Frozen):
    """A rule file: what describes it, and a part for each of the two stages; `path` is where it was read."""

    path: Path = Field(exclude=True)
    id: RuleId
    title: str
    says: str
    evidence: EvidenceRules
    people: PersonRules

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rules: comments, layout and the place of the file do not matter."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
