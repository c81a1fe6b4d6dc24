"""The models of a rule file: evidence rules, and the rules that make attributes, stays and residents of people.

A rule is data: these models define its keys and their meaning, the SQL of the package carries it out. The models of
stay rules are with the SQL of their form, in `rules/forms/`.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, model_validator

from pipeline.toml_files import Frozen
from rules.families import ResidentFamily
from rules.fields import (
    Age,
    Cases,
    Codes,
    Days,
    EvidenceIds,
    Months,
    Probability,
    RuleId,
    Share,
    SomeDays,
    Times,
    Weeks,
    Years,
)
from rules.forms.by_group import ByGroup
from rules.forms.crossings_rule import CrossingsRule
from rules.forms.stay_rule import SpellRule, StayRule
from rules.groups import Group, exhaustive
from rules.other_rows import OtherRows
from rules.parameters import Parameter, parameters_in
from rules.sql_text import ListValue

EvidenceKind = Literal[
    "arrival", "departure", "activity", "registration", "deregistration", "enrolment",
    "permission", "address", "status_change", "birth", "death",
]  # fmt: skip


class EvidenceRule(Frozen):
    """What a record of one extract shows; `when`, dates, `value` and `code` are expressions over its columns.

    `other_rows` are predicates over other rows of the same subject, which its expressions name; `parameters` are its
    own values, which they name as `$name`.
    """

    id: RuleId
    says: str
    source: str
    extract: str = ""
    kind: EvidenceKind
    date: str
    end_date: str | None = None
    when: str | None = None
    other_rows: dict[RuleId, OtherRows] = Field(default_factory=dict)
    value: str | None = None
    code: str | None = None
    known_on: str | None = None
    date_quality: Literal["exact", "registered", "self_reported", "tax_year", "month"] = "exact"
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    source_of_rule: str

    @model_validator(mode="before")
    @classmethod
    def _extract_named_like_its_source(cls, data: Any) -> Any:
        if isinstance(data, dict) and "unless" in data:
            raise ValueError(
                "'unless' is no longer a key. Declare what other rows must not show, and name it: "
                "other_rows = { before = { earlier = \"...\" } }, and in 'when': not before"
            )
        return {"extract": data.get("source", ""), **data} if isinstance(data, dict) else data


class Definition(Frozen):
    """A composite definition: exclusive groups of people; the first that applies counts.

    Where two rules tell of one person, a spell of the next rule that begins at most `same_arrival_days` before an
    arrival is about that arrival; and a person whose permission ended had not left, who is present by the next rule
    `still_here_days` later.
    """

    id: RuleId
    says: str
    same_arrival_days: Days
    still_here_days: Days
    groups: Annotated[tuple[Group, ...], AfterValidator(exhaustive)] = Field(min_length=1)


class Unfinished(Frozen):
    """How stays and absences too recent to be classified are counted: at the share of the year before.

    Cases are grouped in bands of `band_days`; the share of a group is drawn towards that of all, as if `prior_cases`
    more had it. A stay that is dated again a year later is the same if it begins, or ends, at most `same_stay_days`
    from where it did. Without any case of the year before, `probability_without_cases` counts. With `count_late`,
    cases that will become known later count in the last `late_years`: as many as in the year before, and more
    as known cases do, as if `prior_cases_of_growth` more had not.
    """

    says: str
    band_days: SomeDays
    prior_cases: Cases
    late_years: Years
    prior_cases_of_growth: Cases
    same_stay_days: Days
    probability_without_cases: Probability
    count_late: bool = True


class PossiblyOneRule(Frozen):
    """What two people of the run who may be one make of their migrations.

    Two people count as such from `from_probability` on. Migrations of both that are at most `same_move_days` apart
    are the same move if they are one.
    """

    says: str
    from_probability: Probability
    same_move_days: Days


class Household(Frozen):
    """Whom children follow: mothers by the registration of births, and adults of one family name at one address.

    `homes` are sources that record names and addresses. Children `below_age`, younger than the adult by at least
    `younger_by_at_least` and at most `younger_by_at_most`, whose stays are by one of the stay rules `follows`, leave
    and return with the last adult, unless they give one of the `signs` of presence `sign_after_days` later.
    """

    says: str
    homes: tuple[str, ...]
    follows: tuple[RuleId, ...] = Field(min_length=1)
    signs: EvidenceIds = ()
    below_age: Age
    younger_by_at_least: Age
    younger_by_at_most: Age
    sign_after_days: Days


class Nationality(Frozen):
    """How likely each nationality group is for people whom sources contradict, or tell nothing of.

    A value in one of the places `certain` holds unless another of them contradicts it. Everybody else is compared
    with people alike: with or without evidence of `arrivals`, of `activity`, of `births`, and born in the same
    `born_within` years. `source_is_right` is the share of right values that a source is assumed to report before any
    are compared, as `prior_cases` people would show; rates among people alike are drawn towards those of all people
    likewise. `asked_now` are columns of sources that ask people what they are now, whatever they have been: they
    make the view `current`, in which people are alike if their evidence spans as many times `known_within` days.
    People younger than `children_below` on the data date are compared with each other before they are with anybody
    else. If
    the share `mothers_known` of children born here have a linked mother, the mothers of others are on no register.
    """

    says: str
    certain: tuple[str, ...] = Field(min_length=1)
    arrivals: EvidenceIds = ()
    activity: EvidenceIds = ()
    births: EvidenceIds = ()
    asked_now: tuple[str, ...] = ()
    born_within: Years
    children_below: Age
    known_within: SomeDays
    source_is_right: Share
    mothers_known: Share
    prior_cases: Cases
    source_of_rule: str


class Sign(Frozen):
    """A sign of residence on a reference date: evidence in a window that begins `months_before` it.

    `at` says which part of the evidence must be in the window: its start, its end, or any of it (overlap). The sign
    does not count for people with evidence of `never_with` that ended by the date, nor, if `below_age` is given, for
    people of that age or older on the date. `source_family` is the kind of sources that it comes from.
    """

    id: RuleId
    says: str
    form: str
    source_family: str
    evidence: EvidenceIds = Field(min_length=1)
    at: Literal["start", "end", "overlap"] = "start"
    months_before: Months
    months_after: Months | None = None
    never_with: EvidenceIds = ()
    below_age: Age | None = None


class AnySign(Sign):
    """A sign by any evidence in the window."""

    form: Literal["any"]


class CountSign(Sign):
    """A sign by at least so many pieces of evidence in the window."""

    form: Literal["count"]
    at_least: Times


class WeeksSign(Sign):
    """A sign by evidence in the window whose values, weeks of activity, add up to at least so many."""

    form: Literal["weeks"]
    at_least: Weeks


class Exclusion(Frozen):
    """Why a person with signs of residence is not a resident on a date.

    `dead`: died by then. `short_stay`: during or after a short-term stay.
    """

    id: RuleId
    says: str
    form: Literal["dead", "short_stay"]


class Away(Frozen):
    """After a departure (by the published definition), and before the next arrival or the first one.

    An absence not yet long enough counts as a departure if it is at least as likely as `from_probability` to last.
    """

    id: RuleId
    says: str
    form: Literal["away"]
    from_probability: Probability


class Unlikely(Frozen):
    """In an unfinished stay whose probability of being long-term is below `below_probability`."""

    id: RuleId
    says: str
    form: Literal["unlikely"]
    below_probability: Probability


class Removed(Frozen):
    """Removed from a register by the date, by `evidence` (with one of `codes`, if given), and not seen again since.

    People are seen again by evidence of `returns` after the removal, up to the date.
    """

    id: RuleId
    says: str
    form: Literal["removed"]
    evidence: EvidenceIds = Field(min_length=1)
    codes: Codes = ()
    returns: EvidenceIds = ()


AnyExclusion = Exclusion | Away | Unlikely | Removed
ResidentRule = AnySign | CountSign | WeeksSign | AnyExclusion
RESIDENT_FORMS: dict[str, type[ResidentRule]] = {
    "any": AnySign, "count": CountSign, "weeks": WeeksSign,
    "dead": Exclusion, "away": Away, "short_stay": Exclusion, "unlikely": Unlikely, "removed": Removed,
}  # fmt: skip

NATIONALITY = "nationality_group"
MOTHER, FAMILY = "mother", "family"
"""Words that, among the places from which an attribute is read, mean the value of the mother, or of the family."""


class ValueMap(Frozen):
    """How a value becomes a group: the first list that contains it, else `otherwise`."""

    lists: dict[str, str]
    otherwise: str


AttributeId = Literal["sex", "birth_month", "nationality_group", "country_of_birth"]


class Attribute(Frozen):
    """One attribute of a person, from the first place in `read` (`extract.column`) that has a value.

    Of several values in one extract the most frequent counts, then the latest. The word `mother` in the list stands
    for the mother's value in the places before it; `family`, wherever it is, for that of most adults of the family
    of a person without any. `only` gives, for a place, the lists whose values are trusted there. `groups` maps a
    value to a group by named lists; `default` is for people without a value in any source. Nationality has none: who
    has no value is of each group with a probability (`Nationality`).
    """

    id: AttributeId
    says: str
    read: tuple[str, ...] = Field(min_length=1)
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: ValueMap | None = None
    default: str | None = None


Lists = dict[str, tuple[ListValue, ...]]


class EvidenceRules(Frozen):
    """What the stage `evidence` is given: the evidence rules, and the lists and parameters that they name."""

    lists: Lists
    parameters: dict[str, Parameter]
    rules: tuple[EvidenceRule, ...]


class PersonRules(Frozen):
    """What the stage `stays` is given: the rules that make attributes, stays, migrations and residents.

    `deaths` and `areas` are evidence rules in order of precedence; `reasons` maps codes of evidence to reasons for
    migration; `families` say who is a resident, of which `published_family` counts in the stocks. `published` is the
    definition by which migrations and residents are decided: the composite, unless a study chooses one of the stay
    rules.
    """

    lists: Lists
    stays: tuple[SerializeAsAny[StayRule], ...]
    definition: Definition
    published: RuleId
    unfinished: Unfinished
    possibly_one: PossiblyOneRule | None
    household: Household | None
    nationality: Nationality
    deaths: EvidenceIds
    areas: EvidenceIds
    reasons: dict[str, str]
    residents: tuple[ResidentRule, ...]
    families: tuple[SerializeAsAny[ResidentFamily], ...]
    published_family: RuleId
    attributes: tuple[Attribute, ...]

    @property
    def definitions(self) -> tuple[RuleId, ...]:
        """The ids of all definitions: the composite, and every stay rule."""
        return (self.definition.id, *(one.id for one in self.stays))

    @property
    def spell_rules(self) -> tuple[SpellRule, ...]:
        """The stay rules that make spells of presence, from which groups of the composite choose."""
        return tuple(one for one in self.stays if isinstance(one, SpellRule))

    @property
    def group_rules(self) -> tuple[ByGroup, ...]:
        """The stay rules that measure each spell by the rule of its group."""
        return tuple(one for one in self.stays if isinstance(one, ByGroup))

    @property
    def crossings_rules(self) -> tuple[CrossingsRule, ...]:
        """The stay rules that look at crossings of the border alone."""
        return tuple(one for one in self.stays if isinstance(one, CrossingsRule))

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The signs of residence among the rules on residents."""
        return tuple(one for one in self.residents if isinstance(one, Sign))

    @property
    def exclusions(self) -> tuple[AnyExclusion, ...]:
        """The reasons, among the rules on residents, why a person with signs is no resident."""
        return tuple(one for one in self.residents if not isinstance(one, Sign))


class ExtendedSet(Frozen):
    """A set that another extends, as it was when it was read."""

    id: RuleId
    digest: str


class RuleSet(Frozen):
    """A rule file: what describes it, and a part for each of the two stages.

    `path` is where it was read; `written_in` the file that states a rule, by kind and id, where it is not that one;
    `extends` the sets that it was made from, the nearest first; `declared` the parameters of the whole file.
    """

    path: Path = Field(exclude=True)
    written_in: dict[tuple[str, str], Path] = Field(default_factory=dict, exclude=True)
    extends: tuple[ExtendedSet, ...] = Field(default=(), exclude=True)
    declared: frozenset[str] = Field(default=frozenset(), exclude=True)
    id: RuleId
    title: str
    says: str
    evidence: EvidenceRules
    people: PersonRules

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rules: comments, layout and the place of the file do not matter."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every declared value, by its id: `rule.parameter`, or the name of one of the whole file."""
        return parameters_in(self)

    def place(self, kind: str, rule: str) -> str:
        """Return where a rule is written, for messages."""
        file = self.written_in.get((kind, rule), self.path)
        extended = "" if file == self.path else f" (extended by {self.path.name})"
        return f"{file}{extended}, {kind} rule '{rule}'"
