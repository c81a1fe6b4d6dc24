"""The benchmark `attack`: what an attacker learns from stored tokens without the key, and with it.

The victim is the PDS of one simulated country, the attacker's knowledge that of another (other people, the same names
and the same customs), or in the upper bound the very values of the victim. An attacker without the key sees a token
as a name of nothing: what it gives away is how often it occurs, and with which clear attributes (sex, month of birth)
and other tokens. P. Christen, T. Ranbaduge and R. Schnell (2020), "Linking Sensitive Data", chapter 9, describe these
attacks.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from flows.progress import NullListener, ProgressListener
from flows.simulate import simulate_study
from pipeline.ingest.features import COMPOSITES, attributes, with_parts
from pipeline.ingest.pseudonymise import complete_identities
from pipeline.keys import PseudonymisationKey
from pipeline.tables import read_table

RESIDENTS = 20_000
VICTIM, PUBLIC = 1001, 2001
"""Seeds of the two countries."""
MOST = 600
"""The most frequent tokens that are matched by what occurs with them."""
KEY, OTHER_KEY = b"only for this benchmark, never for data", b"another key of this benchmark, as little"
_DAY = ["birth_month"]
STRATA = {
    "date_of_birth": _DAY, "birth_day": _DAY, "birth_year_day": _DAY, "birth_sorted": _DAY,
    "birth_year": ["birth_year"],
}  # fmt: skip
"""The clear attributes within which an attacker ranks a column that contains one of these."""
SINGLE = ("first_name", "given_name", "family_name", "full_name", "date_of_birth", "postcode")
SCORED = {"first_name": "given_name", "family_name": "family_name", "date_of_birth": "date_of_birth"}


def attack(residents: int | None, listener: ProgressListener) -> tuple[int, dict[str, float], list[dict[str, Any]]]:
    """Return records of the victim, the share of records recovered in full by each attack, and shares by column."""
    size = RESIDENTS if residents is None else residents
    listener.progress("bench", "two countries")
    victim, public = clear_people(size, VICTIM), clear_people(size, PUBLIC)
    columns = [name for name in (*SINGLE, *COMPOSITES) if name in victim.columns]
    by_column = []
    guesses: dict[str, dict[str, np.ndarray]] = {"exact": {}, "public": {}, "together": {}}
    for name in columns:
        listener.progress("bench", name)
        strata = _strata(name)
        of_column = {
            "exact": ranked(victim, victim, name, strata, seed=1),
            "public": ranked(victim, public, name, strata, seed=1),
        }
        by_column.append({
            "column": name,
            **{f"recovered_{attack}": round(float(right.mean()), 5) for attack, right in of_column.items()},
        })  # fmt: skip
        for attack_name, right in of_column.items():
            guesses[attack_name][name] = right
    guesses["together"] = together(victim, public, guesses["public"])
    read = days_by_structure(victim)
    right = (read == victim["date_of_birth"].str.slice(8, 2).cast(pl.Int8)).fill_null(value=False).to_numpy()
    born = np.where(read.is_not_null().to_numpy(), right, guesses["public"]["date_of_birth"])
    guesses["structure"] = guesses["public"] | {"date_of_birth": born}
    full = {
        f"full_by_{name}": round(float(np.logical_and.reduce([right[one] for one in SCORED]).mean()), 6)
        for name, right in guesses.items()
    }
    names = {f"{one}_together": round(float(guesses["together"][one].mean()), 5) for one in SCORED}
    days = {"days_read_by_structure": round(float(right.mean()), 5),
            "date_of_birth_by_structure": round(float(born.mean()), 5)}  # fmt: skip
    return victim.height, full | names | days | dictionary(victim, public), by_column


def clear_people(residents: int, seed: int) -> pl.DataFrame:
    """Return the people of a simulated PDS in clear: the attributes of which tokens are made, and what stays clear.

    Composites are the texts of their parts, `birth_month` and `sex` are clear in the stored tables too.
    """
    with TemporaryDirectory() as folder:
        simulate_study(residents, seed, Path(folder, "study"), NullListener(), parquet=True, threads=2)
        rows = read_table(Path(folder, "study/extracts/pds.parquet"))
    people = rows.group_by("NHS_NUMBER", maintain_order=True).last().select(
        pl.int_range(pl.len()).alias("subject_id"), pl.col("GIVEN_NAME").alias("given_name"),
        pl.col("FAMILY_NAME").alias("family_name"),
        pl.col("DATE_OF_BIRTH").cast(pl.String).str.to_date("%Y-%m-%d", strict=False).alias("date_of_birth"),
        pl.col("POSTCODE").alias("postcode"), pl.col("GENDER").alias("sex"),
    )  # fmt: skip
    made = attributes(with_parts(complete_identities(people)))
    composites = {
        name: pl.concat_str([pl.col(part) for part in parts], separator="|")
        for name, parts in COMPOSITES.items()
        if all(part in made.columns for part in parts)
    }
    clear = people.select("sex", pl.col("date_of_birth").dt.truncate("1mo").alias("birth_month"))
    known = made.with_columns(one.alias(name) for name, one in composites.items())
    kept = [name for name in known.columns if known[name].null_count() < known.height]
    return known.select(kept).hstack(clear)


def _strata(name: str) -> list[str]:
    """Return the clear attributes within which a column is ranked: parts of a date, or the sex for names."""
    parts = COMPOSITES.get(name, (name,))
    found = [clear for part in parts for clear in STRATA.get(part, [])]
    return list(dict.fromkeys(found)) or ["sex"]


def ranked(victim: pl.DataFrame, public: pl.DataFrame, name: str, strata: list[str], seed: int) -> np.ndarray:
    """Return which records are recovered if a token is taken for the value of the same rank in the public files.

    Ranks are by frequency within `strata`; equal frequencies are ordered by chance. A record without a value is not
    recovered.
    """

    def by_rank(people: pl.DataFrame, draw: int) -> pl.DataFrame:
        counted = people.drop_nulls([name, *strata]).group_by([*strata, name]).len().sort([*strata, name])
        chance = np.random.default_rng(draw).random(counted.height)
        ranks = counted.with_columns(pl.Series("chance", chance)).sort([*strata, "len", "chance"], descending=[
            *(False for _ in strata), True, False
        ])  # fmt: skip
        return ranks.with_columns(rank=pl.int_range(pl.len()).over(strata))

    guess = by_rank(victim, seed).join(
        by_rank(public, seed + 1).rename({name: "guess"}), on=[*strata, "rank"], how="left"
    )
    right = guess.filter(pl.col(name) == pl.col("guess")).select(*strata, name, right=pl.lit(value=True))
    found = victim.select(*strata, name).join(right, on=[*strata, name], how="left", maintain_order="left")
    return found["right"].fill_null(value=False).to_numpy()


def together(victim: pl.DataFrame, public: pl.DataFrame, alone: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return which records are recovered by what occurs together: frequent names by sex and age, then by one another.

    The most frequent tokens of a column are matched with the most frequent public values so that the clear attributes
    with which they occur fit best (assignment by log-likelihood); family names are matched by sex, age and the given
    names that the attacker has by then. Dates of birth stay as they were ranked within their month.
    """
    found = dict(alone)
    sides = [
        people.with_columns(
            decade=pl.col("birth_month").dt.year() // 10,
            first_known=pl.lit(None, pl.String),
        )
        for people in (victim, public)
    ]
    for name in ("first_name", "family_name"):
        guess = _assigned(*sides, name)
        guessed = victim.select(name).join(guess, on=name, how="left", maintain_order="left")["guess"]
        right = (guessed == victim[name]).fill_null(value=False).to_numpy()
        # whatever has no partner keeps the value of its rank
        found[name] = np.where(guessed.is_not_null().to_numpy(), right, alone[name])
        if name == "first_name":
            common = public["first_name"].value_counts(sort=True)["first_name"].head(40)
            sides = [
                sides[0].with_columns(first_known=pl.when(guessed.is_in(common.implode())).then(guessed)),
                sides[1].with_columns(
                    first_known=pl.when(pl.col("first_name").is_in(common.implode())).then("first_name")
                ),
            ]
    return found


