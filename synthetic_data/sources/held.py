"""What a source holds of a person: the names, date of birth, sex and postcode that it believes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import table
from synthetic_data.days import DATA_DATE, dates
from synthetic_data.distinct import distinct
from synthetic_data.draws import Days, Floats, draws, exponential
from synthetic_data.errors import Errors
from synthetic_data.labels import Labels
from synthetic_data.mistakes import drawn_slips, misspelt, on_new_year, wrong_birth
from synthetic_data.name_forms import PARTS, in_other_forms
from synthetic_data.proneness import HOME_NAMES, proneness
from synthetic_data.residence import Lives

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
    entities = lives.person[rows]
    stream = f"{source} again" if again else source
    prone, people, wives = proneness(lives, errors, rows), lives.people, np.flatnonzero(told)
    names = {part: people[part][rows] for part in PARTS}
    wives = wives[people["married_name"][rows[wives]].is_not_null().to_numpy()]
    names["family_name"] = names["family_name"].scatter(wives, people["married_name"][rows[wives]])
    changed = _change(names, lives.name_origin[rows], errors, lives.seed, source, stream, entities, prone)
    if source in IN_CAPITALS:
        changed = np.union1d(changed, wives)
        names = {
            part: lives.names_in_capitals[part][rows].scatter(changed, written[changed].str.to_uppercase())
            for part, written in names.items()
        }
    wrong = draws(lives.seed, f"{stream} sex", entities) < errors.rate("sex", "wrong", source) * prone
    birth = _birth(lives, errors, source, stream, rows, prone)
    return pl.DataFrame(names | {"sex": SEXES[(lives.female[rows] != wrong).view(np.uint8)], "birth": birth})


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


def _change(
    names: dict[str, pl.Series],
    origin: Labels,
    errors: Errors,
    seed: int,
    source: str,
    stream: str,
    entities: NDArray[np.int64],
    prone: Floats,
) -> NDArray[np.int64]:
    """Change names to those the source writes: in other forms, misspelt, or the given one as an initial.

    Returns the places of the changed ones, which are few.
    """
    foreign = ~origin.are_any(*HOME_NAMES)
    # English and Irish names have no other forms but the short ones
    variable = np.flatnonzero(foreign | (errors.rate("forms", "nickname", source) > 0))
    places, forms = in_other_forms(
        pl.DataFrame({part: written[variable] for part, written in names.items()}),
        origin[variable], errors, seed, source, stream, entities[variable],
    )  # fmt: skip
    formed = variable[places]
    rate = errors.rate("names", "rate", source) * (prone * np.where(foreign, errors.names.foreign_factor, 1.0))
    by_sound = errors.rate("names", "by_sound", source)
    wrong = {part: np.flatnonzero(draws(seed, f"{stream} {part} misspelt", entities) < rate) for part in PARTS}
    lacks = draws(seed, f"{stream} initial", entities) < errors.rate("missing", "given_name", source) * prone
    initials = np.flatnonzero(lacks)
    for part in PARTS:
        names[part] = names[part].scatter(formed, forms[part])
    slips = pl.concat(
        drawn_slips(seed, f"{stream} {part}", entities[those], by_sound) for part, those in wrong.items()
    )
    as_written = misspelt(pl.concat(names[part][those] for part, those in wrong.items()), slips)
    of_given = len(wrong["given_name"])
    for part, new in zip(PARTS, (as_written[:of_given], as_written[of_given:]), strict=True):
        names[part] = names[part].scatter(wrong[part], new)
    given = names["given_name"]
    names["given_name"] = given.scatter(initials, given[initials].str.slice(0, 1))
    return np.unique(np.concatenate([formed, *wrong.values(), initials]))


def _birth(lives: Lives, errors: Errors, source: str, stream: str, rows: NDArray[np.int64], prone: Floats) -> Days:
    """Return dates of birth: as in the documents, 1 January where the day is not known, and some wrong."""
    entities = lives.person[rows]
    birth = documented_birth(lives, errors, rows)
    abroad = np.flatnonzero(lives.born_abroad[rows])
    day_known = draws(lives.seed, f"{stream} day unknown", entities[abroad]) >= errors.rate(
        "dates", "day_unknown", source
    )
    unknown = abroad[~day_known]
    birth[unknown] = on_new_year(birth[unknown])
    wrong = np.flatnonzero(
        draws(lives.seed, f"{stream} birth", entities) < errors.rate("dates", "birth", source) * prone
    )
    swapped, new_year = (errors.rate("dates", kind, source) for kind in ("swapped", "new_year"))
    birth[wrong] = wrong_birth(birth[wrong], lives.seed, f"{stream} birth", entities[wrong], swapped, new_year)
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
    return values.clone().scatter(np.flatnonzero(lacks[index]), None)


def code(countries: pl.Series, column: str) -> pl.Series:
    """Return how a source writes each country: a column of the table of countries."""
    known = table("countries").filter(pl.col(column).is_not_null())
    return countries.replace_strict(known["country"], known[column], default=None, return_dtype=pl.String)


def sex_number(sex: pl.Series) -> pl.Series:
    """Return the sexes as the NHS and HESA write them."""
    return SEX_NUMBERS[(sex == "F").to_numpy().view(np.uint8)]
