"""A country of 21 people, written by hand into extract files: what the sources record of each, and nothing else.

Who they are, and what happens to them in the years ending June 2017 and June 2018:

| people | what happens |
|---|---|
| Ada to Jude | ten British adults who stay; Jude has studied |
| Una | a British child who stays, born here in 2012 |
| Kathleen, Leonard | British, die in November 2016 and in February 2018 |
| Mary, Noel | British, leave for good in August 2016 and in August 2017 |
| Olga, Piotr | Poles, arrive in September and October 2016 |
| Quim | a Portuguese, arrives in August 2017 |
| Rani | from India with a permission to work, arrives in September 2017 |
| Sam, Tess | born in October 2016, Ada's son, and in January 2018, Olga's daughter |
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

SURVEY_DAY = date(2017, 6, 30)
TAX_YEARS = range(2009, 2019)
"""The years in which tax years begin, on 6 April."""
SNAPSHOTS = range(2016, 2020)


@dataclass(frozen=True)
class Person:
    """One person: `came` and `gone` are the days between which they live here, `weeks` those active by tax year."""

    given: str
    family: str
    sex: str
    born: date
    country: str = "GB"
    came: date | None = None
    gone: date | None = None
    died: bool = False
    mother: str | None = None
    weeks: tuple[tuple[int, int], ...] = ()

    def lives_here(self, day: date) -> bool:
        """Return whether the person lives here on a day."""
        return (self.came or self.born) <= day and (self.gone is None or day < self.gone)


def full_years(first: int, last: int = TAX_YEARS[-1]) -> tuple[tuple[int, int], ...]:
    """Return 52 weeks in each tax year from `first` to `last`."""
    return tuple((year, 52) for year in range(first, last + 1))


ALWAYS = full_years(2009)
PEOPLE = (
    Person("Ada", "Abbott", "F", date(1985, 3, 12), weeks=ALWAYS),
    Person("Bertram", "Barlow", "M", date(1979, 11, 2), weeks=ALWAYS),
    Person("Clara", "Cooper", "F", date(1968, 7, 21), weeks=ALWAYS),
    Person("Dennis", "Dawson", "M", date(1962, 1, 30), weeks=ALWAYS),
    Person("Edith", "Ellis", "F", date(1947, 5, 9), weeks=ALWAYS),
    Person("Frank", "Fletcher", "M", date(1945, 9, 17), weeks=ALWAYS),
    Person("Grace", "Gibson", "F", date(1990, 12, 25), weeks=ALWAYS),
    Person("Harold", "Hughes", "M", date(1988, 8, 8), weeks=ALWAYS),
    Person("Irene", "Irving", "F", date(1973, 4, 14), weeks=ALWAYS),
    Person("Jude", "Jenkins", "M", date(1996, 2, 3), weeks=full_years(2014)),
    Person("Una", "Underwood", "F", date(2012, 6, 5), mother="Irene"),
    Person("Kathleen", "Knight", "F", date(1950, 10, 1), gone=date(2016, 11, 20), died=True,
           weeks=(*full_years(2009, 2015), (2016, 32))),
    Person("Leonard", "Lambert", "M", date(1948, 3, 28), gone=date(2018, 2, 10), died=True,
           weeks=(*full_years(2009, 2016), (2017, 44))),
    Person("Mary", "Marshall", "F", date(1984, 6, 16), gone=date(2016, 8, 24),
           weeks=(*full_years(2009, 2015), (2016, 20))),
    Person("Noel", "Norman", "M", date(1986, 12, 11), gone=date(2017, 8, 24),
           weeks=(*full_years(2009, 2016), (2017, 20))),
    Person("Olga", "Olszewska", "F", date(1990, 5, 20), "PL", came=date(2016, 9, 5),
           weeks=((2016, 30), *full_years(2017))),
    Person("Piotr", "Pawlak", "M", date(1988, 10, 7), "PL", came=date(2016, 10, 10),
           weeks=((2016, 25), *full_years(2017))),
    Person("Quim", "Queiroz", "M", date(1991, 9, 29), "PT", came=date(2017, 8, 15),
           weeks=((2017, 33), *full_years(2018))),
    Person("Rani", "Rao", "F", date(1992, 11, 13), "IN", came=date(2017, 9, 10)),
    Person("Sam", "Abbott", "M", date(2016, 10, 4), mother="Ada"),
    Person("Tess", "Olszewska", "F", date(2018, 1, 15), mother="Olga"),
)  # fmt: skip
NUMBERS = {one.given: number for number, one in enumerate(PEOPLE, 1)}
COUNTRY_NAMES = {"PL": "POLAND", "PT": "PORTUGAL"}


SOURCES = {
    "pds": ("pds",), "pr": ("pr",), "births": ("births",), "deaths": ("deaths",), "mws": ("mws",), "hesa": ("hesa",),
    "activity": ("activity_people", "activity_weeks"), "exit_checks": ("exit_checks_travel", "exit_checks_visas"),
    "coverage_survey": ("coverage_survey",), "review_sample": ("review_sample",),
}  # fmt: skip
"""The extracts of each source."""


def write_study(folder: Path, without: Collection[str] = ()) -> Path:
    """Write the extract files and the study file of the country into a folder; returns the study file.

    The study does not name the sources in `without`.
    """
    (folder / "extracts").mkdir(parents=True)
    files = {
        "pds": _pds(), "pr": _pr(), "births": _births(), "deaths": _deaths(), "activity_people": _activity_people(),
        "activity_weeks": _activity_weeks(), "mws": _mws(), "hesa": _hesa(), "exit_checks_travel": _travel(),
        "exit_checks_visas": _visas(), "coverage_survey": _survey(), "review_sample": _review(),
    }  # fmt: skip
    entries = []
    left_out = {extract for source in without for extract in SOURCES[source]}
    for name, rows in files.items():
        _write(list(rows), folder / "extracts" / f"{name}.csv")
        if name in left_out:
            continue
        entries.append(f'[[extract]]\nname = "{name}"\nfiles = ["extracts/{name}.csv"]\n')
    (folder / "areas.csv").write_text("postcode_district,area\nAB1,E01\n")
    (folder / "study.key").write_text("ab" * 32)
    (folder / "study.toml").write_text(
        'name = "A tiny country"\ndata_date = 2019-12-31\nkey_file = "study.key"\narea_lookup = "areas.csv"\n'
        "periods = { flow_years = [2017, 2018], stock_years = [2016, 2017, 2018] }\n"
        f"coverage = {{ reference_date = {SURVEY_DAY}, minimum_matches = 10, replicates = 20 }}\n\n"
        + "\n".join(entries)
    )
    return folder / "study.toml"


def _write(rows: Sequence[dict], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def _nhs_number(one: Person) -> str:
    """Return a number of ten digits whose last is the check digit (modulus 11)."""
    digits = f"9{NUMBERS[one.given] * 37:08d}"
    check = -sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
    return f"{digits}{check % 10}"


def _nino(one: Person) -> str:
    return f"{NUMBERS[one.given]:016X}"


def _postcode(one: Person) -> str:
    """Return the postcode of a person's home; children live with their mothers."""
    number = NUMBERS[one.mother or one.given]
    return f"AB1 {number % 9 + 1}{'ABDEFGHJLN'[number % 10]}{'PQRSTUWXYZ'[number // 9]}"


