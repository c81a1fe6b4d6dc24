"""A small population with known truth, and the tokens that ingest makes of it.

People live in households at postcodes in areas and have names of syllables, as unequally frequent as real ones. Each
source records some of them in clear, with its own errors: misspelt names, names exchanged, wrong dates of birth,
former addresses. Their tokens are those of `subject_tokens`, under a key of the test.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from linkage.stages import LinkStudy
from linkage.subjects import Subjects
from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.name_variants import SHIPPED, read_name_variants
from pipeline.ingest.pseudonymise import AS_RECORDED, direct_identifier_tokens, subject_tokens
from pipeline.keys import PseudonymisationKey
from pipeline.stage import StageContext
from pipeline.study import ExtractFiles, LinkageSettings, Study

AREAS = 5
EPOCH = np.datetime64("1930-01-01")
VARIANTS = read_name_variants(SHIPPED)
TODAY = date(2017, 6, 30)


@dataclass(frozen=True)
class Share:
    """The people that a source covers, and its rates of error."""

    of: float
    youngest: int = 0
    oldest: int = 120
    misspelt: float = 0.02
    wrong_date: float = 0.01
    exchanged: float = 0.005
    moved: float = 0.10
    postcode: bool = True
    attributes: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    former_number: float = 0.0


SOURCES = {
    "pds": Share(0.96, misspelt=0.01, wrong_date=0.003, moved=0.0,
                 attributes=("country_of_birth",), identifiers=("nhs_number",)),
    "pr": Share(0.93, misspelt=0.01, identifiers=("nhs_number",), former_number=0.05),
    "births": Share(1.0, oldest=8, identifiers=("nhs_number",)),
    "deaths": Share(0.06, youngest=30, identifiers=("death_entry_number",)),
    "activity": Share(0.75, youngest=16, identifiers=("encrypted_nino",)),
    "mws": Share(0.10, youngest=16, moved=0.3, misspelt=0.04,
                 attributes=("nationality",), identifiers=("encrypted_nino",)),
    "hesa": Share(0.25, youngest=18, oldest=35, moved=0.3, attributes=("nationality",), identifiers=("husid",)),
    "exit_checks": Share(0.08, misspelt=0.04, postcode=False,
                         attributes=("nationality",), identifiers=("travel_person_id",)),
    "coverage_survey": Share(0.12, misspelt=0.02, moved=0.02, identifiers=("survey_person_id",)),
}  # fmt: skip


def key_of(name: str) -> PseudonymisationKey:
    """Return a key of the tests."""
    return PseudonymisationKey(hashlib.sha256(name.encode()).digest())


def tokens_of(identities: pl.DataFrame, kinds: Sequence[str] = (), key: str = "one") -> pl.DataFrame:
    """Return the tokens of people in clear: columns of `AS_RECORDED`, `subject_id`, and whatever else is recorded.

    Where a person has one row, `first` and `last` may be left out.
    """
    ranks = [
        pl.int_range(pl.len(), dtype=pl.Int64).alias(rank)
        for rank in ("first", "last")
        if rank not in identities.columns
    ]
    return subject_tokens(_with_month(identities).with_columns(ranks), kinds, key_of(key), VARIANTS)


def people(*rows: Mapping[str, object], **columns: object) -> pl.DataFrame:
    """Return people in clear, numbered from 1, one a row; `columns` are the same for all."""
    numbered = [{"subject_id": at, **columns, **row} for at, row in enumerate(rows, start=1)]
    frame = pl.DataFrame(numbered, infer_schema_length=None)
    types = {name: kind for name, kind in AS_RECORDED.items() if name in frame.columns}
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items())


def _with_month(frame: pl.DataFrame) -> pl.DataFrame:
    if "date_of_birth" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("date_of_birth").dt.truncate("1mo").alias("birth_month"))


def subjects_of(
    folder: Path, sources: Mapping[str, pl.DataFrame], direct: Sequence[str] = (), threads: int = 1
) -> Subjects:
    """Return the subjects of sources whose people are given in clear; `direct` are kinds that some of them have."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.parquet" for name in sources}
    for name, identities in sources.items():
        tokens_of(identities, [kind for kind in direct if kind in identities.columns]).write_parquet(files[name])
    return Subjects(files, {}, direct, threads)


def _words(number: int, syllables: int, random: np.random.Generator) -> np.ndarray:
    """Return so many different names."""
    parts = ["".join(two) for two in product("BDFGKLMNPRSTVZ", "AEIOU")]
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(random.choice(parts, syllables)) + random.choice(list("NRSTLK"))] = None
    return np.array(list(found))


