"""One person of a simulated study: the true life beside the explanation of what the run decided. Writes nothing."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.evaluate import Truth, linked_subjects_truth, read_truth, study_of_run
from flows.explain_person import explanations
from pipeline.errors import UserError
from pipeline.study import Study
from pipeline.tables import read_table
from publication.people.explanation import explanation_text
from rules.truth_comparison import true_person_of

TRUE = "true:"
"""What stands before the number of a true person; a number alone is a `person_id` of the run."""
TRUE_LIFE = {
    "here": ("presence", ["start", "end"]),
    "migrations": ("migrations", ["date", "direction"]),
    "resident": ("residents", ["reference_date", "region"]),
}
"""What is shown of the truth: title, table, and its columns; the first two order its rows."""


@dataclass(frozen=True)
class Found:
    """The true person (None if the truth knows nobody) and `subjects`, all in clusters with a record of the person.

    `subjects` has `person_id, source, subject_id` and the number of the `true_person` (null if unknown).
    """

    person: int | None
    subjects: pl.DataFrame

    @property
    def people(self) -> list[int]:
        """The people of the run who have a record of the person."""
        return self.subjects["person_id"].unique().sort().to_list()


def print_person(run: Path, name: str) -> int:
    """Print what is true of a person and what was decided; return the exit status."""
    print("\n".join(describe_person(run, name)))  # noqa: T201 - the requested output
    return 0


def describe_person(run: Path, name: str) -> list[str]:
    """Return the lines that tell the true life of a person, the records, and what the run decided, and why.

    `name` is a `person_id` of the run, or `true:` and the number of a true person. Raises `UserError` if there is no
    such person, or no finished run with its truth.
    """
    run = run.resolve()
    study, tables = study_of_run(run), run / "tables"
    truth = read_truth(study)
    found = _find(study, truth, tables, name)
    return [*_true_life(truth, found.person), "", *_records(found), *_decided(study, run, found.people)]


def _find(study: Study, truth: Truth, tables: Path, name: str) -> Found:
    number = name.removeprefix(TRUE)
    if not (number.isascii() and number.isdigit()) or int(number) >= 2**63:
        raise UserError(
            f"--person {name}: not the number of a person. Give a person_id of the run, as in "
            f"{tables / 'people.parquet'}, or a true person's number as {TRUE}NUMBER."
        )
    clusters = read_table(tables / "clusters.parquet").filter(pl.col("draw") == 0)
    who = linked_subjects_truth(study, truth, tables)
    is_true, one = name.startswith(TRUE), pl.lit(int(number))
    if is_true and truth.people.filter(pl.col("person") == one).is_empty():
        raise UserError(f"--person {name}: no such person in {study.folder / 'truth' / 'people.parquet'}.")
    if not is_true and clusters.filter(pl.col("person_id") == one).is_empty():
        raise UserError(
            f"--person {name}: no such person in {tables / 'people.parquet'}. The number of a true person is given "
            f"as {TRUE}NUMBER."
        )
    known = true_person_of(clusters, who).filter(pl.col("person_id") == one)["person"].to_list()
    person = int(number) if is_true else next(iter(known), None)
    subjects = clusters.join(who, on=["source", "subject_id"], how="left").select(
        "person_id", "source", "subject_id", true_person="person"
    )
    of_person = (pl.col("true_person") == person).fill_null(value=False).any().over("person_id")
    own = of_person if is_true else of_person | (pl.col("person_id") == one)
    return Found(person, subjects.filter(own).sort("person_id", "source", "subject_id"))


def _true_life(truth: Truth, person: int | None) -> list[str]:
    if person is None:
        return ["Truth: the truth knows nobody with these records"]
    parts = {
        title: getattr(truth, name).filter(pl.col("person") == person).sort(columns[:2]).select(columns)
        for title, (name, columns) in TRUE_LIFE.items()
    }
    attributes = truth.people.filter(pl.col("person") == person).drop("person")
    return _titled(f"Truth: person {person}", {"attributes": attributes, **parts})


def _records(found: Found) -> list[str]:
    clusters = f"in {len(found.people)} clusters" if len(found.people) != 1 else "in one cluster"
    return _titled(f"Records: {found.subjects.height} subjects {clusters}", {"subjects": found.subjects})


def _decided(study: Study, run: Path, people: list[int]) -> list[str]:
    if not people:
        return ["", "Decided: nothing"]
    if not (run / "tables" / "stays.parquet").exists():
        return ["", "Decided: not measured, because the run has no stays"]
    return [line for one in explanations(study, run, people) for line in ("", *explanation_text(one))]


def _titled(title: str, parts: dict[str, pl.DataFrame]) -> list[str]:
    return [title, *(line for name, frame in parts.items() for line in ("", *_table(name, frame)))]


def _table(name: str, frame: pl.DataFrame) -> list[str]:
    """Return a frame as lines of aligned columns below its name and its headings."""
    if frame.is_empty():
        return [f"  {name}: none"]
    rows = [frame.columns, *([_text(value) for value in row] for row in frame.rows())]
    widths = [max(len(row[place]) for row in rows) for place in range(frame.width)]
    return [
        f"  {name}",
        *("    " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
    ]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
