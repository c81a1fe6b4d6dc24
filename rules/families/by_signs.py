"""The forms `priority` and `families`: residents are people with one sign, or with signs of several kinds of sources.

Sources of the method: ONS, Developing our approach for producing admin-based population estimates (2019): any sign of
activity in the year; ONS, Methodology of Statistical Population Dataset V2.0 (2016): present in two kinds of sources.
"""

from typing import Literal

from pydantic import Field

from rules.families.resident_family import ResidentFamily, SignIds, by_signs
from rules.fields import Families
from rules.sql_text import among


class Priority(ResidentFamily):
    """Everybody with a sign; the first in order decides.

    People with none but a `doubtful` sign are candidates of whom most have left: no residents, at the probability 0,
    which a calibration replaces by how many of them are here.
    """

    form: Literal["priority"]
    signs: SignIds = Field(min_length=1)
    doubtful: SignIds = ()

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of its signs."""
        return (*self.signs, *self.doubtful)

    @property
    def presence(self) -> str:
        """SQL of the probability that a candidate is here, apart from what stays say."""
        return f"CASE WHEN {among('decided_by', self.doubtful)} THEN 0.0 ELSE 1.0 END" if self.doubtful else "1.0"

    @property
    def present_from(self) -> str:
        """SQL of the probability from which a candidate is a resident."""
        return "1.0"

    def candidates(self) -> str:
        """Return SQL of the candidates."""
        certain = by_signs(self.signs, "1")
        if not self.doubtful:
            return certain
        return f"""
            WITH certain AS ({certain})
            SELECT * FROM certain
            UNION ALL
            SELECT * FROM ({by_signs(self.doubtful, "1")}) ANTI JOIN certain USING (person_id, reference_date)"""


class KofN(ResidentFamily):
    """Everybody with signs of at least `families_needed` families of sources; the first in order decides."""

    form: Literal["families"]
    signs: SignIds = Field(min_length=1)
    families_needed: Families

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of its signs."""
        return self.signs

    def candidates(self) -> str:
        """Return SQL of the candidates."""
        return by_signs(self.signs, self.families_needed.at("reference_date"))
