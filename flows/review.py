"""The verb `review`: a list of people whom the supplier's reviewers should look for in another source.

The list has a number, a file and a row for each, and nothing else: no value of a person, no token, and nothing of
what is expected. What each decision stands for is kept in the run folder, and comes back into the study beside the
verdicts.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from flows.evaluate import study_of_run
from flows.terminal import typed
from linkage.plan import DECISIONS, LinkagePlan, plan_of
from linkage.review_sample import doubts, draw
from linkage.review_verdicts import FILES, SAMPLE, VERDICTS, contradicts, first_rows, named_files, read_decisions
from pipeline.errors import UserError, unknown
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.schemas import ALL
from pipeline.study import Study
from pipeline.tables import read_table, write_text

FOLDER = "review"
"""The folder of a run with what its reviewers must not see, a folder for each list."""
AGREEING = 20
"""People whose links were confirmed and who are looked at again all the same, at the least: nobody can tell which."""


@dataclass(frozen=True)
class Run:
    """A finished run: its study, the plan of its links, and the folder of its tables."""

    study: Study
    plan: LinkagePlan
    tables: Path

    @property
    def clusters(self) -> pl.DataFrame:
        """Who is who in the best set of links."""
        return read_table(self.tables / "clusters.parquet").filter(pl.col("draw") == 0).drop("draw")

    @property
    def files(self) -> pl.DataFrame:
        """The files of linked sources as reviewers know them."""
        ledger = read_table(self.tables / "ledger.parquet")
        return named_files(ledger.filter(pl.col("source").is_in(self.plan.sources)))


def read_run(run: Path) -> Run:
    """Return a finished run; raises `UserError` if it is none, or if its study or tables have changed."""
    study = study_of_run(run.resolve())
    plan = plan_of(study.linkage, delivered_contracts(study), f"{study.path}, [linkage]")
    return Run(study, plan, run.resolve() / "tables")


def review(
    run: Path, sample: int, out: Path, *, searched: str | None, of: Collection[str], together: bool = False
) -> int:
    """Draw people of the sources `of` (all that are linked with it, if empty), to be looked for in `searched`.

    With `together` they are drawn so that most is known of all of them, and not of each source.
    Writes `out` for the reviewers, and what belongs to it into the run folder; prints how the verdicts come back.
    Raises `UserError` for sources that the run has no links of, and for too few decisions. Returns the exit status.
    """
    one = read_run(run)
    folder = run.resolve() / FOLDER / out.stem
    for path in (out, folder):
        _check_new(path)
    searched = searched_source(one.plan, searched)
    quality = read_table(one.tables / "linkage_quality.parquet").filter(pl.col("group") == ALL)
    unseen = _unseen(quality, searched)
    for source in of:
        if source not in unseen:
            raise unknown("source linked with it of --of", source, unseen, f"--in {searched}")
    unseen = {source: unseen[source] for source in of or unseen}
    people = doubts(one.clusters, read_table(one.tables / "links.parquet"), unseen, searched, one.plan.duplicates)
    drawn = draw(people, sample, one.study.seed, together=together)
    files = one.files
    placed = first_rows(one.tables, files, drawn).sort("decision")
    table = placed.select(
        "decision",
        pl.col("name").alias("file"),
        "row_number",
        pl.lit(searched).alias("searched"),
        "stratum",
        "weight",
    )
    involved = files.filter(pl.col("source").is_in([*unseen, searched])).select(
        pl.col("name").alias("file"), "sha256"
    )
    write_text(table.write_csv(), folder / f"{SAMPLE}.csv")
    write_text(involved.sort("file").write_csv(), folder / f"{FILES}.csv")
    _write_for_reviewers(placed, out)
    print("\n".join(_what_next(one.study, folder, out, placed.height, searched, unseen)))  # noqa: T201 - the output
    return 0


def review_again(run: Path, out: Path) -> int:
    """List whom another reviewer should look at: all verdicts that contradict the links, among as many that do not.

    Verdicts are those of the run's study. Raises `UserError` for a study without any. Returns the exit status.
    """
    one = read_run(run)
    _check_new(out)
    if DECISIONS not in delivered_contracts(one.study):
        raise UserError(
            f"--again: {one.study.path} names no verdicts yet. Draw people by --sample, add what the reviewers "
            "decided to the study, and run it."
        )
    people = read_decisions(one.tables, one.clusters).people
    first = people.filter(pl.col("verdicts") == 1).sort("decision")
    against, agreeing = (first.filter(contradicts() == wanted) for wanted in (True, False))
    if against.is_empty():
        print("Every verdict that contradicts the links had a second look, or none does.")  # noqa: T201
        return 0
    stream = np.random.default_rng([one.study.seed, against.height])
    mixed = stream.permutation(agreeing.height)[: max(against.height, AGREEING)]
    chosen = pl.concat([against, agreeing[np.sort(mixed)]]).sort("decision")
    _write_for_reviewers(first_rows(one.tables, one.files, chosen).sort("decision"), out)
    print(  # noqa: T201 - the output
        f"{chosen.height:,} decisions for other reviewers: {typed(out)}\n"
        f"  next     they answer as before, with the next number in the column review; add their file to "
        f"{VERDICTS} in {typed(one.study.path)}, and run it"
    )
    return 0


def _check_new(out: Path) -> None:
    if out.exists():
        raise UserError(f"--out: {typed(out)} exists. Name a new file.")


def searched_source(plan: LinkagePlan, named: str | None) -> str:
    """Return the source in which people are looked for: the one named by --in, else the spine."""
    if named is None and plan.spine is None:
        raise UserError("the study has no spine. Name the source in which people are looked for: --in SOURCE.")
    searched = named or str(plan.spine)
    if searched not in plan.sources:
        raise unknown("linked source", searched, plan.sources, "--in")
    return searched


def _unseen(quality: pl.DataFrame, searched: str) -> dict[str, float]:
    """Return the sources that have links with the searched one, and the pairs that no rule is expected to propose."""
    rows = quality.filter((pl.col("source_l") == searched) ^ (pl.col("source_r") == searched))
    rows = rows.filter(pl.col("joined_pairs") > 0).with_columns(
        pl.when(pl.col("source_l") == searched).then("source_r").otherwise("source_l").alias("source"),
        pl.col("unseen_pairs").fill_null(float("nan")),
    )
    if rows.is_empty():
        raise UserError(f"--in {searched}: no source has links with it, so that there is nothing to review.")
    return dict(rows.sort("source").select("source", "unseen_pairs").iter_rows())


def _write_for_reviewers(placed: pl.DataFrame, out: Path) -> None:
    """Write `decision, file, row_number` of the people who were drawn: nothing else may be in it."""
    write_text(placed.select("decision", pl.col("name").alias("file"), "row_number").write_csv(), out)


def _what_next(
    study: Study, folder: Path, out: Path, decisions: int, searched: str, sources: Collection[str]
) -> Sequence[str]:
    """Return what the user does next, with the lines of the study."""
    entries = {SAMPLE: folder / f"{SAMPLE}.csv", FILES: folder / f"{FILES}.csv", VERDICTS: Path("VERDICTS.csv")}
    lines = [
        f"{decisions:,} people of {', '.join(sources)}, to be looked for in {searched}: {typed(out)}",
        f"  kept     {typed(folder)}: what each decision stands for; reviewers must not see it",
        "  next     a reviewer finds each person in " + searched + ", or nobody, and answers in a CSV file:",
        "           decision,review,reviewer,verdict,found_file,found_row",
        "           D0001,1,R01,found,FILE,ROW   or   D0001,1,R01,nobody,,   (or unsure)",
        f"           then add to {typed(study.path)}, and run it:",
    ]
    for name, path in entries.items():
        lines += [
            "           [[extract]]",
            f'           name = "{name}"',
            f"           files = [{json.dumps(str(path))}]",
        ]
    return lines
