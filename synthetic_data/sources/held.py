"""What a source holds of a person: the names, date of birth, sex and postcode that it believes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.days import DATA_DATE, dates
from synthetic_data.distinct import distinct
from synthetic_data.draws import Days, Floats, draws, exponential
from synthetic_data.errors import Errors
from synthetic_data.mistakes import misspelt, on_new_year, wrong_birth
from synthetic_data.name_forms import in_other_forms
from synthetic_data.proneness import HOME_NAMES, proneness
from synthetic_data.residence import Lives

SEX_NUMBERS = {"M": "1", "F": "2"}
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
    entities = lives.person[rows]
    stream = f"{source} again" if again else source
    people, wives = lives.people, np.flatnonzero(told)
    names, prone = people.select("given_name", "family_name", "origin")[rows], proneness(lives, errors, rows)
    taken = people.select("married_name", "family_name")[rows[wives]].select(pl.coalesce(pl.all())).to_series()
    names = names.with_columns(names["family_name"].scatter(wives, taken))
    names = _written(names, errors, lives.seed, source, stream, entities, prone)
    if source in IN_CAPITALS:
        names = names.with_columns(pl.col("given_name", "family_name").str.to_uppercase())
    return names.select("given_name", "family_name").with_columns(
        sex=_sex(
            people["sex"][rows],
            draws(lives.seed, f"{stream} sex", entities) < errors.rate("sex", "wrong", source) * prone,
        ),
        birth=pl.Series(_birth(lives, errors, source, stream, rows, prone)),
    )


def _told_of_marriage(
    lives: Lives, errors: Errors, source: str, rows: NDArray[np.int64], on: Days
) -> NDArray[np.bool_]:
    """Return who (row) had married, and had told the source of it, on the day."""
    married = lives.people["married"].to_numpy()[rows]
    told = married <= on
    before = np.flatnonzero(told)
    entities = lives.person[rows[before]]
    missed = draws(lives.seed, f"{source} marriage missed", entities) < errors.rate(
        "forms", "marriage_missed", source
    )
    mean_lag = errors.rate("forms", "marriage_mean_days", source)
    lag = exponential(draws(lives.seed, f"{source} marriage lag", entities), mean_lag)
    told[before] = ~missed & (married[before] + lag <= on[before])
    return told


def _written(
    names: pl.DataFrame,
    errors: Errors,
    seed: int,
    source: str,
    stream: str,
    entities: NDArray[np.int64],
    prone: Floats,
) -> pl.DataFrame:
    """Return names as the source writes them: in other forms, misspelt, or the given one as an initial."""
    foreign = ~names["origin"].is_in(HOME_NAMES).to_numpy()
    of_names = prone * np.where(foreign, errors.names.foreign_factor, 1.0)
    # English and Irish names have no other forms but the short ones
    variable = np.flatnonzero(foreign | (errors.rate("forms", "nickname", source) > 0))
    formed = in_other_forms(names[variable], errors, seed, source, stream, entities[variable])
    for part in ("given_name", "family_name"):
        names = names.with_columns(names[part].scatter(variable, formed[part]))
        of_part = f"{stream} {part}"
        rate = errors.rate("names", "rate", source) * of_names
        wrong = np.flatnonzero(draws(seed, f"{of_part} misspelt", entities) < rate)
        if len(wrong):
            by_sound = errors.rate("names", "by_sound", source)
            as_written = misspelt(names[part][wrong], seed, of_part, entities[wrong], by_sound)
            names = names.with_columns(names[part].scatter(wrong, as_written))
    lacks = draws(seed, f"{stream} initial", entities) < errors.rate("missing", "given_name", source) * prone
    initials = np.flatnonzero(lacks)
    given = names["given_name"]
    return names.with_columns(given.scatter(initials, given[initials].str.slice(0, 1)))


def _sex(sex: pl.Series, wrong: NDArray[np.bool_]) -> pl.Series:
    those = np.flatnonzero(wrong)
    return sex.scatter(those, sex[those].replace_strict({"F": "M", "M": "F"}, return_dtype=pl.String))


def _birth(lives: Lives, errors: Errors, source: str, stream: str, rows: NDArray[np.int64], prone: Floats) -> Days:
    """Return dates of birth: as in the documents, 1 January where the day is not known, and some wrong."""
    entities = lives.person[rows]
    birth = documented_birth(lives, errors, rows)
    unknown = draws(lives.seed, f"{stream} day unknown", entities) < errors.rate("dates", "day_unknown", source)
    unknown &= lives.born_abroad[rows]
    birth[unknown] = on_new_year(birth[unknown])
    wrong = draws(lives.seed, f"{stream} birth", entities) < errors.rate("dates", "birth", source) * prone
    swapped, new_year = (errors.rate("dates", kind, source) for kind in ("swapped", "new_year"))
    birth[wrong] = wrong_birth(birth[wrong], lives.seed, f"{stream} birth", entities[wrong], swapped, new_year)
    return birth


def born_by(lives: Lives, rows: NDArray[np.int64], birth: pl.Series, on: Days) -> pl.Series:
    """Return dates of birth as a source held them on a day, right where the wrong one was still to come."""
    held = birth.to_numpy()
    return dates("birth", np.where(held > on, lives.birth[rows], held))


def documented_birth(lives: Lives, errors: Errors, rows: NDArray[np.int64]) -> Days:
    """Return the dates of birth in people's documents: 1 January for many from countries without registers."""
    birth = lives.birth[rows].copy()
    abroad = np.flatnonzero(lives.born_abroad[rows])
    country = lives.people["country_of_birth"][rows[abroad]]
    uniform = draws(lives.seed, "birthday not documented", lives.person[rows[abroad]])
    for name, share in errors.dates.documents:
        unknown = abroad[(country == name).to_numpy() & (uniform < share)]
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
    entities = lives.person[known]
    old = draws(lives.seed, f"{source} stale", entities) < share * proneness(lives, errors, known)
    lag = exponential(draws(lives.seed, f"{source} lag", entities), mean_days)
    at = lives.postcode_at(rows, days - np.where(old, lag, 0).astype(np.int64)[index])
    postcodes = lives.map.text[at].alias("postcode")
    return with_gaps(lives, errors, source, "postcode", rows, postcodes)


def with_gaps(
    lives: Lives, errors: Errors, source: str, name: str, rows: NDArray[np.int64], values: pl.Series
) -> pl.Series:
    """Return the values of people without those that the source lacks: `name` is one of the kind `missing`."""
    known, index = distinct(rows)
    rate = errors.rate("missing", name, source) * proneness(lives, errors, known)
    lacks = draws(lives.seed, f"{source} lacks {name}", lives.person[known]) < rate
    return pl.select(pl.when(pl.Series(~lacks[index])).then(values)).to_series().alias(values.name)


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return how a source writes each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return sex.replace_strict(SEX_NUMBERS, return_dtype=pl.String)
