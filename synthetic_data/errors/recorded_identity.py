"""What a source holds of a person: the names, date of birth, sex and postcode that it believes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.tables import table
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.misspellings import drawn_slips, misspelt, on_new_year, wrong_birth
from synthetic_data.errors.name_forms import PARTS, in_other_forms
from synthetic_data.errors.record_draws import Records
from synthetic_data.errors.susceptibility import HOME_NAMES, error_susceptibility
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, dates
from synthetic_data.numbers.draws import Days, Floats, draws, exponential
from synthetic_data.numbers.equal_rows import distinct
from synthetic_data.numbers.labels import Labels

SEXES, SEX_NUMBERS = pl.Series(["M", "F"]), pl.Series(["1", "2"])
"""How sources write the sex of men, and of women."""
IN_CAPITALS = (
    "activity", "benefits", "earnings", "exit_checks", "families", "leave", "mws", "settlement_scheme",
)  # fmt: skip
"""Sources that write names in capital letters."""


def identity(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], on: Days | None = None, again: bool = False
) -> pl.DataFrame:
    """Return `given_name, family_name, sex, birth` (day) of each person (row) as the source holds them.

    A source makes an error once and keeps it: the same person has the same errors in all of its rows. `on` is the
    day of each row (else the data date), for names change at marriage. `again` asks for the second record of
    people whom the source takes for somebody new, which has errors of its own.
    """
    at = np.full(len(rows), DATA_DATE) if on is None else on
    told = _told_of_marriage(lives, errors, source, rows, at)
    # the rows of a person under one name are alike
    known, index = distinct(2 * rows + told)
    return _records(lives, errors, source, known // 2, known % 2 == 1, again)[index]


def _records(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], told: NDArray[np.bool_], again: bool
) -> pl.DataFrame:
    """Return what `identity` does; `told` says of whose name at marriage the source knows."""
    records = Records(errors, lives.seed, source, f"{source} again" if again else source, lives.person[rows])
    prone, people = error_susceptibility(lives, errors, rows), lives.people
    names = {part: people[part][rows] for part in PARTS}
    wives = np.flatnonzero(told)
    names["family_name"] = names["family_name"].scatter(wives, people["married_name"][rows[wives]])
    changed = _change(names, lives.name_origin[rows], records, prone)
    changed[wives] = True
    if source in IN_CAPITALS:
        # most names are in capitals already
        those, capitals = np.flatnonzero(changed), lives.once(_names_in_capitals)
        names = {
            part: capitals[part][rows].scatter(those, written[those].str.to_uppercase())
            for part, written in names.items()
        }
    wrong = records.draws("sex") < records.rate("sex", "wrong") * prone
    sex = SEXES[(lives.female[rows] != wrong).view(np.uint8)]
    return pl.DataFrame(names | {"sex": sex, "birth": _birth(lives, rows, records, prone)})


def _names_in_capitals(lives: Lives) -> pl.DataFrame:
    """Return the `given_name` and the `family_name` of birth of each person, as many sources write them."""
    return lives.people.select(pl.col("given_name", "family_name").str.to_uppercase())


def _told_of_marriage(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], on: Days
) -> NDArray[np.bool_]:
    """Return who (row) had another name by marriage, and had told the source of it, on the day."""
    renamed = lives.renamed[rows]
    told = renamed <= on
    before = np.flatnonzero(told)
    entities = lives.person[rows[before]]
    missed = draws(lives.seed, f"{source} marriage missed", entities) < errors.rate(
        "forms", "marriage_missed", source
    )
    mean_lag = errors.rate("forms", "marriage_mean_days", source)
    lag = exponential(draws(lives.seed, f"{source} marriage lag", entities), mean_lag)
    told[before] = ~missed & (renamed[before] + lag <= on[before])
    return told


def _change(names: dict[str, pl.Series], origin: Labels, records: Records, prone: Floats) -> NDArray[np.bool_]:
    """Change names to those that the source writes: in other forms, misspelt, or the given one as an initial.

    Returns which are changed: few.
    """
    foreign = ~origin.are_any(*HOME_NAMES)
    # English and Irish names have no other forms but the short ones
    variable = np.flatnonzero(foreign | (records.rate("forms", "nickname") > 0))
    right = pl.DataFrame({part: written[variable] for part, written in names.items()})
    places, forms = in_other_forms(right, origin[variable], records[variable])
    changed = np.zeros(len(records), dtype=bool)

    def write(part: str, those: NDArray[np.int64], written: pl.Series) -> None:
        names[part] = names[part].scatter(those, written)
        changed[those] = True

    for part in PARTS:
        write(part, variable[places], forms[part])
    rate = records.rate("names", "rate") * (prone * np.where(foreign, records.errors.names.foreign_factor, 1.0))
    given, family = (np.flatnonzero(records.draws(f"{part} misspelt") < rate) for part in PARTS)
    slips = [drawn_slips(records[those], part) for part, those in zip(PARTS, (given, family), strict=True)]
    right = pl.concat([names["given_name"][given], names["family_name"][family]])
    wrong = misspelt(right, np.concatenate(slips, axis=1), records.rate("names", "by_sound"))
    write("given_name", given, wrong[: len(given)])
    write("family_name", family, wrong[len(given) :])
    initials = np.flatnonzero(records.draws("initial") < records.rate("missing", "given_name") * prone)
    write("given_name", initials, names["given_name"][initials].str.slice(0, 1))
    return changed


def _birth(lives: Lives, rows: NDArray[np.int64], records: Records, prone: Floats) -> Days:
    """Return dates of birth: as in the documents, 1 January where the day is not known, and some wrong."""
    birth = documented_birth(lives, records.errors, rows)
    abroad = np.flatnonzero(lives.born_abroad[rows])
    unknown = abroad[records[abroad].draws("day unknown") < records.rate("dates", "day_unknown")]
    birth[unknown] = on_new_year(birth[unknown])
    wrong = np.flatnonzero(records.draws("birth") < records.rate("dates", "birth") * prone)
    birth[wrong] = wrong_birth(birth[wrong], records[wrong])
    return birth


def born_by(lives: Lives, rows: NDArray[np.int64], birth: pl.Series, on: Days) -> pl.Series:
    """Return dates of birth as a source held them on a day, right where the wrong one was still to come."""
    held = birth.to_numpy()
    return dates("birth", np.where(held > on, lives.birth[rows], held))


def documented_birth(lives: Lives, errors: Errors, rows: NDArray[np.int64]) -> Days:
    """Return the dates of birth in people's documents: 1 January for many from countries without registers."""
    birth, country, shares = lives.birth[rows], lives.country_of_birth, dict(errors.dates.documents)
    share = np.array([shares.get(one, 0.0) for one in country.texts])[country.numbers[rows]]
    some = np.flatnonzero(share)
    unknown = some[draws(lives.seed, "birthday not documented", lives.person[rows[some]]) < share[some]]
    birth[unknown] = on_new_year(birth[unknown])
    return birth


