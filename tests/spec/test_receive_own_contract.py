"""A contract of a study's own is checked as those that ship: date-times, numbers, files without a key of records."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipeline.study import read_study
from reception.finding import Finding
from reception.receive import receive

CONTRACTS = """
source = "clinic"
person_key = "patient"

[extracts.visits]
unique = ["patient", "visited_at"]
dated_by = "visited_at"

[extracts.visits.columns]
patient = { header = "PATIENT", type = "text", identifier = "patient_number", pattern = "P[0-9]{4}" }
visited_at = { header = "VISIT", type = "datetime", format = "%Y-%m-%d %H:%M", min = "2010-01-01" }
weight = { header = "WEIGHT", type = "decimal", min = 0, max = 100000, required = false }
ward = { header = "WARD", type = "code", codes = { A = "acute", C = "chronic", S = "social" }, required = false }
""", """
source = "members"
public_id = "serial"

[extracts.members]

[extracts.members.columns]
serial = { header = "SERIAL", type = "integer", min = 1, max = 1000000 }
family_name = { header = "NAME", type = "text", identifier = "family_name" }
kind = { header = "KIND", type = "code", codes = { F = "full", P = "part" } }
"""  # fmt: skip
ROWS = 400


def visits() -> pl.DataFrame:
    """One visit of each of 400 patients, on days and at times that differ."""
    at = [
        datetime.fromisoformat("2018-01-01T08:00") + timedelta(days=one * 7 % 430, minutes=one % 600)
        for one in range(ROWS)
    ]
    return pl.DataFrame(
        {
            "PATIENT": [f"P{one:04}" for one in range(ROWS)],
            "VISIT": [f"{one:%Y-%m-%d %H:%M}" for one in at],
            "WEIGHT": [f"{40 + one % 50}.5" for one in range(ROWS)],
            "WARD": ["ACS"[one % 3] for one in range(ROWS)],
        }
    )


def members() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "SERIAL": range(1, ROWS + 1),
            "NAME": [f"Name{'abcdefghij'[one % 10]}" for one in range(ROWS)],
            "KIND": ["FFP"[one % 3] for one in range(ROWS)],
        }
    )


def delivered(folder: Path, day: date, visits: pl.DataFrame, members: pl.DataFrame) -> Path:
    folder.mkdir()
    for name, contract in zip(("clinic", "members"), CONTRACTS, strict=True):
        (folder / f"{name}.toml").write_text(contract)
    visits.write_csv(folder / "visits.csv")
    members.write_csv(folder / "members.csv")
    lines = ['name = "clinic"', f"data_date = {day}", 'contracts = ["clinic.toml", "members.toml"]']
    for name in ("visits", "members"):
        lines += ["[[extract]]", f'name = "{name}"', f'files = ["{name}.csv"]']
    (folder / "study.toml").write_text("\n".join(lines))
    return folder


@pytest.fixture
def found(tmp_path):
    """What is found of a delivery with other visits or members than in the one before."""

    def findings(now: pl.DataFrame | None = None, others: pl.DataFrame | None = None) -> list[Finding]:
        before = delivered(tmp_path / "before", date(2019, 6, 30), visits(), members())
        after = delivered(
            tmp_path / "now",
            date(2019, 7, 31),
            visits() if now is None else now,
            members() if others is None else others,
        )
        return receive(read_study(after), after, before)

    return findings


def named(findings: list[Finding]) -> set[tuple[str, str | None, str]]:
    return {(one.source, one.column, one.check) for one in findings}


def test_the_same_delivery_again_has_no_fault(found):
    assert found() == []


def test_clocks_of_another_zone_are_named_with_the_minutes_between(found):
    at = pl.col("VISIT").str.to_datetime("%Y-%m-%d %H:%M")
    findings = found(visits().with_columns(at.dt.offset_by("-1h").dt.strftime("%Y-%m-%d %H:%M")))
    assert named(findings) == {("clinic", "visited_at", "shifted")}
    assert findings[0].found == "400 of 400 (100.0%) moved by -60 minutes (another time zone?)"


def test_numbers_in_another_unit_are_named_with_the_factor(found):
    findings = found(visits().with_columns((pl.col("WEIGHT").cast(pl.Float64) * 1000).cast(pl.String)))
    assert named(findings) == {("clinic", "weight", "scaled")}
    assert findings[0].found == "400 of 400 (100.0%) are 1000 times what they were"


def test_a_code_that_became_another_is_named_with_both(found):
    findings = found(visits().with_columns(pl.col("WARD").replace({"C": "A"})))
    assert named(findings) == {("clinic", "ward", "codes")}
    assert findings[0].found == "133 of 133 (100.0%) of 'chronic' became 'acute'"


def test_codes_of_cases_that_were_decided_are_no_fault(found):
    """Of 30 visits the ward and the weight are other ones: something happened to the patient."""
    decided = pl.int_range(pl.len()) < 30
    now = visits().with_columns(
        pl.when(decided).then(pl.lit("S")).otherwise("WARD").alias("WARD"),
        pl.when(decided).then(pl.lit("70.25")).otherwise("WEIGHT").alias("WEIGHT"),
    )
    assert ("clinic", "ward", "codes") not in named(found(now))


def test_shares_of_a_file_without_a_key_of_records_are_compared(found):
    """A fifth of the names is missing, and the share of full members falls from two thirds to a fourth."""
    row = pl.int_range(pl.len())
    others = members().with_columns(
        pl.when(row % 5 > 0).then("NAME").alias("NAME"),
        pl.when(row % 5 < 3).then(pl.lit("P")).otherwise("KIND").alias("KIND"),
    )
    assert named(found(others=others)) == {
        ("members", "family_name", "completeness"),
        ("members", "kind", "shares of codes"),
    }
