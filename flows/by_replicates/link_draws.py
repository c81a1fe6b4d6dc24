"""The people of a run by another set of links: one of the draws of the stage `link`, with stays made of it again."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from estimation.by_replicates.drawn_people import DecidedPeople
from flows.stages_again import computed_again
from flows.variants.run_rules import RunRules
from linkage.draws import clusters_of
from linkage.stages import LINK
from pipeline.disk import link_files
from pipeline.schemas import TABLES, save
from pipeline.stage import StageRecord
from pipeline.tables import read_table
from rules.stages import STAYS


def people_of_best_links(base: RunRules) -> DecidedPeople:
    """Return the people of a run as it decided them."""
    return _decided(base, base.records[LINK.name], base.records[STAYS.name])


def people_of_draw(base: RunRules, draw: int, folder: Path) -> DecidedPeople:
    """Return the people of one draw of links, whose stays are computed again in `folder`.

    Who may be whom is decided in a draw, so that no migration is doubted for it.
    """
    link = replace(base.records[LINK.name], folder=_links_of_draw(base, draw, folder / LINK.name))
    records = {**base.records, LINK.name: link}
    return _decided(base, link, computed_again(STAYS, base.study, base.run, records, folder / STAYS.name))


def _links_of_draw(base: RunRules, draw: int, folder: Path) -> Path:
    """Write the tables of `link` that the stays read into `folder`, with the draw as the best links."""
    own = base.records[LINK.name].folder
    link_files({name: own / name for name in ("mothers.parquet", "link_errors.parquet")}, folder)
    clusters = clusters_of(read_table(own / "clusters.parquet"), draw)
    save(clusters.with_columns(draw=pl.lit(0, pl.Int32)), "clusters", folder)
    save(TABLES["possibly_one"].create_empty(), "possibly_one", folder)
    return folder


def _decided(base: RunRules, link: StageRecord, stays: StageRecord) -> DecidedPeople:
    def table(name: str) -> pl.DataFrame:
        return read_table(stays.folder / f"{name}.parquet")

    published = pl.col("definition") == base.records[STAYS.name].facts["definition"]
    return DecidedPeople(
        clusters=clusters_of(read_table(link.folder / "clusters.parquet"), 0),
        mothers=read_table(link.folder / "mothers.parquet"),
        people=table("people"),
        nationality=table("people_nationality"),
        stays=table("stays").filter(published),
        migrations=table("migrations").filter(published),
        late=table("late_migrations").filter(published),
        residents=table("residents").filter("published"),
    )
