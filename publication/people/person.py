"""All that a run's tables say of one person; nothing is computed again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.schemas import TABLES
from pipeline.tables import scan_table

OWN, OTHER = ("source", "subject_id"), ("other_source", "other_subject_id")


@dataclass(frozen=True)
class Person:
    """One person of a run, as of its `data_date` and by its published `definition`.

    `subjects` has `draws_elsewhere`, the number of draws of links in which the subject is another person's. `links`
    has one row for each link between a subject of the person (`source`, `subject_id`) and another: `other_person`,
    and whether the two are `joined` in this person. `possibly_one` has `other_person` and the `probability` that the
    two are one. The other frames are rows of the tables of their names, `migrations` those of the published
    definition, `residents` those of all families of residence rules, in order of the days.
    """

    person_id: int
    definition: str
    data_date: date
    attributes: Mapping[str, Any]
    subjects: pl.DataFrame
    links: pl.DataFrame
    possibly_one: pl.DataFrame
    evidence: pl.DataFrame
    stays: pl.DataFrame
    migrations: pl.DataFrame
    residents: pl.DataFrame

    @property
    def decided_stays(self) -> pl.DataFrame:
        """The stays of the published definition, in order."""
        return self.stays.filter(pl.col("definition") == self.definition).sort("start")


def read_people(tables: Path, people: Collection[int], definition: str, data_date: date) -> dict[int, Person]:
    """Return people of a run by their `person_id`; people who are in no cluster are left out."""
    asked = sorted(set(people))
    clusters = _scan(tables, "clusters")
    subjects = clusters.filter(pl.col("draw") == 0, pl.col("person_id").is_in(asked)).drop("draw").collect()
    elsewhere = (
        clusters.filter(pl.col("draw") > 0)
        .join(subjects.lazy().select(OWN), on=OWN, how="semi")
        .group_by(OWN)
        .agg(draws_elsewhere=pl.col("draw").n_unique())
        .collect()
    )
    subjects = (
        subjects.join(elsewhere, on=OWN, how="left")
        .with_columns(pl.col("draws_elsewhere").fill_null(0))
        .sort("person_id", *OWN)
    )
    evidence = _scan(tables, "evidence").join(subjects.lazy().select("person_id", *OWN), on=OWN).collect()
    rows = {
        "subjects": subjects,
        "links": _links(tables, subjects),
        "possibly_one": _possibly_one(tables, asked),
        "evidence": evidence.sort("date", "rule_id", "source", "record_id"),
        **{
            name: _scan(tables, name).filter(pl.col("person_id").is_in(asked)).collect()
            for name in ("people", "stays", "migrations", "residents")
        },
    }
    return {
        one: _person(one, definition, data_date, {name: frame.filter(person_id=one) for name, frame in rows.items()})
        for one in subjects["person_id"].unique().sort().to_list()
    }


def _person(person_id: int, definition: str, data_date: date, rows: Mapping[str, pl.DataFrame]) -> Person:
    people = rows["people"].to_dicts()
    own = {name: frame.drop("person_id") for name, frame in rows.items() if name != "people"}
    own["migrations"] = own["migrations"].filter(pl.col("definition") == definition)
    own["residents"] = own["residents"].sort("reference_date", "family")
    return Person(person_id, definition, data_date, people[0] if people else {}, **own)


def _links(tables: Path, subjects: pl.DataFrame) -> pl.DataFrame:
    """Return every link of the subjects once for each end that is theirs, the likeliest first."""
    links = _scan(tables, "links")
    what = ("match_weight", "match_probability", "method")
    ends = [("source_l", "subject_id_l"), ("source_r", "subject_id_r")]
    both = pl.concat(
        links.select(
            *what,
            **dict(zip(OWN, map(pl.col, own), strict=True)),
            **dict(zip(OTHER, map(pl.col, other), strict=True)),
        ).join(subjects.lazy().select("person_id", *OWN), on=OWN)
        for own, other in (ends, ends[::-1])
    )
    people = _scan(tables, "clusters").filter(pl.col("draw") == 0)
    people = people.select(other_person="person_id", other_source="source", other_subject_id="subject_id")
    known = both.join(people, on=OTHER, how="left").with_columns(joined=pl.col("person_id") == pl.col("other_person"))
    source, other_source = pl.col(OWN[0]), pl.col(OTHER[0])
    first_end = (source < other_source) | ((source == other_source) & (pl.col(OWN[1]) < pl.col(OTHER[1])))
    once = first_end | ~pl.col("joined").fill_null(value=False)
    order = ["match_weight", *OWN, *OTHER]
    return known.collect().filter(once).sort(order, descending=[True, False, False, False, False])


def _possibly_one(tables: Path, asked: list[int]) -> pl.DataFrame:
    """Return `person_id, other_person, probability`, the likeliest first."""
    two = _scan(tables, "possibly_one")
    sides = ("person_id", "other_person_id")
    both = pl.concat(
        two.select(person_id=own, other_person=other, probability="probability")
        for own, other in (sides, sides[::-1])
    )
    found = both.filter(pl.col("person_id").is_in(asked)).collect()
    return found.sort("probability", "other_person", descending=[True, False])


def _scan(tables: Path, name: str) -> pl.LazyFrame:
    path = tables / f"{name}.parquet"
    return scan_table(path) if path.exists() else TABLES[name].create_empty().lazy()
