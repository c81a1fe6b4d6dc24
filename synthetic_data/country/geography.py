"""The map: ten parts (nine regions of England, and Wales), their authorities, and a postcode per fifteen people.

The map depends only on the size of the country, never on who lives in it, so that a person's addresses and the
sample of a survey are the same whichever parts of the country are simulated.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.rates import POSTCODE_RESIDENTS
from synthetic_data.country.tables import table
from synthetic_data.numbers.draws import Floats

Numbers = NDArray[np.int64]

_DISTRICTS = 99  # two digits after the letters of the area
_INWARD = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
_UNITS = 400  # two of the letters above
_SECTORS = 10
_EASE = (0.08, 0.20, 0.40, 0.70)
_EASE_IN_LONDON = (0.20, 0.45, 0.75, 0.95)
"""Shares of an authority's postcodes up to which they are harder to count: index 5, 4, 3, 2; the rest is 1."""
LONDON = "E12000007"
LONDON_PART = table("areas")["area"].to_list().index(LONDON)
IN_LONDON = 1.4
"""How much more often students from abroad study in London than other students do: a quarter of them (HESA, 2015)."""
OTHERS = 0.2
"""Newcomers who do not come to study are at least this share of an authority's newcomers."""
_NOT_TO_STUDY = pl.col("newcomers") - 178 * pl.col("students")
"""Yearly arrivals of students from abroad per thousand students of an authority: HESA counts about 130, and with
this rate London's share of National Insurance numbers is close to the published one."""


@cache
def authorities() -> pl.DataFrame:
    """Return the table of local authorities by part, then code, with the columns `part` and `letters`.

    Here `newcomers` excludes those who come to study; `students_from_abroad` is the weight of those who do.
    """
    areas = table("areas").with_row_index("part").select(pl.col("part").cast(pl.Int64), "area", "letters")
    return (
        table("local_authorities")
        .join(areas, left_on="region", right_on="area", how="left", validate="m:1")
        .with_columns(
            newcomers=pl.max_horizontal(OTHERS * pl.col("newcomers"), _NOT_TO_STUDY),
            students_from_abroad=pl.when(pl.col("region") == LONDON).then(IN_LONDON).otherwise(1.0)
            * pl.col("students"),
        )
        .sort("part", "authority")
    )


PARTS = range(10)


@cache
def part_residents(residents: int) -> list[int]:
    """Return how many of the first residents live in each part: rounded shares that sum to the country's total."""
    shares = authorities().group_by("part").agg(pl.col("residents").sum()).sort("part")["residents"].to_numpy()
    ends = np.floor(np.cumsum(shares) / shares.sum() * residents + 0.5).astype(np.int64)
    return np.diff(ends, prepend=0).tolist()


@dataclass(frozen=True)
class Map:
    """Postcodes of a country, by authority, then in decreasing order of the share of newcomers among their people.

    `postcode` is text; `authority` a row of `authorities()`; `part` 0 to 9; `hard_to_count` 1 (easy) to 5.
    """

    postcode: NDArray[np.object_]
    authority: Numbers
    hard_to_count: Numbers
    first: Numbers
    """The number of the first postcode of each authority."""
    count: Numbers

    @cached_property
    def part(self) -> Numbers:
        """The part of each postcode."""
        return authorities()["part"].to_numpy()[self.authority]

    @cached_property
    def text(self) -> pl.Series:
        """The postcodes as a column."""
        return pl.Series("postcode", self.postcode, dtype=pl.String)

    @cached_property
    def place(self) -> Numbers:
        """The place of each postcode in the order of their texts."""
        return self.text.rank("ordinal").to_numpy()

    def at(self, authority: Numbers, uniform: Floats) -> Numbers:
        """Return the postcode within its authority on which each draw falls."""
        return self.first[authority] + (uniform * self.count[authority]).astype(np.int64)


def draw_authority(uniform: Floats, column: str, part: Numbers | None = None) -> Numbers:
    """Return an authority (row) for each draw, by the weights in a column and within a part if one is given."""
    cumulated, of_part = _cumulated(column)
    low, high = cumulated[0], cumulated[-1]
    if part is not None:
        low, high = cumulated[of_part[part]], cumulated[of_part[part + 1]]
    found = np.searchsorted(cumulated, low + uniform * (high - low), side="right") - 1
    return np.minimum(found, len(cumulated) - 2)


