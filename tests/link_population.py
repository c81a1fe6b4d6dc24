"""A small population with known truth, as token frames: what ingest would write, without ingest.

People live in households at postcodes in areas, with Zipf-like names. Each source has some of them, with its own
errors: misspelt names, wrong dates of birth, former addresses. Tokens are keyed hashes of plain values.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from linkage.stages import LinkStudy
from pipeline.ingest.contracts import read_contracts
from pipeline.stage import StageContext
from pipeline.study import ExtractFiles, LinkageSettings, Study

AREAS = 5
EPOCH = np.datetime64("1930-01-01")


@dataclass(frozen=True)
class Share:
    """The people that a source covers, and its rates of error."""

    of: float
    youngest: int = 0
    oldest: int = 120
    misspelt: float = 0.02
    wrong_date: float = 0.01
    moved: float = 0.10
    postcode: bool = True
    identifiers: tuple[str, ...] = ()


SOURCES = {
    "pds": Share(0.96, misspelt=0.01, wrong_date=0.003, moved=0.0, identifiers=("nhs_number",)),
    "pr": Share(0.93, misspelt=0.01, identifiers=("nhs_number",)),
    "births": Share(1.0, oldest=8, identifiers=("nhs_number",)),
    "deaths": Share(0.06, youngest=30, identifiers=("death_entry_number",)),
    "activity": Share(0.75, youngest=16, identifiers=("encrypted_nino",)),
    "mws": Share(0.10, youngest=16, moved=0.3, misspelt=0.04, identifiers=("encrypted_nino",)),
    "hesa": Share(0.25, youngest=18, oldest=35, moved=0.3, identifiers=("husid",)),
    "exit_checks": Share(0.08, misspelt=0.04, postcode=False, identifiers=("travel_person_id",)),
    "coverage_survey": Share(0.12, misspelt=0.02, moved=0.02, identifiers=("survey_person_id",)),
}
TODAY = date(2017, 6, 30)


class Population:
    """People with plain values, and the sources that record them."""

    def __init__(self, people: int, seed: int, key: str = "one") -> None:
        self.random = np.random.default_rng(seed)
        self.size = people
        self.key = key
        random = self.random
        self.given = (random.pareto(1.1, people) * 20).astype(int) % 1500
        household = np.sort(random.integers(0, people // 2 + 1, people))
        self.family = ((random.pareto(1.1, people // 2 + 1) * 60).astype(int) % 6000)[household] + 10_000
        self.home = household // 8
        self.former = random.integers(0, people // 16 + 1, people)
        self.birth = EPOCH + random.integers(0, 32_000, people).astype("timedelta64[D]")
        self.sex = np.array(["F", "M"])[self.given % 2]
        self.sources = {name: self._draw(name, share) for name, share in SOURCES.items()}

    def _draw(self, name: str, share: Share) -> pl.DataFrame:
        random = self.random
        age = (np.datetime64(TODAY) - self.birth).astype(int) / 365.25
        inside = (random.random(self.size) < share.of) & (age >= share.youngest) & (age < share.oldest)
        person = random.permutation(np.flatnonzero(inside))
        n = len(person)
        moved = random.random(n) < share.moved
        return pl.DataFrame(
            {
                "person": person,
                "subject_id": np.arange(1, n + 1),
                "moved": moved,
                "given": self._misspell(self.given[person], share.misspelt),
                "family": self._misspell(self.family[person], share.misspelt),
                "birth": self._misdate(self.birth[person], share.wrong_date),
                "sex": self.sex[person],
                "home": np.where(moved, self.former[person], self.home[person]),
            }
        )

    def _misspell(self, name: np.ndarray, share: float) -> np.ndarray:
        """Return names some of which differ: most keep their sound (name // 3) or beginning (name // 5)."""
        n = len(name)
        how = self.random.random(n)
        alike = np.where(how < 0.5, name // 3 * 3 + (name + 1) % 3, name // 5 * 5 + (name + 2) % 5)
        wrong = np.where(how < 0.85, alike, self.random.integers(20_000, 90_000, n))
        return np.where(self.random.random(n) < share, wrong, name)

    def _misdate(self, birth: np.ndarray, share: float) -> np.ndarray:
        n = len(birth)
        days = self.random.choice([1, 30, 365, 3000], n).astype("timedelta64[D]")
        return np.where(self.random.random(n) < share, birth + days, birth)

    def token(self, domain: str, values: pl.Series | np.ndarray | list) -> pl.Series:
        """Return the token of each value in its domain."""
        texts = pl.Series([str(value) for value in values], dtype=pl.String)
        if texts.is_empty():
            return pl.Series([], dtype=pl.UInt64)
        unique = texts.unique(maintain_order=True)
        hashes = [
            int.from_bytes(hashlib.blake2b(f"{self.key}|{domain}|{text}".encode(), digest_size=8).digest(), "big")
            for text in unique
        ]
        return texts.replace_strict(unique, pl.Series(hashes, dtype=pl.UInt64), return_dtype=pl.UInt64)

    def tokens(self, source: str) -> pl.DataFrame:
        """Return `tokens/<source>` as ingest writes it."""
        share, rows = SOURCES[source], self.sources[source]
        given, family, birth = rows["given"].to_numpy(), rows["family"].to_numpy(), rows["birth"].to_numpy()
        birth = birth.astype("datetime64[D]")
        text = [str(day) for day in birth]
        parts = {
            "given_name": ("name", given),
            "family_name": ("name", family),
            "full_name": ("full", [tuple(sorted(two)) for two in zip(given.tolist(), family.tolist(), strict=True)]),
            "date_of_birth": ("date_of_birth", text),
            "given_sound_birth_year": ("gsy", [f"{a // 3}|{d[:4]}" for a, d in zip(given, text, strict=True)]),
            "family_sound_birth_year": ("fsy", [f"{a // 3}|{d[:4]}" for a, d in zip(family, text, strict=True)]),
            "given_prefix_birth_month": ("gpm", [f"{a // 5}|{d[:7]}" for a, d in zip(given, text, strict=True)]),
            "family_prefix_birth_month": ("fpm", [f"{a // 5}|{d[:7]}" for a, d in zip(family, text, strict=True)]),
            "initials_date_of_birth": (
                "idb", [f"{a // 100}|{b // 400}|{d}" for a, b, d in zip(given, family, text, strict=True)]
            ),
            "birth_month_day": ("bmd", [f"{d[5:]}|{s}" for d, s in zip(text, rows["sex"], strict=True)]),
            "birth_year_day": ("byd", [f"{d[:4]}{d[7:]}|{s}" for d, s in zip(text, rows["sex"], strict=True)]),
            "birth_day_month_sorted": ("bdm", [f"{d[:4]}{sorted([d[5:7], d[8:]])}" for d in text]),
        }  # fmt: skip
        frame = rows.select("subject_id", "sex", pl.Series("birth_month", birth).cast(pl.Date).dt.truncate("1mo"))
        frame = frame.with_columns(self.token(domain, values).alias(name) for name, (domain, values) in parts.items())
        if share.postcode:
            frame = frame.with_columns(
                self.token("postcode", rows["home"].to_list()).alias("postcode"),
                pl.Series("area", [f"A{home % AREAS}" for home in rows["home"]]),
            )
        value_lists = {"given_names": "given_name", "family_names": "family_name", "dates_of_birth": "date_of_birth"}
        if share.postcode:
            value_lists["postcodes"] = "postcode"
        frame = frame.with_columns(pl.concat_list(one).alias(many) for many, one in value_lists.items())
        for kind in share.identifiers:
            own = [f"{kind}{person}" for person in rows["person"]]
            frame = frame.with_columns(self.token(kind, own).alias(kind))
        return frame

    @property
    def truth(self) -> pl.DataFrame:
        """Return `source, subject_id, person, moved, nationality_group` of all subjects."""
        return pl.concat(
            [
                rows.select(
                    pl.lit(source).alias("source"), "subject_id", "person", "moved", nationality_group=pl.lit("EU")
                )
                for source, rows in self.sources.items()
            ]
        )

    def write(self, folder: Path, reviewed: int = 400, wrong: float = 0.01) -> Path:
        """Write the tables of ingest that linkage reads; returns the folder."""
        (folder / "tokens").mkdir(parents=True)
        (folder / "records").mkdir()
        for source in SOURCES:
            self.tokens(source).write_parquet(folder / "tokens" / f"{source}.parquet")
        self.sources["coverage_survey"].select("subject_id", reference_date=date(2017, 6, 30)).write_parquet(
            folder / "records" / "coverage_survey.parquet"
        )
        births = self.sources["births"]
        mothers = np.where(self.random.random(births.height) < 0.9, (births["person"].to_numpy() + 1) % self.size, -1)
        births.select("subject_id").with_columns(
            self.token("nhs_number", [f"nhs_number{mother}" for mother in mothers]).alias("mother_nhs_number")
        ).write_parquet(folder / "records" / "births.parquet")
        self._review(folder, reviewed, wrong)
        return folder

    def _review(self, folder: Path, reviewed: int, wrong: float) -> None:
        survey = self.sources["coverage_survey"].head(reviewed)
        on_spine = set(self.sources["pds"]["person"])
        rows = []
        for at, person in enumerate(survey["person"], start=1):
            for review in (1, 2) if at % 5 == 0 else (1,):
                right = person if person in on_spine else None
                other = (
                    None if right is not None and self.random.random() < 0.5 else int(self.random.integers(self.size))
                )
                rows.append((at, review, other if self.random.random() < wrong else right))
        found = pl.DataFrame(rows, schema=["subject_id", "review", "match"], orient="row")
        named = self.token("nhs_number", [f"nhs_number{match}" for match in found["match"]])
        found.select(
            "subject_id", "review", pl.when(pl.col("match").is_not_null()).then(named).alias("match_nhs_number")
        ).write_parquet(folder / "records" / "review_sample.parquet")
        pl.DataFrame(
            {
                "subject_id": np.arange(1, survey.height + 1),
                "survey_person_id": self.token(
                    "survey_person_id", [f"survey_person_id{one}" for one in survey["person"]]
                ),
            }
        ).write_parquet(folder / "tokens" / "review_sample.parquet")


def study_of(folder: Path, sources: Collection[str] | None = None, **linkage: object) -> Study:
    """Return a study of some sources (all by default); its extract files do not exist."""
    contracts = read_contracts()
    extracts = [extract for source in sorted(sources or contracts) for extract in contracts[source].extracts]
    return Study(
        path=folder / "study.toml",
        name="linkage test",
        data_date=date(2019, 12, 31),
        area_lookup="areas.csv",
        extract=tuple(ExtractFiles(name=name, files=(f"{name}.csv",)) for name in extracts),
        linkage=LinkageSettings(**linkage),
    )


def context_of(
    folder: Path, ingest: Path, threads: int = 2, sources: Collection[str] | None = None, **linkage: object
) -> StageContext:
    """Return the context of the stage `link` over a folder of ingest."""
    folder.mkdir(parents=True, exist_ok=True)
    return StageContext(
        LinkStudy.of(study_of(folder, sources, **linkage), folder), {"ingest": ingest}, folder, threads
    )
