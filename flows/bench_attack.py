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

from flows.attack_days import DATED, days_by_exchange
from flows.attack_names import names_together
from flows.progress import NullListener, ProgressListener
from flows.simulate import simulate_study
from flows.stages_alone import ingest_stage
from pipeline.ingest.features import COMPOSITES, attributes, with_parts
from pipeline.ingest.pseudonymise import complete_identities, direct_identifier_tokens
from pipeline.keys import PseudonymisationKey, read_key
from pipeline.study import Study, read_study
from pipeline.tables import read_table

RESIDENTS = 20_000
THREADS = 2
VICTIM, PUBLIC = 1001, 2001
"""Seeds of the two countries."""
KEY, OTHER_KEY = b"only for this benchmark, never for data", b"another key of this benchmark, as little"
_DAY = ["birth_month"]
STRATA = {
    "date_of_birth": _DAY, "birth_day": _DAY,
    "birth_year": ["birth_year"],
}  # fmt: skip
"""The clear attributes within which an attacker ranks a column that contains one of these."""
SINGLE = ("first_name", "given_name", "family_name", "full_name", "date_of_birth", "postcode")
SCORED = {"first_name": "given_name", "family_name": "family_name", "date_of_birth": "date_of_birth"}


def attack(residents: int | None, listener: ProgressListener) -> tuple[int, dict[str, float], list[dict[str, Any]]]:
    """Return records of the victim, the share of records recovered in full by each attack, and shares by column."""
    size = RESIDENTS if residents is None else residents
    listener.progress("bench", "two countries")
    with TemporaryDirectory() as folder:
        study = _simulated(size, VICTIM, Path(folder, "victim"))
        victim = clear_people(study)
        days = _days_read(study, victim, Path(folder, "run"))
        public = clear_people(_simulated(size, PUBLIC, Path(folder, "public")))
    columns = [name for name in (*SINGLE, *COMPOSITES) if name in victim.columns]
    by_column = []
    exact, by_rank = {}, {}
    for name in columns:
        listener.progress("bench", name)
        strata = _strata(name)
        exact[name] = ranked(victim, victim, name, strata, seed=1)
        by_rank[name] = ranked(victim, public, name, strata, seed=1)
        shares = {"exact": exact[name], "public": by_rank[name]}
        by_column.append(
            {"column": name} | {f"recovered_{how}": round(float(right.mean()), 5) for how, right in shares.items()}
        )
    listener.progress("bench", "names by what they have in common")
    together = names_together(victim, public, by_rank)
    right = (days == victim["date_of_birth"].str.slice(8, 2).cast(pl.Int8)).fill_null(value=False).to_numpy()
    born = np.where(days.is_not_null().to_numpy(), right, by_rank["date_of_birth"])
    guesses = {
        "exact": exact,
        "public": by_rank,
        "together": together,
        "linked": together | {"date_of_birth": born},
    }
    full = {
        f"full_by_{how}": round(float(np.logical_and.reduce([of[name] for name in SCORED]).mean()), 6)
        for how, of in guesses.items()
    }
    parts = {f"{name}_together": round(float(together[name].mean()), 5) for name in SCORED}
    linked = {"days_read_of_linked_records": round(float(right.mean()), 5),
              "date_of_birth_linked": round(float(born.mean()), 5)}  # fmt: skip
    return victim.height, full | parts | linked | dictionary(victim, public), by_column


def _simulated(residents: int, seed: int, folder: Path) -> Study:
    simulate_study(residents, seed, folder, NullListener(), parquet=True, threads=THREADS)
    return read_study(folder / "study.toml")


def clear_people(study: Study) -> pl.DataFrame:
    """Return the people of a simulated PDS in clear: the attributes of which tokens are made, and what stays clear.

    Composites are the texts of their parts, `birth_month` and `sex` are clear in the stored tables too. `number` is
    the NHS number.
    """
    rows = read_table(study.path.parent / "extracts/pds.parquet")
    people = rows.group_by("NHS_NUMBER", maintain_order=True).last().select(
        pl.int_range(pl.len()).alias("subject_id"), pl.col("GIVEN_NAME").alias("given_name"),
        pl.col("FAMILY_NAME").alias("family_name"),
        pl.col("DATE_OF_BIRTH").cast(pl.String).str.to_date("%Y-%m-%d", strict=False).alias("date_of_birth"),
        pl.col("POSTCODE").alias("postcode"), pl.col("GENDER").alias("sex"),
        pl.col("NHS_NUMBER").cast(pl.String).alias("number"),
    )  # fmt: skip
    made = attributes(with_parts(complete_identities(people)))
    composites = {
        name: pl.concat_str([pl.col(part) for part in parts], separator="|")
        for name, parts in COMPOSITES.items()
        if all(part in made.columns for part in parts)
    }
    clear = people.select("number", "sex", pl.col("date_of_birth").dt.truncate("1mo").alias("birth_month"))
    known = made.with_columns(one.alias(name) for name, one in composites.items())
    kept = [name for name in known.columns if known[name].null_count() < known.height]
    return known.select(kept).hstack(clear)


def _days_read(study: Study, people: pl.DataFrame, folder: Path) -> pl.Series:
    """Return the day of birth (Int8) of each of `people` that the stored tokens of sources with NHS numbers tell."""
    paths = ingest_stage(study.path, folder, THREADS).folder.glob("tokens/*.parquet")
    stored = {path.stem: read_table(path) for path in sorted(paths)}
    numbered = [table for table in stored.values() if "nhs_number" in table.columns]
    records = pl.concat(table.select("nhs_number", *DATED) for table in numbered).rename({"nhs_number": "number"})
    days = days_by_exchange(records)
    of_number = stored["pds"].select("nhs_number", DATED[1]).unique("nhs_number", keep="last", maintain_order=True)
    tokens = direct_identifier_tokens(read_key(study), "nhs_number", people["number"]).alias("nhs_number")
    read = tokens.to_frame().join(of_number, on="nhs_number", how="left", maintain_order="left")
    return read.join(days, on=DATED[1], how="left", maintain_order="left")["day"]


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


def dictionary(victim: pl.DataFrame, public: pl.DataFrame) -> dict[str, float]:
    """Return the share of records that hashing all public names and all days recovers, with and without the key."""
    shares = {}
    for what, attacker in (("known", KEY), ("unknown", OTHER_KEY)):
        right = np.ones(victim.height, dtype=bool)
        for name in ("first_name", "family_name"):
            known = PseudonymisationKey(attacker).tokens("name", public[name].drop_nulls().unique()).implode()
            tokens = PseudonymisationKey(KEY).tokens("name", victim[name].fill_null(""))
            right &= tokens.is_in(known).to_numpy()
        days = pl.date_range(pl.date(1900, 1, 1), pl.date(2020, 12, 31), eager=True).cast(pl.String)
        known = PseudonymisationKey(attacker).tokens("date_of_birth", days).implode()
        born = PseudonymisationKey(KEY).tokens("date_of_birth", victim["date_of_birth"].fill_null(""))
        right &= born.is_in(known).to_numpy()
        shares[f"full_by_dictionary_key_{what}"] = round(float(right.mean()), 6)
    return shares
