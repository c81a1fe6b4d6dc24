"""Changes of the country that a scenario can ask for: a surge of arrivals, and longer stays."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from pipeline.errors import unknown
from pipeline.toml_files import Frozen
from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, as_date


def _simulated(value: date) -> date:
    if not as_date(FIRST_DAY) <= value <= as_date(LAST_DAY):
        raise ValueError(f"lives are simulated from {as_date(FIRST_DAY)} to {as_date(LAST_DAY)}")
    return value


SimulatedDay = Annotated[date, AfterValidator(_simulated)]


class Surge(Frozen):
    """From a day on, `factor` times as many arrivals of one migrant group; `migrant_group` is its name."""

    migrant_group: str
    begins: SimulatedDay
    factor: float = Field(gt=1, le=100)

    @field_validator("migrant_group")
    @classmethod
    def _known(cls, value: str) -> str:
        names = [group.name for group in MIGRANT_GROUPS]
        if value not in names:
            raise ValueError(str(unknown("migrant group", value, names, "newcomers")))
        return value


class LongerStays(Frozen):
    """Stays that begin on a day or later last `factor` times as long; not visits, courses or stays for good."""

    begins: SimulatedDay
    factor: float = Field(gt=0, le=10)


class Changes(Frozen):
    """What differs in the country from the baseline; nothing by default."""

    surge: Surge | None = None
    longer_stays: LongerStays | None = None