def _sex_number(one: Person) -> str:
    return {"M": "1", "F": "2"}[one.sex]


def _registered(one: Person) -> date:
    """Return the day on which a person first registered with the NHS."""
    if one.mother:
        return one.born
    return one.came.replace(day=28) if one.came else date(2005, 5, 17)


def _pds() -> Iterator[dict]:
    for one in PEOPLE:
        postings = [("1" if one.mother else "4" if one.came else "2", _registered(one), "")]
        if one.gone:
            postings.append(("9", one.gone.replace(day=28), "DEA" if one.died else "EMB"))
        for kind, day, reason in postings:
            yield {
                "NHS_NUMBER": _nhs_number(one), "GIVEN_NAME": one.given, "FAMILY_NAME": one.family,
                "DATE_OF_BIRTH": one.born, "GENDER": _sex_number(one), "BIRTH_COUNTRY": one.country,
                "POSTCODE": _postcode(one), "REGISTRATION_TYPE": kind, "POSTING_DATE": day, "REMOVAL_REASON": reason,
            }  # fmt: skip


def _pr() -> Iterator[dict]:
    for year in SNAPSHOTS:
        day = date(year, 7, 31)
        for one in PEOPLE:
            if one.lives_here(day):
                new = one.came and date(year - 1, 7, 31) < _registered(one)
                yield {
                    "NHS_NO": _nhs_number(one), "FORENAME": one.given, "SURNAME": one.family, "DOB": one.born,
                    "SEX": _sex_number(one), "PCODE": _postcode(one), "ACCEPT_DATE": _registered(one),
                    "FLAG4": "Y" if new else "N", "SNAPSHOT_DATE": day,
                }  # fmt: skip


def _births() -> Iterator[dict]:
    by_name = {one.given: one for one in PEOPLE}
    for one in PEOPLE:
        if one.mother:
            yield {
                "NHS_NUMBER": _nhs_number(one), "CHILD_FORENAME": one.given, "CHILD_SURNAME": one.family,
                "DATE_OF_BIRTH": one.born, "SEX": one.sex, "USUAL_ADDRESS_POSTCODE": _postcode(one),
                "MOTHER_NHS_NUMBER": _nhs_number(by_name[one.mother]), "REGISTRATION_DATE": one.born.replace(day=28),
            }  # fmt: skip


def _deaths() -> Iterator[dict]:
    for one in PEOPLE:
        if one.died:
            yield {
                "ENTRY_NUMBER": f"D{NUMBERS[one.given]:010d}", "FORENAME": one.given, "SURNAME": one.family,
                "DATE_OF_BIRTH": one.born, "SEX": one.sex, "USUAL_ADDRESS_POSTCODE": _postcode(one),
                "DATE_OF_DEATH": one.gone, "REGISTRATION_DATE": one.gone.replace(day=28),
            }  # fmt: skip


