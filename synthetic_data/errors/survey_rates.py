"""Errors of surveys: people whom they do not reach, and answers that do not come true."""

from typing import Annotated

from pydantic import Field

from pipeline.toml_files import Frozen
from synthetic_data.errors.entries import Amount, Share, error

ONS_STUDENTS = (
    "ONS, International student migration research update, 2017 (that it happens); the size is an assumption"
)
ONS_EU = "ONS, Understanding different migration data sources, 2019 (that it happens); the size is an assumption"
ONS_PASSENGERS = "ONS, International Passenger Survey: quality information in relation to migration flows, 2018"
CENSUS_2001 = "Census 2001: 94% answered, 87% of men of 20 to 24, 98% of women of 75 to 79"
DEPENDENCE = (
    "Brown, Abbott and Diamond, Dependence in the 2001 one-number census, 2006 (that it exists); the size is assumed"
)


class Survey(Frozen):
    """The coverage survey: whom it misses, and how that depends on being on the list with which it is compared."""

    household_missed: Share = error(
        0.030, "households of two to four at postcodes of middle difficulty that do not answer", CENSUS_2001
    )
    person_missed: Share = error(
        0.012, "women of 35 to 64 whom an answering household omits; men, the young and infants more often",
        CENSUS_2001,
    )  # fmt: skip
    odds_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] = error(
        1.5, "odds of an answer from people on the PDS list, relative to similar people who are not", DEPENDENCE
    )
    nationality_missing: Share = error(0.03, "answers without a nationality")
    wrong_verdict: Share = error(0.01, "clerical reviews that find the wrong person, or wrongly find no one")


class Intentions(Frozen):
    """The stay or absence that people intend, compared with what comes true."""

    spread: Amount = error(0.2, "spread of the logarithm of stated over true months")
    switched: Share = error(0.05, "people who end on the other side of twelve months than they intended")
    eu8_short: Share = error(
        0.25, "EU8 nationals who stay long-term and stated on arrival that they would not", ONS_EU
    )
    students_back: Share = error(
        0.25, "students who leave long-term and state that they will be back within a year", ONS_STUDENTS
    )
    british_unsure: Share = error(0.2, "British emigrants who do not know how long they will be away")


class Passengers(Frozen):
    """The passenger survey: crossings that it cannot reach, and the totals to which it is weighted."""

    not_covered: Share = error(
        0.10, "crossings at small ports or at night, when no one is interviewed", ONS_PASSENGERS
    )
    refused: Annotated[float, Field(ge=0, lt=1, strict=True)] = error(0.2, "sampled passengers who do not answer")
    totals_sigma: Amount = error(0.03, "spread of the logarithm of passenger totals by route, direction and quarter")
