"""What is compared of two subjects: nested levels over hashed features.

Tokens are only ever tested for equality. Similarity is measured by composites hashed at ingest
(`pipeline.ingest.features`): a code of a name with a partner, after J. Plachta, C. Tomlin and R. Shipsey (2020),
"Data linkage of hashed data: Derive and Conquer", International Journal of Population Data Science 5. There is one
address comparison with nested levels: street, town and postcode as separate fields would count one move several times
and lose nearly all movers.

Conditions are SQL over the subjects `l` and `r` of a pair; a condition that is null counts as false.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.ingest.features import CODES, COMPOSITES, PARTNERS


@dataclass(frozen=True)
class Level:
    """One degree of agreement: a pair is at the first level of a comparison whose condition it meets.

    `frequency` names the column whose value is weighed by its frequency at this level. The level is possible if two
    sources both record at least `at_least` of the columns `of` (`|` joins alternatives). A level that is `neutral` is
    no evidence either way.
    """

    name: str
    condition: str
    frequency: str | None = None
    neutral: bool = False
    of: tuple[str, ...] = ()
    at_least: int = 1

    def is_possible(self, columns: Collection[str]) -> bool:
        """Return whether a pair can be at this level, if its sources both record `columns`."""
        recorded = [any(name in columns for name in one.split("|")) for one in self.of]
        return not self.of or sum(recorded) >= self.at_least


@dataclass(frozen=True)
class Comparison:
    """One attribute that is compared: levels from full agreement down to disagreement.

    `kinds` are the attributes of which both sources need at least one. A pair that meets `unknown` cannot be
    compared. `presumes` names an attribute that composites of some levels contain, so that mostly pairs that agree on
    it can be at these levels. u is estimated among such pairs; otherwise their agreement would be counted twice, here
    and in the comparison of that attribute. `stated` is the name under which its probabilities are stated, where that
    is not its own.
    """

    name: str
    kinds: frozenset[str]
    unknown: str
    levels: tuple[Level, ...]
    presumes: str | None = None
    stated: str | None = None

    @property
    def stated_as(self) -> str:
        """The name under which the probabilities of the levels are stated."""
        return self.stated or self.name

    @property
    def case(self) -> str:
        """The SQL expression of a pair's level, numbered from 0; null if it cannot be compared."""
        whens = " ".join(f"WHEN {one.condition} THEN {at}" for at, one in enumerate(self.levels[:-1]))
        return f"CASE WHEN {self.unknown} THEN NULL {whens} ELSE {len(self.levels) - 1} END"


def as_of_splink(condition: str) -> str:
    """Return a condition in the words of Splink: `column_l` for `l.column`."""
    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)


def same(*columns: str) -> str:
    """Return the condition that a pair agrees on any of the columns."""
    return " OR ".join(f"l.{column} = r.{column}" for column in columns)


def _both(*columns: str) -> str:
    return " OR ".join(f"(l.{column} IS NOT NULL AND r.{column} IS NOT NULL)" for column in columns)


def _true(condition: str) -> str:
    return f"coalesce({condition}, FALSE)"


def _shares(column: str) -> str:
    return f"list_has_any(l.{column}, r.{column})"


def _alike(name: str, codes: int) -> str:
    """Return the condition that at least so many codes of two names agree, each with any of its partners."""
    agreements = [
        _true(same(*(f"{name}_{code}_{partner}" for partner in PARTNERS[name]))) + "::INTEGER" for code in CODES
    ]
    return f"{' + '.join(agreements)} >= {codes}"


