"""A country of a few people in the tables that the stage `count` reads, written by hand."""

from datetime import date
from pathlib import Path

import polars as pl

from estimation.stages import CountStudy
from pipeline.schemas import (
    ALL,
    NATIONALITY_GROUPS,
    SEXES,
    LateMigrations,
    LinkErrors,
    Migrations,
    Mothers,
    People,
    PeopleNationality,
    PossiblyOne,
    Residents,
    Stays,
)
from pipeline.stage import StageContext, StageRecord
from pipeline.study import CoverageSettings, ExtractFiles, Periods, Study

SURVEY_DAY = date(2017, 6, 30)
NO_NATIONALITY = {
    "measure": pl.String, "time": pl.Int32, "group_l": pl.String, "group_r": pl.String, "covariance": pl.Float64,
}  # fmt: skip
"""The schema of `nationality_covariance`, which is empty where every group is certain."""


def ages_alike(relative_sd: float = 0.0) -> pl.DataFrame:
    """Return the table `coverage_ages` where no age differs from its class, but for what is not known of it."""
    ages = pl.DataFrame({"age": pl.int_range(0, 131, dtype=pl.Int32, eager=True)})
    groups = pl.DataFrame({"nationality_group": NATIONALITY_GROUPS})
    cells = pl.DataFrame({"sex": SEXES}).join(groups, how="cross").join(ages, how="cross")
    return cells.with_columns(relative_factor=pl.lit(1.0), relative_sd=pl.lit(relative_sd))


def small_study(**changes: object) -> Study:
    """Return a study of two years, its survey on 30 June 2017."""
    settings = {
        "path": Path("study.toml"),
        "name": "small",
        "data_date": date(2019, 12, 31),
        "area_lookup": "areas.csv",
        "extract": (ExtractFiles(name="births", files=("births.csv",)),),
        "periods": Periods(flow_years=(2016, 2017), stock_years=(2015, 2016, 2017)),
        "coverage": CoverageSettings(minimum_matches=2, replicates=20),
    }
    return Study(**{**settings, **changes})


def person(person_id: int, sex: str, born: date | None, group: str = "British") -> dict:
    """Return a row of `people`."""
    row = dict.fromkeys(People.column_names()) | {"person_id": person_id, "sex": sex, "birth_month": born}
    row |= {"sex_source": "pds", "nationality_group": group, "nationality_source": "pds", "area_history": []}
    row |= {name: 1.0 for name in People.column_names() if name.endswith("_probability")}
    return row | {name: 0 for name in People.column_names() if name.endswith("_disagreements")}


def nationality(person_id: int, group: str, probability: float = 1.0, view: str = "registration") -> dict:
    """Return a row of `people_nationality`."""
    return {"person_id": person_id, "view": view, "group": group, "probability": probability}


def migration(person_id: int, day: date, direction: str, probability: float = 1.0, **more: object) -> dict:
    """Return a row of `migrations`."""
    return {
        "person_id": person_id, "definition": "long_term", "date": day, "direction": direction,
        "status": "certain" if probability == 1 else "probable", "probability": probability,
        "reason": None, "rule_id": "r", "dated_by": "e", "record_ids": [1],
        "days_over_threshold": 30, "provisional": probability < 1, **more,
    }  # fmt: skip


def late_migration(person_id: int, day: date, direction: str, probability: float, factor: float) -> dict:
    """Return a row of `late_migrations`, modelled on one of the year before."""
    return {
        "person_id": person_id, "definition": "long_term", "date": day, "direction": direction, "years_later": 1,
        "probability": probability, "factor": factor, "rule_id": "r",
    }  # fmt: skip


def resident(person_id: int, day: date, resident: bool = True, trimmed: bool = True) -> dict:
    """Return a row of `residents`."""
    return {
        "person_id": person_id, "reference_date": day, "family": "activity_window", "published": True,
        "resident": resident, "probability": float(resident),
        "trimmed": trimmed and resident, "trimming_depth": int(trimmed and resident), "decided_by": "r",
    }  # fmt: skip


def stay(person_id: int, start: date, end: date | None, status: str = "long_term") -> dict:
    """Return a row of `stays`."""
    return {
        "person_id": person_id, "definition": "long_term", "stay_rule": "r", "start": start, "end": end,
        "starts_by_arrival": True, "end_reason": "open", "status": status,
        "branch": "long_enough", "decided_by": "e", "start_rule": "e", "start_record": 1, "end_rule": "e",
        "end_record": 1, "days": 400, "days_over_threshold": 35, "absent_days": None,
        "absent_days_over_threshold": None, "probability": 1.0,
    }  # fmt: skip


