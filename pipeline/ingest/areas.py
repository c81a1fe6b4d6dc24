"""The study's area look-up: the area in which each postcode district (outward code) lies."""

import csv
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.standardise import outward_code, standard_postcode

HEADERS = ["postcode_district", "area"]


def read_areas(path: Path) -> dict[str, str]:
    """Return the area of every postcode district in a CSV file; raises `UserError` that names the file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            headers, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: the area look-up cannot be read ({error}). It must be a CSV in UTF-8.") from None
    if headers != HEADERS or any(len(row) != len(HEADERS) or not all(row) for row in rows):
        raise UserError(f"{path}: the area look-up needs the columns {', '.join(HEADERS)}, all of them filled.")
    areas: dict[str, str] = {}
    for district, area in rows:
        standard = district.replace(" ", "").upper()
        if areas.setdefault(standard, area) != area:
            raise UserError(f"{path}: the district '{district}' lies in two areas. Keep one of them.")
    return areas


def area_of(postcodes: pl.Expr, areas: dict[str, str]) -> pl.Expr:
    """Return the area of clear postcodes as text, null where the look-up lacks the district."""
    district = outward_code(standard_postcode(postcodes))
    return district.replace_strict(areas, default=None, return_dtype=pl.String) if areas else pl.lit(None, pl.String)
