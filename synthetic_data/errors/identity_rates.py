"""Errors in who a person is: names, dates of birth, sex, missing values and second numbers.

A source makes each of them once and keeps it. Those that are carelessness (misspelt names, wrong dates of birth and
sexes, missing values, stale addresses) affect some people more than others: see `errors.susceptibility`.
"""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.toml_files import Frozen
from synthetic_data.errors.entries import Amount, Share, error

UNDER_LINKED = (
    "ONS, Census 2021 to Personal Demographics Service linkage report (that these are linked less); "
    "the size is an assumption"
)
DOCUMENTS = "that asylum records contain such dates is well known; the size is an assumption"


class Groups(Frozen):
    """Factors of carelessness for people known to be linked less often; the mean over residents is unchanged."""

    aged_20_29: Amount = error(1.6, "factor for people aged 20 to 29 on 30 June 2017", UNDER_LINKED)
    men: Amount = error(1.2, "factor for men", UNDER_LINKED)
    london: Amount = error(1.4, "factor for people whose first home in the country is in London", UNDER_LINKED)


class Names(Frozen):
    """Misspelt names: a share of the given names, and of the family names, in a source."""

    rate: Share = error(0.03, "given names, and family names, that a source misspells")
    foreign_factor: Amount = error(2.5, "factor for names that are neither English nor Irish", UNDER_LINKED)
    by_sound: Share = error(0.4, "misspelt as heard; the others are typing errors")
    susceptible: Annotated[float, Field(ge=0, lt=1, strict=True)] = error(
        0.1, "people whose records go wrong more often, in all sources alike"
    )
    susceptible_factor: Amount = error(5.0, "how much more often than the mean; the mean is unchanged")

    @model_validator(mode="after")
    def _mean_can_be_kept(self) -> "Names":
        if self.susceptible * self.susceptible_factor > 1:
            raise ValueError(
                "'susceptible' times 'susceptible_factor' is at most 1: otherwise the others' rates would be negative"
            )
        return self


class Forms(Frozen):
    """Correct names in another form: another spelling, another order, a part of the name, or a nickname."""

    variant: Share = error(
        0.04, "names with several usual spellings (Mohammed, Muhammad) that a source spells in another way"
    )
    accents_lost: Share = error(0.6, "people whose names a source writes without accents")
    reversed: Share = error(
        0.03, "people from countries where the family name comes first whose names a source swaps"
    )
    main_family_name: Share = error(
        0.08,
        "people with two family names of which a source records one: the first of Spanish, the last of Portuguese",
    )
    other_family_name: Share = error(0.02, "the same, with the other of the two")
    hyphenated: Share = error(0.08, "people with two family names that a source joins by a hyphen")
    one_given_name: Share = error(0.15, "people with several given names of which a source records the first")
    unnamed: Share = error(0.2, "people with a single name for whom a source writes FNU, first name unknown")
    nickname: Share = error(0.08, "people with a name like Katherine whom the coverage survey records as Kate")
    marriage_missed: Share = error(0.15, "changes of name at marriage that a source never records")
    marriage_mean_days: Amount = error(180, "mean lag of the others")

    @model_validator(mode="after")
    def _one_form(self) -> "Forms":
        if self.main_family_name + self.other_family_name + self.hyphenated > 1:
            raise ValueError(
                "'main_family_name', 'other_family_name' and 'hyphenated' are shares of the same people: "
                "at most 1 together"
            )
        return self


class Documents(Frozen):
    """Shares of people from some countries whose documents, and so all sources, give 1 January as their birthday."""

    AF: Share
    ER: Share
    IQ: Share
    SD: Share
    SO: Share


class Dates(Frozen):
    """Wrong dates: dates of birth in every source, and dates of arrival stated by migrants."""

    birth: Share = error(0.012, "dates of birth that are wrong in a source")
    swapped: Share = error(0.45, "of wrong dates of birth: day and month swapped, where that makes a date")
    new_year: Share = error(0.08, "of wrong dates of birth: 1 January of the right year")
    day_unknown: Share = error(0.003, "people born abroad for whom PDS, or exit checks, record 1 January")
    documents: Documents = error(
        Documents(AF=0.3, ER=0.12, IQ=0.15, SD=0.25, SO=0.3),
        "people born there whose documents say 1 January, as do all sources",
        DOCUMENTS,
    )
    arrival_near: Share = error(0.12, "stated arrivals that are up to ten days off")
    arrival_month: Share = error(0.06, "stated arrivals that are rounded to the first of the month")

    @model_validator(mode="after")
    def _one_mistake(self) -> "Dates":
        for one, other, of in (("arrival_near", "arrival_month", "people"), ("swapped", "new_year", "dates")):
            if getattr(self, one) + getattr(self, other) > 1:
                raise ValueError(f"'{one}' and '{other}' are shares of the same {of}: at most 1 together")
        return self


class Sexes(Frozen):
    """Wrong sexes."""

    wrong: Share = error(0.001, "people whose sex a source records wrongly")


class Missing(Frozen):
    """Missing values; dates of birth and sexes are never missing, since every source asks for them."""

    given_name: Share = error(0.002, "given names of which a source records only the initial")
    postcode: Share = error(0.01, "postcodes that a source lacks")
    nationality: Share = error(0.01, "nationalities that students' records lack")


class Duplicates(Frozen):
    """Second numbers: from some day of their stay, a source treats people as someone new."""

    pds: Share = error(0.002, "people who are given a second NHS number; PDS and PR contain both")
    hesa: Share = error(0.003, "students who are given a second HUSID")
    exit_checks: Share = error(0.005, "travellers who are recorded as two people")
