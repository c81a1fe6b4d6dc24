"""The verb `simulate-review`: a list of `sojourn review`, answered from the truth of a synthetic study.

It stands on the side of the simulator: it is told no more than reviewers are, a file and a row, and writes an extract
file. What is estimated from the verdicts never meets the truth.
"""

from pathlib import Path

import polars as pl

from flows.evaluate import linked_subjects_truth, read_truth
from flows.review import Run, read_run, searched_source
from flows.terminal import typed
from linkage.review_verdicts import first_rows, subjects_at
from pipeline.errors import UserError
from pipeline.tables import write_text
from synthetic_data.surveys.link_reviewers import verdicts

COLUMNS = {"decision": pl.String, "file": pl.String, "row_number": pl.Int64}


def answer_review(run: Path, asked: Path, out: Path, *, wrong: float, review: int, searched: str | None) -> int:
    """Write the verdicts on the list `asked` into `out`, of which a share is `wrong`; returns the exit status.

    Raises `UserError` for a study without a truth, and for a file that is no such list.
    """
    if not 0 <= wrong < 1:
        raise UserError(f"--wrong: {wrong} is not a share. Choose 0 or more, and less than 1.")
    if not 1 <= review <= 9:
        raise UserError(f"--review: {review} is not the number of a review. Choose 1 to 9.")
    if out.exists():
        raise UserError(f"--out: {typed(out)} exists. Name a new file.")
    one = read_run(run)
    found = simulated_verdicts(one, _read(asked), searched_source(one.plan, searched), wrong, review)
    write_text(found.write_csv(), out)
    print(f"{found['decision'].n_unique():,} verdicts, of which about {wrong:.1%} are wrong: {typed(out)}")  # noqa: T201 - the output
    return 0


def simulated_verdicts(run: Run, asked: pl.DataFrame, searched: str, wrong: float, review: int) -> pl.DataFrame:
    """Return the verdicts on a list (`decision, file, row_number`) of people who are looked for in `searched`."""
    who = linked_subjects_truth(run.study, read_truth(run.study), run.tables)
    people = subjects_at(run.tables, run.files, asked.rename({"file": "name"})).join(
        who.select("source", "subject_id", "person"), on=["source", "subject_id"], how="left"
    )
    there = who.filter(pl.col("source") == searched).select("source", "subject_id", "person")
    rows = first_rows(run.tables, run.files, there).rename({"name": "file"})
    return verdicts(people.sort("decision"), rows, wrong, review, run.study.seed)


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, schema=COLUMNS)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"{typed(path)}: not a list of decision, file and row_number. Make one with `sojourn review`."
        ) from None