def days_by_structure(people: pl.DataFrame) -> pl.Series:
    """Return the day of birth (Int8) of each record that the tokens of dates tell by themselves, null elsewhere.

    Nothing is known but the clear month and which tokens are equal: no frequency, no public file. A token of the year
    with day and month in either order that occurs in two months tells both days, as each is the other's month. The
    tokens of month and day, and of year and day, carry a day that is read once to all who share them.
    """
    month = pl.col("birth_month").dt.month().cast(pl.Int8)
    seen = people.select("birth_month_day", "birth_year_day", sorted="birth_day_month_sorted", month=month)
    pairs = seen.drop_nulls().group_by("sorted").agg(pl.col("month").unique().alias("months"))
    both = pairs.filter(pl.col("months").list.len() == 2).select("sorted", both=pl.col("months").list.sum())
    read = seen.join(both, on="sorted", how="left", maintain_order="left").with_columns(
        day=(pl.col("both") - pl.col("month")).cast(pl.Int8)
    )
    for column in ("birth_month_day", "birth_year_day", "birth_month_day"):
        told = read.drop_nulls(["day", column]).group_by(column).agg(pl.col("day").mode().min().alias("told"))
        read = (
            read.join(told, on=column, how="left", maintain_order="left")
            .with_columns(pl.coalesce("day", "told").alias("day"))
            .drop("told")
        )
    return read["day"]


