"""What a model compares: nested levels over hashed features, and the rules that propose pairs.

Only equality of tokens is ever asked for. Fuzziness comes from composites hashed at ingest (a sound code with
the year of birth, a prefix with the month of birth), after C. Plachta, "Derive and Conquer", International
Journal of Population Data Science 5 (2020). There is one address comparison with nested levels: street, town
and postcode as fields of their own would count one move of house several times and lose nearly all movers.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Level:
    """One degree of agreement: the first level of a comparison whose condition holds is the pair's.

    `columns` are all compared by `either`: one of them must agree. `values_seen` are lists of every value a
    source ever held: one value in common is enough. `frequency` weighs agreement by the frequency of the value
    (`columns` must then be one column). A level that is `neutral` speaks for and against nothing.
    """

    name: str
    columns: tuple[str, ...] = ()
    values_seen: tuple[str, ...] = ()
    frequency: bool = False
    neutral: bool = False

    @property
    def condition(self) -> str:
        """The SQL condition over `<column>_l` and `<column>_r`; ELSE for the last level."""
        equal = [f"{column}_l = {column}_r" for column in self.columns]
        shared = [f"list_has_any({column}_l, {column}_r)" for column in self.values_seen]
        return " OR ".join(equal + shared) or "ELSE"


@dataclass(frozen=True)
class Comparison:
    """One thing that is compared: levels from full agreement down to none of it.

    `presumes` names a column on which a pair must agree for some level to be possible at all, because the
    level's composite contains it. Chance agreement is therefore measured among pairs that agree on it, or
    else that agreement would be counted twice: here, and in the comparison it belongs to.
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
        return {self.column}.union(*(level.columns + level.values_seen for level in self.levels))


COMPARISONS = (
    Comparison(
        "given_name",
        "given_name",
        (
            Level("equal", ("given_name",), frequency=True),
            Level("known", values_seen=("given_names",)),
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
            Level("known", values_seen=("family_names",)),
            # counted once, with the given name
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
            Level("known_postcode", values_seen=("postcodes",)),
            Level("same_area", ("area",)),
            Level("elsewhere"),
        ),
    ),
)

# Two components each, so that one wrong value never hides a pair; most do without the address, for movers.
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

# Not known to be two people: settled with one another, or neither of them settled with anybody.
NOT_KNOWN_TO_BE_TWO = "l.settled IS NOT DISTINCT FROM r.settled"

# Each rule trains what it does not read; between them they train everything, and the address is trained among
# movers and stayers alike.
TRAINING_RULES = (("date_of_birth",), ("given_name", "postcode"))
# Fewer comparisons cannot tell two classes of pairs apart (L. Goodman 1974, Biometrika 61, section 2).
LEAST_COMPARISONS = 3


def comparable(columns: Collection[str]) -> list[Comparison]:
    """Return the comparisons, and their levels, for which two sources have `columns` in common."""
    have = set(columns)
    found = []
    for comparison in COMPARISONS:
        levels = tuple(_possible(level, have) for level in comparison.levels[:-1])
        kept = tuple(level for level in levels if level.condition != "ELSE")
        if comparison.column in have and kept:
            presumed = comparison.presumes if comparison.presumes in have else None
            found.append(replace(comparison, levels=(*kept, comparison.levels[-1]), presumes=presumed))
    return found


def _possible(level: Level, have: set[str]) -> Level:
    return replace(
        level,
        columns=tuple(column for column in level.columns if column in have),
        values_seen=tuple(column for column in level.values_seen if column in have),
    )


def usable(rules: Collection[tuple[str, ...]], columns: Collection[str]) -> list[tuple[str, ...]]:
    """Return the rules all of whose columns the two sources have in common."""
    return [rule for rule in rules if set(rule) <= set(columns)]


def agree(rule: tuple[str, ...], *further: str) -> str:
    """Return the SQL condition of a rule: `l` and `r` agree on `further` columns and on all of its own."""
    return " AND ".join(f"l.{column} = r.{column}" for column in (*further, *rule))
