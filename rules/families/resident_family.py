"""What a form of residence rule must supply, and the keys that all forms share; `__init__.py` lists the forms."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated

import duckdb

from pipeline.toml_files import Frozen
from rules.families.trimming import by_source_family, trimming_depth
from rules.fields import NamesOf, RuleId
from rules.sql_text import position_in

SignIds = Annotated[tuple[str, ...], NamesOf("sign")]
ExclusionIds = Annotated[tuple[str, ...], NamesOf("exclusion")]


class ResidentFamily(Frozen):
    """A rule that says who is a usual resident on a reference date: candidates by `signs`, less those `unless`.

    Exclusions are tried in their order, and the first that applies decides.
    """

    id: RuleId
    says: str
    form: str
    unless: ExclusionIds = ()
    source_of_rule: str

    @property
    @abstractmethod
    def all_signs(self) -> tuple[str, ...]:
        """The ids of all signs that this family uses."""

    @property
    def memory_years(self) -> int:
        """How many years before the first reference date the family looks at signs."""
        return 0

    @property
    def presence(self) -> str:
        """SQL of the probability that a candidate is here, apart from what stays say: 1 unless a form knows it."""
        return "1.0"

    @property
    def present_from(self) -> str:
        """SQL of the probability from which a candidate is a resident."""
        return "0.0"

    def prepare(self, connection: duckdb.DuckDBPyConnection, years: Sequence[int]) -> tuple[str, ...]:
        """Make the tables that `candidates` reads beside the common ones; return why the family cannot be measured.

        `years` are those of the reference dates.
        """
        return ()

    @abstractmethod
    def candidates(self) -> str:
        """Return SQL of `person_id, reference_date, decided_by, trimming_depth`: who has enough signs on which date.

        It reads `residence_sign`, one row per person, date and sign near it (`person_id, reference_date, sign,
        source_family`, and whether it `counts`, or lies in the window `before` the date or in the one `after` it),
        `reference` (the dates that are wanted) and `person`. The signs may be of earlier dates than `reference`.
        """


def by_signs(signs: tuple[str, ...], families_needed: str, restriction: str = "true") -> str:
    """Return SQL of the candidates with signs of at least some families of sources; the first in order decides."""
    order = position_in(signs, "sign")
    return f"""
        SELECT person_id, reference_date, min_by(sign, {order}) FILTER (WHERE counts) AS decided_by,
            {trimming_depth()} AS trimming_depth
        FROM ({by_source_family(signs)})
            SEMI JOIN reference USING (reference_date) JOIN person USING (person_id)
        WHERE {restriction}
        GROUP BY person_id, reference_date
        HAVING count(*) FILTER (WHERE counts) >= {families_needed}"""
