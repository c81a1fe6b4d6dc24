"""The form `index`: a residency index with memory, which years with signs raise and years without lower.

Source of the method: the residency index of Statistics Estonia (Tiit and Maasing, 2016): R of a year is the share
`keeps` of R of the year before, and `gains` more in a year with a sign; residents have at least `resident_from`. A
person enters in the first year with a sign, at `starts_at`. Years end on the day of the reference date.
"""

from typing import Literal

from pydantic import Field

from rules.families.resident_family import ResidentFamily, SignIds
from rules.families.trimming import by_source_family, trimming_depth
from rules.fields import Points, Years
from rules.sql_text import position_in, quoted

MILLION_MILLIONTHS = 1_000_000_000_000
"""Sums of powers are added as whole numbers, so that they do not depend on the order of the rows."""


class Index(ResidentFamily):
    """Everybody whose index is at least `resident_from`; a sign of the year decides, or else the index itself.

    Signs of the last `memory_years` years before the reference date count.
    """

    form: Literal["index"]
    signs: SignIds = Field(min_length=1)
    keeps: Points
    gains: Points
    starts_at: Points
    resident_from: Points
    memory: Years

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of its signs."""
        return self.signs

    @property
    def memory_years(self) -> int:
        """How many years before the first reference date the family looks at signs."""
        return max(int(value) for value in self.memory.values.values())

    def candidates(self) -> str:
        """Return SQL of the candidates.

        With the first sign n years ago, R = starts_at x keeps^n + gains x (the sum of keeps^k over the later years
        with a sign, k years ago): the recursion written out.
        """
        values = (self.keeps, self.gains, self.starts_at, self.resident_from, self.memory)
        keeps, gains, starts_at, resident_from, memory = (one.at("reference_date") for one in values)
        years = "year(reference_date) - year(signed.day)"

        def term(years_ago: str) -> str:
            return f"CAST(round({MILLION_MILLIONTHS} * power({keeps}, {years_ago})) AS BIGINT)"

        return f"""
        SELECT person_id, reference_date, coalesce(sign_of_the_year, {quoted(self.id)}) AS decided_by,
            trimming_depth
        FROM (
            SELECT person_id, reference_date,
                {starts_at} * power({keeps}, max({years})) + {gains} * (sum({term(years)}) - {term(f"max({years})")})
                    / CAST({MILLION_MILLIONTHS} AS DOUBLE) AS points,
                any_value(sign) FILTER (WHERE signed.day = reference_date) AS sign_of_the_year,
                coalesce(max(depth) FILTER (WHERE signed.day = reference_date), 0) AS trimming_depth
            FROM (
                SELECT person_id, reference_date AS day, bool_or(counts) AS has_sign,
                    min_by(sign, {position_in(self.signs, "sign")}) FILTER (WHERE counts) AS sign,
                    {trimming_depth()} AS depth
                FROM ({by_source_family(self.signs)}) GROUP BY person_id, reference_date
                HAVING has_sign
            ) AS signed JOIN reference ON day <= reference_date AND {years} <= {memory}
            GROUP BY person_id, reference_date
        )
        WHERE round(points, 9) >= {resident_from}"""
