"""The form `by_age`: the signs that make a resident differ by age on the reference date.

Source of the method: ONS, Developing Statistical Population Datasets, England and Wales (2023): sources show
children, people of working age and pensioners in different ways. Which signs count at
which age is Sojourn's own choice.
"""

from typing import Literal

from pydantic import Field, field_validator

from pipeline.toml_files import Frozen
from rules.families.resident_family import ResidentFamily, SignIds, by_signs
from rules.fields import Age, RuleId


class Band(Frozen):
    """People younger than `below_age`, who are in no band before (without it: everybody else), and their signs."""

    id: RuleId
    says: str
    signs: SignIds = Field(min_length=1)
    below_age: Age | None = None


class ByAge(ResidentFamily):
    """Everybody with a sign of their age's band; people without a month of birth are in the last band."""

    form: Literal["by_age"]
    bands: tuple[Band, ...] = Field(min_length=1)

    @field_validator("bands")
    @classmethod
    def _exhaustive(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        if bands[-1].below_age is not None or any(band.below_age is None for band in bands[:-1]):
            raise ValueError("only the last band may, and must, be for everybody else (without 'below_age')")
        return bands

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of the signs of all bands."""
        return tuple(dict.fromkeys(name for band in self.bands for name in band.signs))

    def candidates(self) -> str:
        """Return SQL of the candidates."""
        found, older = [], "true"
        for band in self.bands:
            young = "true"
            if band.below_age is not None:
                since = f"reference_date - {band.below_age.interval('reference_date')}"
                young = f"coalesce(birth_month > {since}, false)"
            found.append(by_signs(band.signs, "1", f"{older} AND {young}"))
            older = f"{older} AND NOT {young}"
        return " UNION ALL ".join(found)