def _activity_people() -> Iterator[dict]:
    for one in PEOPLE:
        if one.weeks:
            yield {
                "NINO_ENC": _nino(one), "FIRST_NAME": one.given, "LAST_NAME": one.family, "DATE_OF_BIRTH": one.born,
                "SEX": one.sex, "POSTCODE": _postcode(one),
            }  # fmt: skip


def _activity_weeks() -> Iterator[dict]:
    for one in PEOPLE:
        for year, weeks in one.weeks:
            yield {
                "NINO_ENC": _nino(one), "TAX_YEAR_START": date(year, 4, 6), "TAX_YEAR_END": date(year + 1, 4, 5),
                "WEEKS_TAX": weeks, "WEEKS_BENEFIT": 0, "BENEFIT_COMBINATION": "NONE", "WEEKS_ANY": weeks,
            }  # fmt: skip


def _mws() -> Iterator[dict]:
    for one in PEOPLE:
        if one.country in COUNTRY_NAMES:
            yield {
                "NINO_ENC": _nino(one), "FORENAME": one.given, "SURNAME": one.family, "DOB": f"{one.born:%d/%m/%Y}",
                "SEX": one.sex, "NATIONALITY": COUNTRY_NAMES[one.country], "DATE_OF_ARRIVAL": f"{one.came:%d/%m/%Y}",
                "REGISTRATION_DATE": f"{one.came.replace(day=28):%d/%m/%Y}", "POSTCODE": _postcode(one),
            }  # fmt: skip


def _hesa() -> Iterator[dict]:
    jude = PEOPLE[NUMBERS["Jude"] - 1]
    for year in (2014, 2015, 2016):
        yield {
            "HUSID": "1410000000010", "NUMHUS": "1", "UKPRN": "10000001", "FNAMES": jude.given,
            "SURNAME": jude.family, "BIRTHDTE": jude.born, "SEXID": _sex_number(jude), "NATION": "GB",
            "DOMICILE": "GB", "TTPCODE": _postcode(jude), "COMDATE": date(2014, 9, 22), "YEARSTU": year - 2013,
            "MODE": "01", "LOCSDY": "Z", "EXCHANGE": "N", "ACYEAR": f"{year}/{year - 1999}",
            "YEARSTART": date(year, 8, 1), "ENDDATE": date(2017, 6, 16),
        }  # fmt: skip


def _travel() -> Iterator[dict]:
    rani = PEOPLE[NUMBERS["Rani"] - 1]
    yield {
        "PERSON_ID": "T000000000019", "FORENAMES": rani.given, "SURNAME": rani.family, "DOB": f"{rani.born:%d/%m/%Y}",
        "SEX": rani.sex, "NATIONALITY": "IND", "TRAVEL_DATE": f"{rani.came:%d/%m/%Y}", "IN_OUT": "I", "ROUTE": "AIR",
    }  # fmt: skip


def _visas() -> Iterator[dict]:
    rani = PEOPLE[NUMBERS["Rani"] - 1]
    yield {
        "PERSON_ID": "T000000000019", "GIVEN_NAMES": rani.given, "FAMILY_NAME": rani.family, "BIRTH_DATE": rani.born,
        "SEX": rani.sex, "NATIONALITY": "IND", "VISA_TYPE": "WRK", "VALID_FROM": date(2017, 9, 1),
        "VALID_TO": date(2020, 8, 31),
    }  # fmt: skip


def _survey() -> Iterator[dict]:
    for one in PEOPLE:
        if one.lives_here(SURVEY_DAY):
            here_a_year_ago = one.lives_here(SURVEY_DAY.replace(year=2016))
            yield {
                "PERSON_ID": f"S{NUMBERS[one.given]:011d}",
                "HOUSEHOLD_ID": f"H{NUMBERS[one.mother or one.given]:016X}",
                "FIRST_NAME": one.given, "LAST_NAME": one.family, "DOB": one.born, "SEX": one.sex,
                "NATIONALITY": one.country, "POSTCODE": _postcode(one), "USUAL_RESIDENT": "Y",
                "ARRIVED": one.came.replace(day=1) if one.came else "",
                "INTENDED_STAY": "12_OR_MORE" if one.came else "",
                "YEAR_AGO": "SAME" if here_a_year_ago else ("ABROAD" if one.came else "NOT_BORN"),
                "POSTCODE_YEAR_AGO": "", "REFERENCE_DATE": SURVEY_DAY, "STRATUM": "A",
                "CLUSTER": _postcode(one).replace(" ", ""), "WEIGHT": 1,
            }  # fmt: skip


def _review() -> Iterator[dict]:
    for one in PEOPLE:
        if one.lives_here(SURVEY_DAY):
            yield {
                "PERSON_ID": f"S{NUMBERS[one.given]:011d}", "NHS_NUMBER_FOUND": _nhs_number(one), "REVIEW": 1,
                "REVIEWER": "R01",
            }  # fmt: skip
