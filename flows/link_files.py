"""The verbs `link` and `train`: files of any kind, linked on pseudonyms, and the models that link them.

They run the first two stages of the chain; rules, estimates and the publication take no part.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from flows.chain import LINKING, StageRun, run_chain
from flows.explain import explain, explanation_json, explanation_text
from flows.progress import NullListener, ProgressListener
from flows.run import banner, check_threads, run_folder
from flows.terminal import Terminal, typed
from linkage.stages import LINK
from pipeline import disk
from pipeline.errors import UserError
from pipeline.ingest.accepted_rows import check_accepted_rows
from pipeline.ingest.stages import INGEST
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.schemas import table_path
from pipeline.stage import StageRecord
from pipeline.store import Store, publish_folder
from pipeline.study import Study, read_study
from pipeline.tables import read_table, write_table, write_text
from publication.csv_tables import csv_text

LINKS, CLUSTERS, QUALITY = "links.parquet", "clusters.parquet", "quality.csv"
DRAWS = "draws.parquet"
"""The alternative sets of links of a study that asks for them."""
MODELS = "models"
"""The folder of the stage `link` that contains its models, one JSON file a pair of sources."""


def link_files(path: Path, out: Path, models: Path | None, *, threads: int) -> int:
    """Link the files of a study, write `links.parquet`, `clusters.parquet` and `quality.csv`; return the exit status.

    A study with `draws` gets `draws.parquet` too. `models` is a folder that `train_models` wrote. The stages work in
    the store below `out`, as in a run: a stopped command is resumed, and what is unchanged is not computed again.
    """
    check_threads(threads)
    study = read_study(path)
    if models is not None:
        study = with_models(study, models)
    out = run_folder(study, out)
    terminal = Terminal(out / "run.log")
    terminal.print_line(banner("link", study))
    for name in (LINKS, CLUSTERS, QUALITY, DRAWS):
        disk.remove(out / name)  # a result of before would pass for this one if the command fails
    records = _linked(study, out, threads, terminal)
    if models is not None:
        _check_all_given(records[LINK.name], study, models)
    tables = _write(records, out, draws=study.linkage.draws > 0)
    _print_result(terminal, records, tables, out)
    if models is None:
        terminal.print_line(f"  next     sojourn train {typed(study.path)} --out models, to link later files alike")
    return 0


def explain_pair(
    path: Path, out: Path, models: Path | None, pair: tuple[str, str], *, threads: int, as_json: bool
) -> int:
    """Print why two subjects (`SOURCE:SUBJECT`) are one person or not; return the exit status.

    `out` is the folder of an earlier `sojourn link`, or of a run; what is not linked yet is linked first. Its results
    stay as they are.
    """
    check_threads(threads)
    study = read_study(path)
    if models is not None:
        study = with_models(study, models)
    out = run_folder(study, out)
    records = _linked(study, out, threads, NullListener())
    found = explain(study, out, records, pair, threads)
    print(explanation_json(found) if as_json else "\n".join(explanation_text(found)))  # noqa: T201 - the output
    return 0


def train_models(path: Path, out: Path, *, threads: int) -> int:
    """Link the files of a study for its models, write those into the folder `out`, and return the exit status.

    The stages work in `out/store`, which is removed at the end; `out` then contains the models and nothing else.
    """
    check_threads(threads)
    study, out = read_study(path), out.resolve()
    if study.linkage.models:
        raise UserError(
            f"{study.path}, [linkage.models]: names models, and none is trained for their pairs of sources. Remove "
            "the table to train all."
        )
    _check_models_folder(out)
    terminal = Terminal()
    terminal.print_line(banner("train", study))
    records = _linked(study, out, threads, terminal)
    terminal.close()
    models = _models_of(records[LINK.name])
    if not models:
        raise UserError(
            f"{study.path}: no two sources of this study are linked by a model, so there is none to train. Link it "
            "with `sojourn link`, or give the contracts more identifiers in common."
        )
    publish_folder(models, out)
    count = f"{len(models)} models" if len(models) > 1 else "1 model"
    terminal.print_line(f"  models   {count}: {', '.join(name.removesuffix('.json') for name in models)}")
    terminal.print_line(f"  folder   {typed(out)}")
    terminal.print_line(f"  next     sojourn link {typed(study.path)} --out linked --models {typed(out)}")
    return 0


def with_models(study: Study, folder: Path) -> Study:
    """Return a study as if it named every model of a folder in `[linkage.models]`.

    Raises `UserError` for a folder without models, for a model of sources that the study does not have, and for a
    study that names models itself.
    """
    if study.linkage.models:
        raise UserError(f"--models: {study.path} names models itself, in [linkage.models]. Leave out one of the two.")
    found = {path.stem: path.resolve() for path in sorted(folder.glob("*.json"))}
    if not found:
        raise UserError(f"--models {folder}: no models here (no JSON files). Make them with `sojourn train`.")
    sources = delivered_contracts(study)
    for name, path in found.items():
        others = [source for source in name.split("-") if source not in sources] if "-" in name else []
        if others:
            raise UserError(
                f"{path}: a model of the source '{others[0]}', of which {study.path} has no files "
                f"({', '.join(sources)}). Name models that `sojourn train` wrote for these sources."
            )
    linkage = study.linkage.model_copy(update={"models": {name: str(path) for name, path in found.items()}})
    return study.model_copy(update={"linkage": linkage})


def named_links(links: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Return the table `links` with the subjects' public names, in order of sources and subjects.

    `subjects` has `source, subject_id, subject`. Of two subjects of one source the left one has the lesser name.
    """
    for side in ("l", "r"):
        named = subjects.select(pl.all().name.suffix(f"_{side}"))
        links = links.join(named, on=[f"source_{side}", f"subject_id_{side}"], how="left", maintain_order="left")
    pair = pl.col("subject_l"), pl.col("subject_r")
    turned = (pl.col("source_l") == pl.col("source_r")) & (pair[0] > pair[1])
    return links.select(
        "source_l",
        pl.when(turned).then(pair[1]).otherwise(pair[0]).alias("subject_l"),
        "source_r",
        pl.when(turned).then(pair[0]).otherwise(pair[1]).alias("subject_r"),
        "match_weight",
        "match_probability",
    ).sort("source_l", "subject_l", "source_r", "subject_r")


