"""The study's area look-up: the area in which each postcode district (outward code) lies."""

import csv
import re
from pathlib import Path

import polars as pl

from pipeline.errors import UserError, first_line
from pipeline.ingest.standardise import outward_code, standard_postcode
from pipeline.study import AreaLookup, Study

DISTRICT = re.compile(r"[A-Z][0-9A-Z]{1,3}")
"""An outward code, such as AB1, SW1A or N1; a whole postcode has an inward code of three characters after it."""


def areas_of(study: Study) -> dict[str, str]:
    """Return the area of every postcode district by the study's look-up; none if the study has no look-up."""
    if study.area_lookup is None:
        return {}
    path = study.resolve(study.area_lookup.file)
    if not path.is_file():
        raise UserError(f"{path}: no such file, though {study.path} names it as 'area_lookup'. Correct the path.")
    return read_areas(path, study.area_lookup)


def read_areas(path: Path, form: AreaLookup) -> dict[str, str]:
    """Return the area of every postcode district in a CSV file; raises `UserError` that names the file and the line.

    `form` names its two columns; other columns are not read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            headers, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{path}: the area look-up cannot be read ({first_line(error)}). It must be a CSV in UTF-8."
        ) from None
    places = [_place(header, headers, path) for header in (form.postcode_district, form.area)]
    areas: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(headers):
            raise UserError(
                f"{path}, line {line:,}: {len(row)} fields, the header has {len(headers)}. Correct the line."
            )
        district, area = (row[place].strip() for place in places)
        if not area:
            raise UserError(
                f"{path}, line {line:,}: no value in the column '{form.area}'. Fill it, or remove the line."
            )
        standard = district.replace(" ", "").upper()
        if not DISTRICT.fullmatch(standard):
            raise UserError(
                f"{path}, line {line:,}: '{district}' in the column '{form.postcode_district}' is no postcode "
                "district. The look-up has a line for each district (outward code, AB1), not for each postcode."
            )
        if areas.setdefault(standard, area) != area:
            raise UserError(f"{path}: the district '{district}' lies in two areas. Keep one of them.")
    return areas


def _place(header: str, headers: list[str], path: Path) -> int:
    """Return the place of a column of the look-up; raises `UserError` that says how the study names columns."""
    if headers.count(header) != 1:
        how_often = "no column" if header not in headers else "more than one column"
        raise UserError(
            f"{path}: the area look-up has {how_often} '{header}'. It needs the columns postcode_district and area, "
            'or the study names its own: area_lookup = { file = "...", postcode_district = "...", area = "..." }.'
        )
    return headers.index(header)


def area_of(postcodes: pl.Expr, areas: dict[str, str]) -> pl.Expr:
    """Return the area of clear postcodes as text, null where the look-up lacks the district."""
    district = outward_code(standard_postcode(postcodes))
    return district.replace_strict(areas, default=None, return_dtype=pl.String) if areas else pl.lit(None, pl.String)
