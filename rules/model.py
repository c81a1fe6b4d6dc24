"""The models of a rule file: evidence rules, and the rules that make attributes, stays and residents of people.

A rule is data: these models define its keys and their meaning, the SQL of the package carries it out. The models of
stay rules are with the SQL of their form, in `rules/forms/`.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from pipeline.toml_files import Frozen
from rules.fields import Days, EvidenceIds, RuleId
from rules.forms.stay_rule import StayRule
from rules.sql_text import ListValue

EvidenceKind = Literal[
    "arrival", "departure", "activity", "registration", "deregistration", "enrolment",
    "permission", "address", "status_change", "birth", "death",
]  # fmt: skip


class Unless(Frozen):
    """What stops an evidence rule from firing: an `earlier` record of the same subject that meets this condition."""

    earlier: str


class EvidenceRule(Frozen):
    """What a record of one extract shows; `when`, dates, `value` and `code` are expressions over its columns."""

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


class Group(Frozen):
    """People measured by one stay rule: those with any of `evidence` (empty: everyone else)."""

    id: RuleId
    says: str
    evidence: EvidenceIds = ()
    stay: str


class Definition(Frozen):
    """A composite definition: exclusive groups of people; the first that applies counts."""

    id: RuleId
    says: str
    groups: tuple[Group, ...] = Field(min_length=1)

    @field_validator("groups")
    @classmethod
    def _exhaustive(cls, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        if groups[-1].evidence or not all(group.evidence for group in groups[:-1]):
            raise ValueError("only the last group may, and must, be for everyone else (without 'evidence')")
        return groups


class Unfinished(Frozen):
    """How stays and absences too recent to be classified are counted: at the share of the year before.

    Cases are grouped in bands of `band_days`; the share of a group is drawn towards that of all, as if `prior_cases`
    more had it. With `weigh_late`
    the known cases of a year that is not final also represent those that become known later.
    """

    band_days: Annotated[int, Field(ge=1, le=36_600)] = 92
    prior_cases: Annotated[int, Field(ge=0, le=1_000_000_000)] = 10
    minimum_cases: Annotated[int, Field(ge=1, le=1_000_000_000)] = 30
    weigh_late: bool = True


class Family(Frozen):
    """Whom children follow: mothers by the registration of births, and adults of one family name at one address.

    `homes` are sources that record names and addresses. Children `below_age`, younger than the adult by at least and
    at most `years_younger`, whose stays are by one of the stay rules `follows`, leave and return with the last adult,
    unless they give one of the `signs` of presence `sign_after_days` later.
    """

    homes: tuple[str, ...] = ()
    follows: tuple[RuleId, ...] = ()
    below_age: Annotated[int, Field(ge=0, le=120)] = 18
    years_younger: tuple[int, int] = (16, 50)
    signs: EvidenceIds = ()
    sign_after_days: Days = 60


class Sign(Frozen):
    """A sign of residence on a reference date: evidence in a window that begins `months_before` it.

    `at` says which part of the evidence must be in the window: its start, its end, or any of it (overlap). The sign
    does not count for people with evidence of `never_with` that ended by the date, nor, if `below_age` is given, for
    people of that age or older on the date.
    """

    id: RuleId
    says: str
    form: Literal["sign"]
    family: str
    evidence: EvidenceIds = Field(min_length=1)
    at: Literal["start", "end", "overlap"] = "start"
    months_before: Annotated[int, Field(ge=0, le=1200)] = 12
    months_after: Annotated[int, Field(ge=0, le=1200)] = 0
    never_with: EvidenceIds = ()
    below_age: Annotated[int, Field(ge=1, le=120)] | None = None


class Exclusion(Frozen):
    """Why a person with signs of residence is not a resident on a date.

    `dead`: died by then. `away`: after a departure for good (by the published definition) and before the next
    arrival. `short_stay`: during or after a short-term stay. `unlikely`: in an unfinished stay whose probability is
    below `below_probability`.
    """

    id: RuleId
    says: str
    form: Literal["dead", "away", "short_stay", "unlikely"]
    below_probability: Annotated[float, Field(ge=0, le=1)] = 0.5


RESIDENT_FORMS: dict[str, type[Sign | Exclusion]] = {
    "sign": Sign, "dead": Exclusion, "away": Exclusion, "short_stay": Exclusion, "unlikely": Exclusion,
}  # fmt: skip

MOTHER = "mother"
"""The word that, among the places from which an attribute is read, means the value of the person's mother."""


class ValueMap(Frozen):
    """How a value becomes a group: the first list that contains it, else `otherwise`."""

    lists: dict[str, str]
    otherwise: str


AttributeId = Literal["sex", "birth_month", "nationality_group", "country_of_birth"]


class Attribute(Frozen):
    """One attribute of a person, from the first place in `read` (`extract.column`) that has a value.

    Of several values in one extract the most frequent counts, then the latest. The word `mother` in the list stands
    for the mother's value in the places before it. `only` gives, for a place, the lists whose values are trusted
    there. `groups` maps a value to a group by named lists; `default` is for people without a value in any source.
    """

    id: AttributeId
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
    migration; a resident has signs of at least `families_needed` families. `published` is the definition by which
    migrations and residents are decided: the composite, unless a study chooses one of the stay rules.
    """

    lists: Lists
    stays: tuple[SerializeAsAny[StayRule], ...]
    definition: Definition
    published: RuleId
    unfinished: Unfinished
    family: Family
    deaths: EvidenceIds
    areas: EvidenceIds
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
