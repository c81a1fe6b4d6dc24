"""The forms `priority` and `families`: residents are people with one sign, or with signs of several kinds of sources.

Sources of the method: ONS, Developing our approach for producing admin-based population estimates (2019): any sign of
activity in the year; ONS, Methodology of Statistical Population Dataset V2.0 (2016): present in two kinds of sources.
"""

from typing import Literal

from pydantic import Field

from rules.families.resident_family import ResidentFamily, SignIds, by_signs
from rules.fields import Families


class Priority(ResidentFamily):
    """Everybody with a sign; the first in order decides."""

    form: Literal["priority"]
    signs: SignIds = Field(min_length=1)

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of its signs."""
        return self.signs

    def candidates(self) -> str:
        """Return SQL of the candidates."""
        return by_signs(self.signs, "1")


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