def postcode(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], days: Days, stale: float | None = None
) -> pl.Series:
    """Return the postcode that a source holds of each person on a day; `stale` overrides the share of old ones.

    Addresses are stale, and postcodes missing, more often for people whose records go wrong.
    """
    share, mean_days = errors.stale_addresses(source)
    share = share if stale is None else stale
    known, index = distinct(rows)
    share_of_person = share * error_susceptibility(lives, errors, known)
    old = draws(lives.seed, f"{source} stale", lives.person[known]) < share_of_person
    lag = np.zeros(len(known), dtype=np.int64)
    lag[old] = exponential(draws(lives.seed, f"{source} lag", lives.person[known[old]]), mean_days)
    at = lives.postcode_at(rows, days - lag[index])
    lacks = _lacks(lives, errors, source, "postcode", known)[index]
    return lives.map.text[at].alias("postcode").set(pl.Series(lacks), None)


def with_gaps(
    lives: Lives, errors: Errors, source: str, name: str, rows: NDArray[np.int64], values: pl.Series
) -> pl.Series:
    """Return the values of people without those that the source lacks: `name` is one of the kind `missing`."""
    known, index = distinct(rows)
    return values.set(pl.Series(_lacks(lives, errors, source, name, known)[index]), None)


def _lacks(lives: Lives, errors: Errors, source: str, name: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    rate = errors.rate("missing", name, source) * error_susceptibility(lives, errors, rows)
    return draws(lives.seed, f"{source} lacks {name}", lives.person[rows]) < rate


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return how a source writes each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return SEX_NUMBERS[(sex == "F").to_numpy().view(np.uint8)]
