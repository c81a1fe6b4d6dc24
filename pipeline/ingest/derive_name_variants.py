"""Derive `name_variants.csv` from published lists of nicknames and transliterations (`make name-variants`).

The four packages named in NOTICE are read from a folder; nothing of them is imported, and no code of theirs is run.
`docs/names.md` says by which rules rows are kept.
"""

import ast
import json
import sqlite3
import sys
from collections.abc import Iterable
from pathlib import Path

import jellyfish
import polars as pl

from pipeline.ingest.name_codes import skeleton
from pipeline.ingest.name_variants import MOST_NAMES
from pipeline.ingest.names import parts_of_name

FEWEST_PEOPLE = 5
"""of Wikidata whose Arabic and Latin names are so written."""
SMALLEST_SHARE = 0.1
"""of the people with a Latin name who have this Arabic one."""
LEAST_SIMILARITY = 0.75
"""of two spellings (Jaro-Winkler): Wikidata has some people under two different names."""
SAME_NICKNAMES = 0.5
"""Two full names that sound alike are one if they share this part of their nicknames."""


def name_variants(packages: Path) -> pl.DataFrame:
    """Return the table (`name`, `variant`), made from the packages installed in a folder."""
    sources = (_nicknames(packages), _transliterations(packages), _habesha(packages), _wikidata(packages))
    rows = pl.concat([_single_parts(source) for source in sources])
    rows = rows.filter(pl.col("name") != pl.col("variant")).unique(maintain_order=True)
    rows = _one_spelling(_from_full_to_short(rows))
    rank = rows.group_by("name").agg(forms=pl.len())
    return (
        rows.join(rank, on="name")
        .sort("variant", "forms", "name", descending=[False, True, False])
        .group_by("variant", maintain_order=True)
        .head(MOST_NAMES)
        .select("name", "variant")
        .sort("name", "variant")
    )


def _nicknames(packages: Path) -> pl.DataFrame:
    table = pl.read_csv(packages / "nicknames/names.csv")
    return table.select(name="name1", variant="name2")


def _transliterations(packages: Path) -> pl.DataFrame:
    """Return every form of each entry, with the first Latin one as its name."""
    rows: list[tuple[str, str]] = []
    for path in sorted((packages / "name_variants").glob("*_*names*.py")):
        for key, entry in _literal(path).items():
            forms = [form for form in entry["forms"] if form.isascii()]
            rows += [(forms[0], form) for form in (key, *entry["forms"]) if forms]
    return _frame(rows)


def _habesha(packages: Path) -> pl.DataFrame:
    entries = json.loads((packages / "habesha_names/data/given_names.json").read_text("utf-8"))["entries"]
    return _frame((one["canonical"], form) for one in entries for form in (one["fidel"], *one["variants"]))


def _wikidata(packages: Path) -> pl.DataFrame:
    """Return the spellings of each Arabic name, with the most frequent one as its name."""
    path = packages / "arabic_name_romanizer/resources/names.sqlite3"
    query = "select arabic_key, latin, sum(count) from units where source = 'wikidata' group by 1, 2"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        found = pl.DataFrame(database.execute(query).fetchall(), ["arabic", "latin", "people"], orient="row")
    counts = (
        found.with_columns(arabic=_single_part(found["arabic"]), latin=_single_part(found["latin"]))
        .drop_nulls()
        .group_by("arabic", "latin")
        .agg(pl.col("people").sum())
        .filter(pl.col("latin").str.contains("^[A-Z]{2,}$"))
        .filter(
            pl.col("people") >= FEWEST_PEOPLE,
            pl.col("people") >= SMALLEST_SHARE * pl.col("people").sum().over("latin"),
        )
        .sort("arabic", "people", "latin", descending=[False, True, False])
        .with_columns(name=pl.col("latin").first().over("arabic"))
    )
    alike = [
        jellyfish.jaro_winkler_similarity(name, latin) >= LEAST_SIMILARITY
        for name, latin in counts.select("name", "latin").iter_rows()
    ]
    counts = counts.filter(pl.Series(alike))
    return pl.concat([counts.select("name", variant="latin"), counts.select("name", variant="arabic")])


def _literal(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return the table that a module assigns to its only variable."""
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return ast.literal_eval(statement.value)
    return {}


def _frame(rows: Iterable[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), {"name": pl.String, "variant": pl.String}, orient="row")


def _single_parts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(_single_part(column).alias(column.name) for column in rows.iter_columns()).drop_nulls()


def _single_part(texts: pl.Series) -> pl.Series:
    """Return each text in standard form, null if it is not one part of more than an initial."""
    parts = parts_of_name(texts).to_frame("parts")
    only = pl.when(pl.col("parts").list.len() == 1).then(pl.col("parts").list.first())
    return parts.select(pl.when(~only.str.contains("^[A-Z]$")).then(only)).to_series()


def _from_full_to_short(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the form of more variants as the name: Demaris is a variant of Mary, not Mary of it."""
    forms = rows.group_by("name").agg(forms=pl.len())
    both = rows.join(forms, on="name").join(
        forms.rename({"name": "variant", "forms": "of_variant"}), on="variant", how="left"
    )
    turn = pl.col("of_variant").fill_null(0) > pl.col("forms")
    return both.select(
        name=pl.when(turn).then("variant").otherwise("name"), variant=pl.when(turn).then("name").otherwise("variant")
    ).unique(maintain_order=True)


def _one_spelling(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with one spelling of each name: Catherine becomes a variant of Katherine."""
    names = rows.group_by("name").agg(forms=pl.len(), variants=pl.col("variant"))
    names = names.with_columns(sound=skeleton(names["name"]))
    pairs = names.join(names, on="sound", suffix="_other").filter(
        (pl.col("forms_other") > pl.col("forms"))
        | ((pl.col("forms_other") == pl.col("forms")) & (pl.col("name_other") < pl.col("name")))
    )
    shared = pl.col("variants").list.set_intersection("variants_other").list.len()
    same = pairs.filter(
        pl.col("variants_other").list.contains(pl.col("name"))
        | pl.col("variants").list.contains(pl.col("name_other"))
        | (shared >= SAME_NICKNAMES * pl.col("forms"))
    ).sort("name", "forms_other", "name_other", descending=[False, True, False])
    spelling = same.unique("name", keep="first", maintain_order=True).select("name", "name_other")
    respelt = rows.join(spelling, on="name", how="left").select(
        pl.coalesce("name_other", "name").alias("name"), "variant"
    )
    added = spelling.select(pl.col("name_other").alias("name"), pl.col("name").alias("variant"))
    return pl.concat([respelt, added]).filter(pl.col("name") != pl.col("variant")).unique(maintain_order=True)


if __name__ == "__main__":
    name_variants(Path(sys.argv[1])).write_csv(Path(__file__).parent / "name_variants.csv")