_SAME_YEAR = "l.birth_year_from <= r.birth_year_to AND r.birth_year_from <= l.birth_year_to"
_SAME_NAME = {
    # a name written in one word and in two (Maryann, Mary Ann) is a known name: only equal values have a frequency
    "given": same("first_name"),
    "family": same("family_name"),
}
_ANY_ORDER = same("full_name")
_KNOWN = {"given": _shares("given_names"), "family": _shares("family_names")}
_VARIANT = _shares("given_variants")
_GIVEN_MOVED = "list_contains(r.name_parts, l.first_name) OR list_contains(l.name_parts, r.first_name)"
_MOVED = {
    "given": _GIVEN_MOVED,
    # a part that the given name has in common is not counted again
    "family": "(list_has_any(l.family_parts, r.name_parts) OR list_has_any(l.name_parts, r.family_parts)) AND "
    f"len(list_intersect(l.name_parts, r.name_parts)) >= CASE WHEN {_GIVEN_MOVED} THEN 2 ELSE 1 END",
}
# The codes of two names can only agree if one of their partners does.
_PARTNER_AGREES = {
    "given": f"({_SAME_YEAR}) OR {same('birth_decade_month_day', 'family_name', 'postcode')}",
    "family": f"({_SAME_YEAR}) OR {same('birth_decade_month_day', 'first_name', 'postcode')}",
}
_INITIAL = (
    f"(l.first_name IS NULL OR r.first_name IS NULL) AND ({same('given_initial_birth', 'given_initial_family_name')})"
)


def _not_comparable(name: str, column: str, *levels: str) -> str:
    """Return the condition that no level says anything: a name is unknown, or no partner of its codes agrees."""
    at_a_level = " OR ".join(f"({level})" for level in levels)
    unknown = f"l.{column} IS NULL OR r.{column} IS NULL OR NOT {_true(_PARTNER_AGREES[name])}"
    return f"({unknown}) AND NOT {_true(at_a_level)}"


_OF_MIDDLE = tuple(name for name, parts in COMPOSITES.items() if parts[0] == "middle_initial")
_HAS_MIDDLE = " AND ".join(
    f"coalesce({', '.join(f'{side}.{name}' for name in ('middle_name', *_OF_MIDDLE))}) IS NOT NULL" for side in "lr"
)
_MIDDLE_INITIAL = same(*_OF_MIDDLE)
_MIDDLE_PARTNER_AGREES = f"({_SAME_YEAR}) OR " + same(
    "birth_decade_month_day", "first_name", "family_name", "postcode"
)
_DWELLING = same("house_street", "house_postcode")
_PLACES = " + ".join(
    f"{_true(condition)}::INTEGER" for condition in (_DWELLING, same("postcode"), same("street"), same("locality"))
)
_PARTS_OF_ADDRESS = ("house_street|house_postcode", "postcode", "street", "locality")
_DAYS_APART = "abs(date_diff('day', l.first_arrival, r.first_arrival))"