class Population:
    """People with plain values, and the sources that record them."""

    def __init__(self, people: int, seed: int, key: str = "one") -> None:
        self.random = np.random.default_rng(seed)
        self.size = people
        self.key = key
        random = self.random
        self.given_names, self.family_names = _words(800, 2, random), _words(4000, 3, random)
        self.given = (random.pareto(1.1, people) * 20).astype(int) % 800
        household = np.sort(random.integers(0, people // 2 + 1, people))
        self.family = ((random.pareto(1.1, people // 2 + 1) * 60).astype(int) % 4000)[household]
        self.home = household // 8
        self.former = random.integers(0, people // 16 + 1, people)
        self.birth = EPOCH + random.integers(0, 32_000, people).astype("timedelta64[D]")
        self.sex = np.array(["F", "M"])[self.given % 2]
        self.country = np.where(
            random.random(people) < 0.8, "GB", random.choice(["FR", "PL", "IN", "NG", "CN", "RO"], people)
        )
        self.people = {name: self._draw(share) for name, share in SOURCES.items()}

    def _draw(self, share: Share) -> pl.DataFrame:
        """Return the people of a source in clear, with `person` and whether the source has another address."""
        random = self.random
        age = (np.datetime64(TODAY) - self.birth).astype(int) / 365.25
        inside = (random.random(self.size) < share.of) & (age >= share.youngest) & (age < share.oldest)
        person = random.permutation(np.flatnonzero(inside))
        n = len(person)
        moved = random.random(n) < share.moved
        home = np.where(moved, self.former[person], self.home[person])
        given = self._misspell(self.given_names[self.given[person]], share.misspelt)
        family = self._misspell(self.family_names[self.family[person]], share.misspelt)
        exchanged = random.random(n) < share.exchanged
        birth = self._misdate(self.birth[person], share.wrong_date)
        frame = pl.DataFrame(
            {
                "person": person,
                "subject_id": np.arange(1, n + 1),
                "moved": moved,
                "given_name": np.where(exchanged, family, given).tolist(),
                "family_name": np.where(exchanged, given, family).tolist(),
                "date_of_birth": pl.Series(birth.astype("datetime64[D]")).cast(pl.Date),
                "sex": self.sex[person].tolist(),
            }
        )
        if share.postcode:
            frame = frame.with_columns(
                pl.Series("postcode", [f"AB{one % 90 + 10} {one % 9}CD{one // 90}" for one in home]),
                pl.Series("area", [f"A{one % AREAS}" for one in home]),
            )
        frame = frame.with_columns(pl.Series(name, self.country[person].tolist()) for name in share.attributes)
        former = pl.Series("former", np.where(random.random(n) < share.former_number, "former", ""))
        numbers = [pl.format(f"{{}}{kind}{{}}", former, "person").alias(kind) for kind in share.identifiers]
        return frame.with_columns(numbers)

    def _misspell(self, names: np.ndarray, share: float) -> np.ndarray:
        """Return names some of which differ: another vowel, another end, or another name altogether."""
        n = len(names)
        how, wrong = self.random.random(n), self.random.random(n) < share
        other = self.random.choice(self.family_names, n)
        vowel = {**dict(zip("AEIOU", "EIOUA", strict=True))}
        changed = [
            name[:-2] + vowel[name[-2]] + name[-1] if at < 0.5 else name[:-1] + "X" if at < 0.85 else another
            for name, at, another in zip(names, how, other, strict=True)
        ]
        return np.where(wrong, changed, names)

    def _misdate(self, birth: np.ndarray, share: float) -> np.ndarray:
        n = len(birth)
        days = self.random.choice([1, 30, 365, 3000], n).astype("timedelta64[D]")
        return np.where(self.random.random(n) < share, birth + days, birth)

    def number(self, kind: str, persons: Collection[int]) -> pl.Series:
        """Return the tokens of the numbers of a kind of some people."""
        return direct_identifier_tokens(key_of(self.key), kind, pl.Series([f"{kind}{one}" for one in persons]))

    def tokens(self, source: str) -> pl.DataFrame:
        """Return `tokens/<source>` as ingest writes it."""
        frame = self.people[source]
        numbers = [pl.col(kind).str.to_uppercase() for kind in SOURCES[source].identifiers]
        return tokens_of(frame.with_columns(numbers), SOURCES[source].identifiers, self.key)

    @property
    def truth(self) -> pl.DataFrame:
        """Return `source, subject_id, person, moved, nationality_group` of all subjects."""
        return pl.concat(
            [
                rows.select(
                    pl.lit(source).alias("source"), "subject_id", "person", "moved", nationality_group=pl.lit("EU")
                )
                for source, rows in self.people.items()
            ]
        )

    def write(self, folder: Path, reviewed: int = 400, wrong: float = 0.01) -> Path:
        """Write the tables of ingest that linkage reads; returns the folder."""
        (folder / "tokens").mkdir(parents=True)
        (folder / "records").mkdir()
        for source in SOURCES:
            self.tokens(source).write_parquet(folder / "tokens" / f"{source}.parquet")
        self.people["coverage_survey"].select("subject_id", reference_date=TODAY).write_parquet(
            folder / "records" / "coverage_survey.parquet"
        )
        births = self.people["births"]
        mothers = np.where(self.random.random(births.height) < 0.9, (births["person"].to_numpy() + 1) % self.size, -1)
        births.select("subject_id").with_columns(
            self.number("nhs_number", mothers).alias("mother_nhs_number")
        ).write_parquet(folder / "records" / "births.parquet")
        self._review(folder, reviewed, wrong)
        return folder

    def _review(self, folder: Path, reviewed: int, wrong: float) -> None:
        survey = self.people["coverage_survey"].head(reviewed)
        on_spine = set(self.people["pds"]["person"])
        rows = []
        for at, person in enumerate(survey["person"], start=1):
            for review in (1, 2) if at % 5 == 0 else (1,):
                right = person if person in on_spine else None
                other = (
                    None if right is not None and self.random.random() < 0.5 else int(self.random.integers(self.size))
                )
                rows.append((at, review, other if self.random.random() < wrong else right))
        found = pl.DataFrame(rows, schema=["subject_id", "review", "match"], orient="row")
        named = self.number("nhs_number", found["match"])
        found.select(
            "subject_id", "review", pl.when(pl.col("match").is_not_null()).then(named).alias("match_nhs_number")
        ).write_parquet(folder / "records" / "review_sample.parquet")
        survey.select(
            pl.int_range(1, pl.len() + 1).alias("subject_id"),
            self.number("survey_person_id", survey["person"]).alias("survey_person_id"),
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
    """Return the context of the stage `link` over a folder of ingest; sources that it lacks are not in the study."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = sources or [*SOURCES, "review_sample"]
    return StageContext(
        LinkStudy.of(study_of(folder, chosen, **linkage), folder), {"ingest": ingest}, folder, threads
    )
