"""What a model compares: nested levels over hashed features, and the rules that propose pairs.

Tokens are only ever tested for equality. Similarity is measured by composites hashed at ingest (a sound code with
the year of birth, a prefix with the month of birth), after C. Plachta, "Derive and Conquer", International
Journal of Population Data Science 5 (2020). There is one address comparison with nested levels: street, town
and postcode as separate fields would count one move several times and lose nearly all movers.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Level:
    """One degree of agreement: a pair is at the first level of a comparison whose condition it meets.

    A pair meets it by agreeing on any of `columns`, or by sharing a value of any of `value_lists` (every value that a
    source ever recorded). `frequency` weighs agreement by the frequency of the value (`columns` must then be one
    column). A level that is `neutral` is no evidence either way.
    """

    name: str
    columns: tuple[str, ...] = ()
    value_lists: tuple[str, ...] = ()
    frequency: bool = False
    neutral: bool = False

    @property
    def condition(self) -> str:
        """The SQL condition over `<column>_l` and `<column>_r`; ELSE for the last level."""
        equal = [f"{column}_l = {column}_r" for column in self.columns]
        in_common = [f"list_has_any({column}_l, {column}_r)" for column in self.value_lists]
        return " OR ".join(equal + in_common) or "ELSE"


@dataclass(frozen=True)
class Comparison:
    """One attribute that is compared: levels from full agreement down to disagreement.

    `presumes` names a column on which a pair must agree for some level to be possible at all, because the
    level's composite contains it. u is therefore estimated among pairs that agree on it; otherwise that
    agreement would be counted twice, here and in the comparison to which it belongs.
    """

    name: str
    column: str
    levels: tuple[Level, ...]
    presumes: str | None = None

    @property
    def missing(self) -> str:
        """The SQL condition of a pair that cannot be compared."""
        return f"{self.column}_l IS NULL OR {self.column}_r IS NULL"

    @property
    def case(self) -> str:
        """The SQL expression of a pair's level, numbered from 0; null if it cannot be compared."""
        whens = " ".join(f"WHEN {one.condition} THEN {at}" for at, one in enumerate(self.levels[:-1]))
        return f"CASE WHEN {self.missing} THEN NULL {whens} ELSE {len(self.levels) - 1} END"

    @property
    def columns(self) -> set[str]:
        """All columns that the levels read."""
        return {self.column}.union(*(level.columns + level.value_lists for level in self.levels))


COMPARISONS = (
    Comparison(
        "given_name",
        "given_name",
        (
            Level("equal", ("given_name",), frequency=True),
            Level("known", value_lists=("given_names",)),
            Level("reordered", ("full_name",)),
            Level("similar", ("given_sound_birth_year", "given_prefix_birth_month")),
            Level("different"),
        ),
        presumes="birth_month",
    ),
    Comparison(
        "family_name",
        "family_name",
        (
            Level("equal", ("family_name",), frequency=True),
            Level("known", value_lists=("family_names",)),
            # counted with the given name, not again
            Level("reordered", ("full_name",), neutral=True),
            Level("similar", ("family_sound_birth_year", "family_prefix_birth_month")),
            Level("different"),
        ),
        presumes="birth_month",
    ),
    Comparison(
        "date_of_birth",
        "date_of_birth",
        (
            Level("equal", ("date_of_birth",), ("dates_of_birth",)),
            Level("day_and_month_swapped", ("birth_day_month_sorted",)),
            Level("one_part_differs", ("birth_month", "birth_month_day", "birth_year_day")),
            Level("different"),
        ),
        presumes="sex",
    ),
    Comparison("sex", "sex", (Level("equal", ("sex",)), Level("different"))),
    Comparison(
        "address",
        "postcode",
        (
            Level("same_postcode", ("postcode",)),
            Level("known_postcode", value_lists=("postcodes",)),
            Level("same_area", ("area",)),
            Level("elsewhere"),
        ),
    ),
)

# Two components each, so that one wrong value never loses a pair; most do not use the address, for movers.
BLOCKING_RULES = (
    ("date_of_birth", "family_name"),
    ("date_of_birth", "given_name"),
    ("initials_date_of_birth",),
    ("full_name", "birth_month"),
    ("given_name", "family_sound_birth_year"),
    ("family_name", "given_sound_birth_year"),
    ("full_name", "birth_month_day"),
    ("date_of_birth", "postcode"),
    ("given_name", "postcode"),
    ("family_prefix_birth_month", "given_prefix_birth_month"),
)

# Each rule trains the comparisons that it does not use; together they train all of them, and the address is trained
# on movers and stayers alike.
TRAINING_RULES = (("date_of_birth",), ("given_name", "postcode"))
# Two classes of pairs cannot be identified from fewer comparisons (L. Goodman 1974, Biometrika 61, section 2).
MINIMUM_COMPARISONS = 3


def comparable(columns: Collection[str]) -> list[Comparison]:
    """Return the comparisons, and their levels, for which two sources have `columns` in common."""
    shared = set(columns)
    comparisons = []
    for comparison in COMPARISONS:
        levels = tuple(_possible(level, shared) for level in comparison.levels[:-1])
        kept = tuple(level for level in levels if level.condition != "ELSE")
        if comparison.column in shared and kept:
            presumed = comparison.presumes if comparison.presumes in shared else None
            comparisons.append(replace(comparison, levels=(*kept, comparison.levels[-1]), presumes=presumed))
    return comparisons


def _possible(level: Level, shared: set[str]) -> Level:
    return replace(
        level,
        columns=tuple(column for column in level.columns if column in shared),
        value_lists=tuple(column for column in level.value_lists if column in shared),
    )


def usable(rules: Collection[tuple[str, ...]], columns: Collection[str]) -> list[tuple[str, ...]]:
    """Return the rules whose columns the two sources all have in common."""
    return [rule for rule in rules if set(rule) <= set(columns)]


def agree(rule: tuple[str, ...], *further: str) -> str:
    """Return the SQL condition of a rule: `l` and `r` agree on `further` columns and on all of its own."""
    return " AND ".join(f"l.{column} = r.{column}" for column in (*further, *rule))