COMPARISONS = (
    Comparison(
        "given_name",
        frozenset({"given_name"}),
        _not_comparable(
            "given", "first_name",
            _SAME_NAME["given"], _ANY_ORDER, _KNOWN["given"], _VARIANT, _MOVED["given"], _INITIAL,
        ),
        (
            Level("equal", _SAME_NAME["given"], frequency="first_name"),
            Level("reordered", _ANY_ORDER),
            Level("known", _KNOWN["given"]),
            Level("variant", _VARIANT),
            Level("elsewhere_in_the_name", _MOVED["given"]),
            Level("initial", _INITIAL),
            Level("alike", _alike("given", 2)),
            Level("somewhat_alike", _alike("given", 1)),
            Level("different", "TRUE"),
        ),
        presumes="birth_year",
    ),
    Comparison(
        "middle_name",
        frozenset({"middle_name"}),
        f"NOT ({_HAS_MIDDLE}) OR NOT {_true(_MIDDLE_PARTNER_AGREES)}",
        (
            Level("equal", same("middle_name")),
            Level("initial", _MIDDLE_INITIAL),
            Level("different", "TRUE"),
        ),
        presumes="birth_year",
    ),
    Comparison(
        "family_name",
        frozenset({"family_name"}),
        _not_comparable(
            "family", "family_name", _SAME_NAME["family"], _ANY_ORDER, _KNOWN["family"], _MOVED["family"]
        ),
        (
            Level("equal", _SAME_NAME["family"], frequency="family_name"),
            # counted with the given name, not again
            Level("reordered", _ANY_ORDER, neutral=True),
            Level("known", _KNOWN["family"]),
            Level("elsewhere_in_the_name", _MOVED["family"]),
            Level("alike", _alike("family", 2)),
            Level("somewhat_alike", _alike("family", 1)),
            Level("different", "TRUE"),
        ),
        presumes="birth_year",
    ),
    Comparison(
        "date_of_birth",
        frozenset({"date_of_birth"}),
        "l.birth_year_from IS NULL OR r.birth_year_from IS NULL",
        (
            Level("equal", f"{same('date_of_birth')} OR {_shares('dates_of_birth')}"),
            Level("one_part_differs", same("birth_month", "birth_decade_month_day")),
            Level("year_alone", f"(l.birth_month IS NULL OR r.birth_month IS NULL) AND {_SAME_YEAR}"),
            Level("same_year", _SAME_YEAR),
            Level("different", "TRUE"),
        ),
    ),
    Comparison(
        "sex",
        frozenset({"sex"}),
        "l.sex IS NULL OR r.sex IS NULL",
        (Level("equal", same("sex")), Level("different", "TRUE")),
    ),
    Comparison(
        "address",
        frozenset({"postcode", "street", "locality"}),
        f"NOT ({_both('postcode', 'street', 'locality', 'area')})",
        (
            Level("three_parts", f"{_PLACES} >= 3", of=_PARTS_OF_ADDRESS, at_least=3),
            Level("two_parts", f"{_PLACES} >= 2", of=_PARTS_OF_ADDRESS, at_least=2),
            Level("same_postcode", same("postcode"), of=("postcode",)),
            Level("known_postcode", _shares("postcodes"), of=("postcode",)),
            Level("one_part", f"{_PLACES} >= 1", of=("street", "locality")),
            Level("same_area", same("area"), of=("area",)),
            Level("elsewhere", "TRUE"),
        ),
    ),
    Comparison(
        "nationality",
        frozenset({"nationality", "country_of_birth"}),
        f"NOT ({_both('nationality', 'country_of_birth')}"
        " OR (l.nationality IS NOT NULL AND r.country_of_birth IS NOT NULL)"
        " OR (l.country_of_birth IS NOT NULL AND r.nationality IS NOT NULL))",
        (
            Level("equal", same("nationality", "country_of_birth")),
            Level("nationality_of_the_country_of_birth",
                  "l.nationality = r.country_of_birth OR l.country_of_birth = r.nationality"),
            Level("different", "TRUE"),
        ),
    ),
    Comparison(
        "ethnic_group",
        frozenset({"ethnic_group"}),
        "l.ethnic_group IS NULL OR r.ethnic_group IS NULL",
        (Level("equal", same("ethnic_group")), Level("different", "TRUE")),
    ),
    Comparison(
        "arrival",
        frozenset({"first_arrival"}),
        "l.first_arrival IS NULL OR r.first_arrival IS NULL",
        (
            Level("within_a_month", f"{_DAYS_APART} <= 31"),
            Level("within_half_a_year", f"{_DAYS_APART} <= 183"),
            Level("within_two_years", f"{_DAYS_APART} <= 731"),
            Level("further_apart", "TRUE"),
        ),
    ),
)  # fmt: skip


def same_identifier(kind: str) -> Comparison:
    """Return the comparison of a direct identifier that is not unique, and therefore evidence like any other."""
    unknown = f"l.{kind} IS NULL OR r.{kind} IS NULL"
    levels = (Level("equal", same(kind)), Level("different", "TRUE"))
    return Comparison(kind, frozenset({kind}), unknown, levels, stated="identifier")


def comparable(comparisons: Collection[Comparison], left: Collection[str], right: Collection[str]) -> list[int]:
    """Return the places of the comparisons that two sources allow by the kinds of attributes that each records."""
    return [at for at, one in enumerate(comparisons) if _possible(one, set(left), set(right))]


def _possible(comparison: Comparison, left: set[str], right: set[str]) -> bool:
    if comparison.name == "nationality":  # compared with a country of birth too
        return bool(comparison.kinds & left and comparison.kinds & right)
    return bool(comparison.kinds & left & right)
