"""Nicknames and transliterations: the full names that a name may stand for.

A name stands for a few full names, never for what these stand for in turn: a nickname of a nickname would link nearly
every name with every other. Two names agree if they share one of these.
"""

from pathlib import Path

import polars as pl

from pipeline.errors import UserError, first_line
from pipeline.ingest.names import parts_of_name

SHIPPED = Path(__file__).with_name("name_variants.csv")
"""Derived from the packages named in NOTICE, by `pipeline/ingest/derive_name_variants.py`."""
MOST_NAMES = 4
"""of one variant: what stands for more says little about a person."""
_HEADERS = ["name", "variant"]


def read_name_variants(path: Path) -> pl.DataFrame:
    """Return a table of name variants (`name`, `variant`: one part each in standard form), checked.

    Raises `UserError` for other headers, a row of which a field is no name of one part, one that is repeated or names
    its own name, and a variant of more than `MOST_NAMES` names.
    """
    try:
        table = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: cannot be read as a CSV file of name variants ({first_line(error)}).") from error
    table = table.rename({name: name.strip() for name in table.columns})
    if table.columns != _HEADERS:
        raise UserError(f"{path}: the headers are {', '.join(table.columns)}; write name,variant.")
    for column in _HEADERS:
        parts = parts_of_name(table[column])
        _refuse(path, table, parts.is_null(), f"has no name under '{column}'")
        _refuse(
            path, table, parts.list.len() > 1, f"has more than one part under '{column}'; write one part of a name"
        )
        table = table.with_columns(parts.list.first().alias(column))
    _refuse(path, table, table["name"] == table["variant"], "gives a name as its own variant (in standard form)")
    _refuse(
        path, table, table.select(pl.struct(_HEADERS).is_first_distinct().not_()).to_series(), "repeats another row"
    )
    names = table.select(pl.int_range(pl.len()).over("variant")).to_series()
    _refuse(
        path,
        table,
        names >= MOST_NAMES,
        f"gives its variant more than {MOST_NAMES} names; a variant of so many names says little: keep the likeliest",
    )
    return table


def canonical(parts: pl.Series, variants: pl.DataFrame) -> pl.Series:
    """Return the names that each part of a name may stand for (List[String]), null for null.

    These are the names of which it is a variant, and the part itself if it is a name of the table or not in it
    at all. Two parts agree if their lists share a name.
    """
    names = variants["name"].unique()
    full = variants.group_by("variant", maintain_order=True).agg(full=pl.col("name"))
    found = (
        parts.cast(pl.String)
        .to_frame("part")
        .join(full, left_on="part", right_on="variant", how="left", maintain_order="left")
    )
    itself = pl.when(pl.col("full").is_null() | pl.col("part").is_in(names.implode())).then(pl.concat_list("part"))
    listed = pl.concat_list(itself.fill_null([]), pl.col("full").fill_null([]))
    return found.select(pl.when(pl.col("part").is_not_null()).then(listed)).to_series().rename(parts.name)


def _refuse(path: Path, table: pl.DataFrame, wrong: pl.Series, what: str) -> None:
    rows = wrong.arg_true()
    if len(rows):
        row = int(rows[0])
        more = f" ({len(rows) - 1} more rows likewise)" if len(rows) > 1 else ""
        name, variant = table.row(row)
        raise UserError(f"{path}, row {row + 2}: '{name},{variant}' {what}{more}.")
