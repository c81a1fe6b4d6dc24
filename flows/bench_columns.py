"""What each column of the tokens is worth to linkage: F1 of a country of hard links with and without it.

It is the other side of `bench_attack`: a column that gives away more than it is worth should not be stored.
"""

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from flows.bench_link import SCENARIO, SEED
from flows.evaluate import linked_subjects_truth, read_truth
from flows.progress import NullListener, ProgressListener
from flows.simulate import simulate_study
from flows.stages_alone import ingest_stage
from linkage.score import score_links
from linkage.stages import LINK
from pipeline.disk import make_folder
from pipeline.ingest.features import CODES, COMPOSITES, PARTNERS
from pipeline.stage import StageContext
from pipeline.study import Study, read_study
from pipeline.tables import read_table, write_table

THREADS = 2
NOTHING = "nothing"
WITHOUT_ADDRESS = "exit_checks"
"""The source whose links rest on names and dates alone: what a column is worth shows there first."""
NAMES = {
    "first_name, given_name": ("first_name", "given_name", "given_names", "given_variants"),
    "family_name": ("family_name", "family_names", "family_parts"),
    "full_name, name_parts": ("full_name", "name_parts"),
    "date_of_birth": ("date_of_birth", "dates_of_birth"),
    "postcode": ("postcode", "postcodes"),
}


def groups_of_columns() -> dict[str, tuple[str, ...]]:
    """Return the columns that are taken out together: codes of a name with one partner, and what says the same."""
    codes = {
        f"codes of the {name} name with {partner}": tuple(f"{name}_{code}_{partner}" for code in CODES)
        for name, partners in PARTNERS.items()
        for partner in partners
    }
    initials = tuple(name for name, parts in COMPOSITES.items() if any(part.endswith("_initial") for part in parts))
    days = tuple(name for name, parts in COMPOSITES.items() if "birth_day" in parts)
    born = {"birth_decade_month_day": ("birth_decade_month_day",), "all composites of birth_day": days}
    return {**NAMES, **codes, "initials": initials, **born}


def worth_of_columns(residents: int, listener: ProgressListener) -> list[dict[str, Any]]:
    """Return F1 of all links, and of those with exit checks, without each group of columns (a row each)."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        listener.progress("bench", "simulating a country of hard links")
        simulate_study(residents, SEED, folder / "study", NullListener(), scenario=SCENARIO, threads=THREADS)
        study = read_study(folder / "study" / "study.toml")
        ingest = ingest_stage(study.path, folder / "run", THREADS).folder
        rows = []
        for name, columns in {NOTHING: (), **groups_of_columns()}.items():
            listener.progress("bench", f"linking without {name}")
            scores = _linked_without(columns, study, ingest, folder)
            apart = pl.any_horizontal(pl.col("source_l", "source_r") == WITHOUT_ADDRESS)
            rows.append({
                "without": name,
                "f1": _f1(scores),
                f"f1_of_{WITHOUT_ADDRESS}": _f1(scores.filter(apart)),
            })  # fmt: skip
        return rows


def _linked_without(columns: tuple[str, ...], study: Study, ingest: Path, folder: Path) -> pl.DataFrame:
    """Return the scores of the links that are made if some columns of all tokens are empty."""
    cut, out = folder / "cut", folder / "linked"
    for one in (cut, out):
        rmtree(one, ignore_errors=True)
    copytree(ingest, cut)
    for path in cut.glob("tokens/*.parquet"):
        table = read_table(path)
        write_table(table.with_columns(_emptied(table.schema, name) for name in columns), path)
    make_folder(out)
    LINK.run(StageContext(LINK.part.of(study, out), {"ingest": cut}, out, THREADS))
    clusters = read_table(out / "clusters.parquet")
    write_table(clusters, cut / "clusters.parquet")  # beside the tokens, where a run's tables would have it
    return score_links(clusters, linked_subjects_truth(study, read_truth(study), cut)).filter(group="all")


def _emptied(schema: Mapping[str, Any], name: str) -> pl.Expr:
    kind = schema[name]
    return pl.lit([] if isinstance(kind, pl.List) else None, dtype=kind).alias(name)


def _f1(scores: pl.DataFrame) -> float:
    correct, linked, true = (int(scores[name].sum()) for name in ("correct", "linked_pairs", "true_pairs"))
    return round(2 * correct / (linked + true), 5)