class Country:
    """Tables by name, in the folders of their stages; `context` writes them and gives the stage's context.

    People without a row in `nationality` are certainly of the group in `people`.
    """

    def __init__(self) -> None:
        self.people: list[dict] = []
        self.nationality: list[dict] = []
        self.migrations: list[dict] = []
        self.late_migrations: list[dict] = []
        self.residents: list[dict] = []
        self.stays: list[dict] = []
        self.clusters: list[tuple[str, int, int]] = []
        self.mothers: list[tuple[str, int, str, int]] = []
        self.births: list[tuple] = []
        self.deaths: list[tuple[int, str, date, date]] = []
        self.survey: list[tuple] = []
        self.survey_day = SURVEY_DAY
        self.gaps: list[tuple[str, date, date]] = []
        self.recall: tuple[float | None, float, float, float] = (1.0, 0.0, 0.0, 0.0)
        self.precision: tuple[float | None, float | None, float | None] = (None, None, None)

    def context(self, folder: Path, study: Study) -> StageContext:
        """Write all tables under `folder` and return the context of `count`."""
        ingest, link, stays = (folder / name for name in ("ingest", "link", "stays"))
        for one in (ingest / "records", link, stays, folder / "count"):
            one.mkdir(parents=True, exist_ok=True)
        for name, schema in (
            ("people", People),
            ("migrations", Migrations),
            ("late_migrations", LateMigrations),
            ("residents", Residents),
            ("stays", Stays),
        ):
            rows = pl.DataFrame(getattr(self, name), schema=schema.create_empty().schema, strict=False)
            rows.write_parquet(stays / f"{name}.parquet")
        each = pl.DataFrame({"direction": ["immigration", "emigration"], "migrations_per_case": 1.0})
        each = each.with_columns(from_date=pl.lit(date.min))
        groups = (
            pl.DataFrame({"nationality_group": NATIONALITY_GROUPS})
            .join(pl.DataFrame({"child": [False, True]}), how="cross")
            .join(pl.DataFrame({"quarter": [1, 2, 3, 4]}, schema={"quarter": pl.Int8}), how="cross")
        )
        each.join(groups, how="cross").write_parquet(stays / "flow_completeness.parquet")
        told = {one["person_id"] for one in self.nationality}
        certain = [nationality(one["person_id"], one["nationality_group"]) for one in self.people]
        rows = [*self.nationality, *(one for one in certain if one["person_id"] not in told)]
        pl.DataFrame(rows, schema=PeopleNationality.create_empty().schema).write_parquet(
            stays / "people_nationality.parquet"
        )
        clusters = pl.DataFrame(self.clusters, schema=["source", "subject_id", "person_id"], orient="row")
        clusters.with_columns(draw=pl.lit(0, dtype=pl.Int32)).write_parquet(link / "clusters.parquet")
        pl.DataFrame(self.mothers, schema=Mothers.create_empty().schema, orient="row").write_parquet(
            link / "mothers.parquet"
        )
        names = ("review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se")
        quality = {
            "source_l": "coverage_survey",
            "source_r": "pds",
            "group": "all",
            "subjects_l": 1_000,
            "linked": 900,
        } | dict(zip(names, self.recall, strict=True))
        unknown = dict.fromkeys(
            [f"{what}_{which}" for what in ("recall", "precision") for which in ("estimate", "low", "high")],
            pl.Float64,
        )
        expected = dict.fromkeys(unknown) | dict(
            zip(("precision_estimate", "precision_low", "precision_high"), self.precision, strict=True)
        )
        pl.DataFrame([quality | expected], schema_overrides=unknown).write_parquet(link / "linkage_quality.parquet")
        PossiblyOne.create_empty().write_parquet(link / "possibly_one.parquet")
        nobody_twice = dict.fromkeys(LinkErrors.column_names(), 0.0) | {"nationality_group": ALL, "people": 0}
        pl.DataFrame([nobody_twice]).write_parquet(link / "link_errors.parquet")
        vital = {"subject_id": pl.Int64, "sex": pl.String, "birth_month": pl.Date}
        born = {**vital, "registration_date": pl.Date}
        births = [(*one, one[2])[:4] for one in self.births]  # registered in the month of birth, if not stated
        pl.DataFrame(births, schema=born, orient="row").write_parquet(ingest / "records" / "births.parquet")
        dead = {**vital, "date_of_death": pl.Date}
        pl.DataFrame(self.deaths, schema=dead, orient="row").write_parquet(ingest / "records" / "deaths.parquet")
        found = {**vital, "nationality": pl.String, "stratum": pl.String, "cluster": pl.String, "weight": pl.Float64}
        pl.DataFrame(self.survey, schema=found, orient="row").with_columns(
            reference_date=pl.lit(self.survey_day),
            usual_resident=pl.lit(value=True),
            arrived=pl.lit(None, pl.Date),
            lived_a_year_ago=pl.lit("same_address"),
        ).write_parquet(ingest / "records" / "coverage_survey.parquet")
        delivered = {"births": self.births, "deaths": self.deaths, "coverage_survey": self.survey}
        ledger = [
            {"extract": name, "file": f"{name}.csv", "rows_in": len(rows), "reasons": "{}"}
            for name, rows in delivered.items()
        ]
        pl.DataFrame(ledger).write_parquet(ingest / "ledger.parquet")
        folders = {"ingest": ingest, "link": link, "stays": stays}
        part = CountStudy(study_file=study.path, periods=study.periods, coverage=study.coverage, seed=study.seed)
        gaps = pl.DataFrame(
            self.gaps, schema={"extract": pl.String, "gap_from": pl.Date, "gap_to": pl.Date}, orient="row"
        )
        gaps.write_parquet(ingest / "gaps.parquet")
        facts = {
            "link": {"spine": "pds"},
            "stays": {"extracts": "births, exit_checks_travel", "definition": "long_term"},
        }
        records = {
            name: StageRecord(name, "key", folders[name], {}, "", (), 0.0, {}, reused=False, facts=told)
            for name, told in facts.items()
        }
        return StageContext(study=part, folders=folders, out=folder / "count", records=records)
