"""A study whose files look otherwise than the shipped contracts say, and that has no areas, runs from end to end."""

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl

from pipeline.ingest.contracts import code_lists

OWN = """
extends = "mws"

[extracts.mws]
ignore = ["NOTES"]

[extracts.mws.columns]
nationality = { header = "NATION", codes = "country_alpha3" }
arrival_date = { header = "ARRIVED_AT", type = "datetime", format = "%Y-%m-%dT%H:%M:%S%#z", min = "1930-01-01" }
"""
LONDON = ZoneInfo("Europe/London")


def as_moment(day: str) -> str:
    """Return the first minute of a day in the country as the clocks of Greenwich show it."""
    first = dt.datetime.strptime(day, "%d/%m/%Y").replace(minute=1, tzinfo=LONDON)
    return first.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_own_layouts_give_the_same_records_and_areas_are_no_condition(demo, study_copy, command):
    file = study_copy.parent / "extracts" / "mws.csv"
    shipped = pl.read_csv(file, infer_schema=False)
    to_two = {
        name: code for name, code in code_lists()["country_name"].items() if name in set(shipped["NATIONALITY"])
    }
    to_three = {code: three for three, code in reversed(code_lists()["country_alpha3"].items())}
    own = shipped.with_columns(
        NATION=pl.col("NATIONALITY").replace_strict({name: to_three[code] for name, code in to_two.items()}),
        ARRIVED_AT=pl.col("DATE_OF_ARRIVAL").map_elements(as_moment, return_dtype=pl.String),
        NOTES=pl.lit("nobody wants this"),
    ).drop("NATIONALITY", "DATE_OF_ARRIVAL")
    own.write_csv(file)
    (study_copy.parent / "own_mws.toml").write_text(OWN)
    lines = [line for line in study_copy.read_text().splitlines() if not line.startswith("area_lookup")]
    study_copy.write_text("\n".join(["contracts = ['own_mws.toml']", *lines]) + "\n")
    outcome = command("run", study_copy)
    assert outcome.status == 0, outcome.out + outcome.err
    tables = study_copy.parent / "run" / "tables"
    # summer days would be those before if moments were read by the clocks of Greenwich
    assert own.filter(pl.col("ARRIVED_AT").str.contains("T23:01")).height > 10
    read = pl.read_parquet(tables / "records" / "mws.parquet")
    assert read.drop("area").equals(pl.read_parquet(demo.run / "tables" / "records" / "mws.parquet").drop("area"))
    assert read["area"].null_count() == read.height
    ledger = pl.read_parquet(tables / "ledger.parquet")
    assert ledger.filter(pl.col("columns_ignored") > 0).select("extract", "columns_ignored").rows() == [("mws", 1)]
    assert "without an area" not in outcome.out + outcome.err
    assert pl.read_parquet(tables / "flows.parquet").height > 0