def _assigned(victim: pl.DataFrame, public: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return `name` (a token) and its `guess` for the most frequent tokens of a column."""
    context = [pl.col(one).cast(pl.String).fill_null("") for one in ("sex", "decade", "first_known")]

    def table(people: pl.DataFrame) -> tuple[list[str], pl.DataFrame]:
        cells = people.drop_nulls(name).select(name, cell=pl.concat_str(context, separator="|"))
        values = cells[name].value_counts(sort=True).sort("count", name, descending=[True, False])[name].head(MOST)
        return values.to_list(), cells.filter(pl.col(name).is_in(values.implode())).group_by(name, "cell").len()

    (tokens, of_tokens), (values, of_values) = table(victim), table(public)
    cells = sorted(set(of_tokens["cell"]) | set(of_values["cell"]))
    place = {cell: at for at, cell in enumerate(cells)}

    def matrix(rows: list[str], counted: pl.DataFrame) -> np.ndarray:
        at = {row: number for number, row in enumerate(rows)}
        found = np.zeros((len(rows), len(cells)))
        for row, cell, number in counted.select(name, "cell", "len").iter_rows():
            found[at[row], place[cell]] = number
        return found

    seen, expected = matrix(tokens, of_tokens), matrix(values, of_values) + 0.05
    # Poisson log-likelihood of a token's table if it is the value
    likelihood = seen @ np.log(expected).T - expected.sum(axis=1)[None, :]
    one, other = linear_sum_assignment(-likelihood)
    return pl.DataFrame({name: [tokens[at] for at in one], "guess": [values[at] for at in other]})


def dictionary(victim: pl.DataFrame, public: pl.DataFrame) -> dict[str, float]:
    """Return the share of records that hashing all public names and all days recovers, with and without the key."""
    shares = {}
    for what, attacker in (("known", KEY), ("unknown", OTHER_KEY)):
        right = np.ones(victim.height, dtype=bool)
        for name in ("first_name", "family_name"):
            known = set(PseudonymisationKey(attacker).tokens("name", public[name].drop_nulls().unique().to_list()))
            tokens = PseudonymisationKey(KEY).tokens("name", victim[name].fill_null("").to_list())
            right &= np.array([token in known for token in tokens])
        days = pl.date_range(pl.date(1900, 1, 1), pl.date(2020, 12, 31), eager=True).cast(pl.String).to_list()
        known = set(PseudonymisationKey(attacker).tokens("date_of_birth", days))
        born = PseudonymisationKey(KEY).tokens("date_of_birth", victim["date_of_birth"].fill_null("").to_list())
        right &= np.array([token in known for token in born])
        shares[f"full_by_dictionary_key_{what}"] = round(float(right.mean()), 6)
    return shares
