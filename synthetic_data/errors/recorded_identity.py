"""The identity of a person as a source records it: names, date of birth, sex and postcode."""

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
"""How sources code the sex of men and of women: letters, and the numbers of the NHS and HESA."""
IN_CAPITALS = (
    "activity", "benefits", "earnings", "exit_checks", "families", "leave", "mws", "settlement_scheme",
)  # fmt: skip
"""Sources that write names in capital letters."""


def identity(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], on: Days | None = None, again: bool = False
) -> pl.DataFrame:
    """Return `given_name, family_name, sex, birth` (day) of each person (row) as the source records them.

    A source makes an error once and keeps it: a person has the same errors in all of its rows. `on` is the day of
    each row (else the data date), because names change at marriage. `again` selects the second record of people whom
    the source treats as someone new, with errors of its own.
    """
    at = np.full(len(rows), DATA_DATE) if on is None else on
    married = _marriage_recorded(lives, errors, source, rows, at)
    # the rows of a person under one name are identical
    known, index = distinct(2 * rows + married)
    return _records(lives, errors, source, known // 2, known % 2 == 1, again)[index]


def _records(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], married: NDArray[np.bool_], again: bool
) -> pl.DataFrame:
    """Return what `identity` does; `married` marks people whose name at marriage the source has recorded."""
    records = Records(errors, lives.seed, source, f"{source} again" if again else source, lives.person[rows])
    susceptibility, people = error_susceptibility(lives, errors, rows), lives.people
    names = {part: people[part][rows] for part in PARTS}
    wives = np.flatnonzero(married)
    names["family_name"] = names["family_name"].scatter(wives, people["married_name"][rows[wives]])
    changed = _change(names, lives.name_origin[rows], records, susceptibility)
    changed[wives] = True
    if source in IN_CAPITALS:
        # most names are in capitals already
        those, capitals = np.flatnonzero(changed), lives.once(_names_in_capitals)
        names = {
            part: capitals[part][rows].scatter(those, written[those].str.to_uppercase())
            for part, written in names.items()
        }
    wrong = records.draws("sex") < records.rate("sex", "wrong") * susceptibility
    sex = SEXES[(lives.female[rows] != wrong).view(np.uint8)]
    return pl.DataFrame(names | {"sex": sex, "birth": _birth(lives, rows, records, susceptibility)})


def _names_in_capitals(lives: Lives) -> pl.DataFrame:
    """Return the `given_name` and the `family_name` of birth of each person, as many sources write them."""
    return lives.people.select(pl.col("given_name", "family_name").str.to_uppercase())


def _marriage_recorded(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], on: Days
) -> NDArray[np.bool_]:
    """Return whose (row) change of name at marriage the source has recorded by the day."""
    renamed = lives.renamed[rows]
    recorded = renamed <= on
    before = np.flatnonzero(recorded)
    entities = lives.person[rows[before]]
    missed = draws(lives.seed, f"{source} marriage missed", entities) < errors.rate(
        "forms", "marriage_missed", source
    )
    mean_lag = errors.rate("forms", "marriage_mean_days", source)
    lag = exponential(draws(lives.seed, f"{source} marriage lag", entities), mean_lag)
    recorded[before] = ~missed & (renamed[before] + lag <= on[before])
    return recorded


def _change(
    names: dict[str, pl.Series], origin: Labels, records: Records, susceptibility: Floats
) -> NDArray[np.bool_]:
    """Change `names` to what the source writes: in other forms, misspelt, or with an initial as the given name.

    Returns which are changed, a small share.
    """
    foreign = ~origin.are_any(*HOME_NAMES)
    # the only other forms of English and Irish names are nicknames
    variable = np.flatnonzero(foreign | (records.rate("forms", "nickname") > 0))
    true = pl.DataFrame({part: written[variable] for part, written in names.items()})
    places, forms = in_other_forms(true, origin[variable], records[variable])
    changed = np.zeros(len(records), dtype=bool)

    def write(part: str, those: NDArray[np.int64], written: pl.Series) -> None:
        names[part] = names[part].scatter(those, written)
        changed[those] = True

    for part in PARTS:
        write(part, variable[places], forms[part])
    rate = records.rate("names", "rate") * (
        susceptibility * np.where(foreign, records.errors.names.foreign_factor, 1.0)
    )
    given, family = (np.flatnonzero(records.draws(f"{part} misspelt") < rate) for part in PARTS)
    slips = [drawn_slips(records[those], part) for part, those in zip(PARTS, (given, family), strict=True)]
    before = pl.concat([names["given_name"][given], names["family_name"][family]])
    wrong = misspelt(before, np.concatenate(slips, axis=1), records.rate("names", "by_sound"))
    write("given_name", given, wrong[: len(given)])
    write("family_name", family, wrong[len(given) :])
    initials = np.flatnonzero(records.draws("initial") < records.rate("missing", "given_name") * susceptibility)
    write("given_name", initials, names["given_name"][initials].str.slice(0, 1))
    return changed


def _birth(lives: Lives, rows: NDArray[np.int64], records: Records, susceptibility: Floats) -> Days:
    """Return dates of birth: as documented, 1 January where the day is not known, and some wrong."""
    birth = documented_birth(lives, records.errors, rows)
    abroad = np.flatnonzero(lives.born_abroad[rows])
    unknown = abroad[records[abroad].draws("day unknown") < records.rate("dates", "day_unknown")]
    birth[unknown] = on_new_year(birth[unknown])
    wrong = np.flatnonzero(records.draws("birth") < records.rate("dates", "birth") * susceptibility)
    birth[wrong] = wrong_birth(birth[wrong], records[wrong])
    return birth


def born_by(lives: Lives, rows: NDArray[np.int64], birth: pl.Series, on: Days) -> pl.Series:
    """Return dates of birth as recorded on a day; correct where the wrong one is still in the future."""
    recorded = birth.to_numpy()
    return dates("birth", np.where(recorded > on, lives.birth[rows], recorded))


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
    """Return the postcode that a source records for each person on a day; `stale` overrides the share of old ones.

    Addresses are stale, and postcodes missing, more often for people who are susceptible to errors.
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
    """Return the values of people, null where the source lacks them: `name` is a rate of the kind `missing`."""
    known, index = distinct(rows)
    return values.set(pl.Series(_lacks(lives, errors, source, name, known)[index]), None)


def _lacks(lives: Lives, errors: Errors, source: str, name: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    rate = errors.rate("missing", name, source) * error_susceptibility(lives, errors, rows)
    return draws(lives.seed, f"{source} lacks {name}", lives.person[rows]) < rate


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return the code that a source uses for each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return SEX_NUMBERS[(sex == "F").to_numpy().view(np.uint8)]
