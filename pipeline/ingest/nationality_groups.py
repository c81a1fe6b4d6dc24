"""The nationality group of a country: of the codes that the package lists, and of all others."""

import polars as pl

from pipeline.ingest.contracts import CODE_LISTS, CONTRACT_FOLDER
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.toml_files import read_toml

BRITISH, OTHER_COUNTRIES = NATIONALITY_GROUPS[0], NATIONALITY_GROUPS[-1]
"""The group of people whose nationality no source records, and the group of countries that no group lists."""
COUNTRY_CODE = "^[A-Z]{2}$"


def nationality_groups() -> dict[str, str]:
    """Return the nationality group of every country that is not in `OTHER_COUNTRIES`."""
    return dict(read_toml(CONTRACT_FOLDER / CODE_LISTS)["nationality_group"])


def nationality_group(country: pl.Expr) -> pl.Expr:
    """Return the nationality group of a country code; null without one, and for what is no code of two letters."""
    group = country.replace_strict(nationality_groups(), default=OTHER_COUNTRIES, return_dtype=pl.String)
    return pl.when(country.str.contains(COUNTRY_CODE)).then(group)