@cache
def _cumulated(column: str) -> tuple[Floats, Numbers]:
    """Return the sum of the weights in a column before each authority, and the first authority of each part."""
    cumulated = np.concatenate([[0.0], np.cumsum(authorities()[column].to_numpy().astype(np.float64))])
    return cumulated, np.searchsorted(authorities()["part"].to_numpy(), np.arange(len(PARTS) + 1))


def draw_far_authority(uniform: Floats) -> Numbers:
    """Return an authority in the whole country for each draw: first the region by its weight, then within it."""
    weights = table("areas")["moves_to"].to_numpy() / table("areas")["moves_to"].sum()
    ends = np.cumsum(weights)
    part = np.minimum(np.searchsorted(ends, uniform, side="right"), len(ends) - 1)
    within = (uniform - (ends - weights)[part]) / weights[part]
    return draw_authority(np.clip(within, 0, 1 - 1e-12), "moves_in", part)


@cache
def share_of_parts(column: str) -> Floats:
    """Return the share of each part in the country's total of a column of the authorities."""
    totals = authorities().group_by("part").agg(pl.col(column).sum()).sort("part")[column].to_numpy().astype(float)
    return totals / totals.sum()


@cache
def country_map(residents: int) -> Map:
    """Return the map of a country with this number of residents: at least one postcode per authority."""
    table_of = authorities()
    share = table_of["residents"].to_numpy() / table_of["residents"].sum()
    count = np.maximum(np.ceil(share * residents / POSTCODE_RESIDENTS), 1).astype(np.int64)
    first = np.cumsum(count) - count
    authority = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(authority)) - first[authority]
    begin, districts = _districts()
    district, rest = begin[authority] + within % districts[authority], within // districts[authority]
    sector, unit = rest % _SECTORS, (rest // _SECTORS * 137 + rest % _SECTORS * 31) % _UNITS
    letters = table_of["letters"].to_numpy()[authority]
    outward = letters + district.astype(str).astype(object)
    text = outward + " " + sector.astype(str).astype(object) + _INWARD[unit // 20] + _INWARD[unit % 20]
    rank = (within + 0.5) / count[authority]
    london = (table_of["region"] == LONDON).to_numpy()[authority]
    hard = np.where(london, 5 - np.searchsorted(_EASE_IN_LONDON, rank), 5 - np.searchsorted(_EASE, rank))
    return Map(text, authority, hard, first, count)


def _districts() -> tuple[Numbers, Numbers]:
    """Return the first postcode district of each authority within its letters, and how many it has."""
    part, residents = authorities()["part"].to_numpy(), authorities()["residents"].to_numpy()
    begin, number = np.empty(len(part), dtype=np.int64), np.empty(len(part), dtype=np.int64)
    for one in PARTS:
        those = np.flatnonzero(part == one)
        spare = _DISTRICTS - len(those)
        number[those] = 1 + np.floor(spare * residents[those] / residents[those].sum()).astype(np.int64)
        begin[those] = 1 + np.cumsum(number[those]) - number[those]
    return begin, number


def area_lookup() -> pl.DataFrame:
    """Return the look-up of the study: `postcode_district` (outward code) and `area` (a code of nine characters)."""
    return _lookup().select("postcode_district", area="region").sort("postcode_district")


def authority_lookup() -> pl.DataFrame:
    """Return the authority of every postcode district: `postcode_district`, `local_authority` (code), `name`."""
    return _lookup().select("postcode_district", local_authority="authority", name="name").sort("postcode_district")


def _lookup() -> pl.DataFrame:
    begin, number = _districts()
    return (
        authorities()
        .with_columns(district=pl.Series([list(range(b, b + n)) for b, n in zip(begin, number, strict=True)]))
        .explode("district")
        .with_columns(postcode_district=pl.concat_str("letters", pl.col("district").cast(pl.String)))
    )