def named_clusters(clusters: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Return the person of every subject, `source, subject, person_id`, in order of source and subject."""
    best = clusters.filter(pl.col("draw") == 0)
    named = best.join(subjects, on=["source", "subject_id"], how="left", maintain_order="left")
    return named.select("source", "subject", "person_id").sort("source", "subject")


def named_draws(clusters: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Return the subjects whose person in a draw is not that of draw 0: `draw, source, subject, person_id`."""
    drawn = clusters.filter(pl.col("draw") > 0)
    named = drawn.join(subjects, on=["source", "subject_id"], how="left", maintain_order="left")
    return named.select("draw", "source", "subject", "person_id").sort("draw", "source", "subject")


def _linked(study: Study, out: Path, threads: int, listener: ProgressListener) -> dict[str, StageRecord]:
    """Run the stages of linkage; raises `UserError` before linking if an extract of the study gave no record."""
    needed = {one.name: "every file that the study names is to be linked" for one in study.extract}

    def execute(one: StageRun) -> StageRecord:
        if one.stage == LINK:
            check_accepted_rows(one.records[INGEST.name].folder, needed, study.path)
        return one()

    return run_chain(study, out, threads=threads, listener=listener, execute=execute, stages=LINKING)


def _write(records: Mapping[str, StageRecord], out: Path, *, draws: bool) -> dict[str, pl.DataFrame]:
    """Write the files and return `links`, `clusters` and, if asked for, `draws` as they were written.

    All are written aside before the first old one is replaced, and a stop between two of them leaves one out rather
    than files of two runs.
    """
    ingest, link = records[INGEST.name].folder, records[LINK.name].folder
    clusters = read_table(table_path(link, "clusters"))
    subjects = pl.concat(
        read_table(ingest / "subjects" / f"{source}.parquet").select(
            pl.lit(source).alias("source"), "subject_id", "subject"
        )
        for source in clusters["source"].unique().sort()
    )
    tables = {
        LINKS: named_links(read_table(table_path(link, "links")), subjects),
        CLUSTERS: named_clusters(clusters, subjects),
    }
    if draws:
        tables[DRAWS] = named_draws(clusters, subjects)
    with Store(out).locked():
        aside = {name: disk.aside_of(out / name) for name in (*tables, QUALITY)}
        for name, table in tables.items():
            write_table(table, aside[name])
        write_text(csv_text(read_table(table_path(link, "linkage_quality")), "linkage_quality"), aside[QUALITY])
        for name in aside:
            disk.remove(out / name)
        for name, written in aside.items():
            disk.move(written, out / name)
    return tables


def _print_result(
    terminal: Terminal, records: Mapping[str, StageRecord], tables: Mapping[str, pl.DataFrame], out: Path
) -> None:
    """Print what was linked, how many warnings there are, and where the files are."""
    terminal.close()
    clusters = tables[CLUSTERS]
    counted = clusters.group_by("source").len().sort("source")
    by_source = [f"{source} {subjects:,}" for source, subjects in counted.iter_rows()]
    in_several = clusters.group_by("person_id").len().filter(pl.col("len") > 1).height
    warnings = sum(len(record.warnings) for record in records.values())
    terminal.print_line(f"  sources  {len(by_source)}")
    terminal.print_line(f"  subjects {clusters.height:,}: {', '.join(by_source)}")
    terminal.print_line(f"  links    {tables[LINKS].height:,} pairs, each with its probability")
    terminal.print_line(
        f"  people   {clusters['person_id'].n_unique():,}, of whom {in_several:,} have more than one subject"
    )
    where = f", in {typed(out / 'run.log')}" if warnings else ""
    terminal.print_line(f"  warnings {warnings:,}{where}")
    terminal.print_line(f"  written  {', '.join(typed(out / name) for name in (*tables, QUALITY))}")


def _models_of(link: StageRecord) -> dict[str, Path]:
    """Return the files of the models of a stage `link` by name."""
    return {Path(name).name: link.folder / name for name in link.outputs if Path(name).parts[0] == MODELS}


def _check_all_given(link: StageRecord, study: Study, folder: Path) -> None:
    """Raise `UserError` if the link stage had to train a model, because the folder has none for a pair of sources."""
    trained = sorted(Path(name).stem for name in _models_of(link) if Path(name).stem not in study.linkage.models)
    if trained:
        raise UserError(
            f"--models {folder}: has no model of {', '.join(trained)}, which {study.path} needs. Train models on a "
            "study of the same sources, or leave out --models."
        )


def _check_models_folder(folder: Path) -> None:
    """Raise `UserError` for a folder that contains more than models, which would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder. Choose another --out.")
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix != ".json" and path.name != "store":
            raise UserError(f"{folder}: contains {path.name}, which is no model. Choose an empty or a new --out.")
