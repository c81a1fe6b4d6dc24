"""A study of one source with every kind of column, a few rows long, for tests of ingest."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from pipeline.ingest.contracts import read_contract
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.ingest import ingest
from pipeline.ingest.stages import IngestStudy
from pipeline.stage import StageContext, StageResult
from pipeline.study import read_study

KEY = "ab" * 32
OTHER_KEY = "cd" * 32
DATA_DATE = date(2019, 12, 31)
CONTRACT = """
source = "clinic"
title = "Clinics"
says = "Visits to clinics."
person_key = "patient"

[extracts.visits]
says = "One row a patient and day."
unique = ["patient", "visited_on"]
dated_by = "visited_on"

[extracts.visits.columns]
patient = { header = "PATIENT", type = "text", identifier = "patient_number", pattern = "P[0-9]{4}" }
given_name = { header = "FORENAME", type = "text", identifier = "given_name" }
family_name = { header = "SURNAME", type = "text", identifier = "family_name" }
sex = { header = "SEX", type = "code", identifier = "sex", codes = "sex_number" }
postcode = { header = "PCODE", type = "text", identifier = "postcode", required = false }
visited_on = { header = "VISIT", type = "date", min = "2010-01-01", max = "data_date" }
doses = { header = "DOSES", type = "integer", required = false, min = 0, max = 9 }
cost = { header = "COST", type = "decimal", required = false, min = 0, max = 999 }
urgent = { header = "URGENT", type = "boolean", required = false }
country = { header = "COUNTRY", type = "code", codes = "country_name", required = false }
ward = { header = "WARD", type = "text", pattern = "[A-Z][0-9]", required = false }

[extracts.visits.columns.born]
header = "BORN"
type = "date"
format = "%d/%m/%Y"
identifier = "date_of_birth"
min = "1900-01-01"
max = "data_date"

[extracts.visits.columns.guardian]
header = "GUARDIAN_NHS"
type = "text"
identifier = "nhs_number"
direct = true
of = "guardian"
pattern = "[0-9]{10}"
required = false
"""
GOOD = {
    "PATIENT": "P0001",
    "FORENAME": "Zoë",
    "SURNAME": "O'Neill-Śmith",
    "BORN": "07/03/1981",
    "SEX": "2",
    "PCODE": "ab1 2cd",
    "VISIT": "2016-05-04",
    "DOSES": "2",
    "COST": "12.5",
    "URGENT": "Y",
    "COUNTRY": "POLAND",
    "WARD": "A1",
    "GUARDIAN_NHS": "943 476 5919",
}
HEADERS = list(GOOD)
AREAS = "postcode_district,area\nAB1,E01\nAB12,E02\n"


def row(**changes: str) -> dict[str, str]:
    """Return a good row with some values changed."""
    return GOOD | changes


def csv_text(
    rows: Iterable[Mapping[str, str]], headers: Iterable[str] = HEADERS, quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """Return rows as the text of a CSV file."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(headers), lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def strict(contract: str = CONTRACT) -> str:
    """Return a contract by which no identifier may be missing or unusable, if its row is to be accepted."""
    changed = re.sub(r'(identifier = "(?:given_name|family_name|sex)")', r"\1, required = true", contract)
    changed = re.sub(r'(identifier = "(?:sex)")', r'\1, unusable = "quarantine"', changed)
    changed = changed.replace(
        'identifier = "date_of_birth"\n', 'identifier = "date_of_birth"\nrequired = true\nunusable = "quarantine"\n'
    )
    return changed.replace("direct = true\n", 'direct = true\nunusable = "quarantine"\n')


def visits_contract(folder: Path) -> Extract:
    """Return the contract of the one extract."""
    path = folder / "clinic.toml"
    path.write_text(CONTRACT, encoding="utf-8")
    return read_contract(path).extracts["visits"]


class SmallStudy:
    """A study folder with files of visits; `run` ingests it."""

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, str | bytes | pl.DataFrame],
        rows: int | None = None,
        contract: str = CONTRACT,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if isinstance(content, pl.DataFrame):
                content.write_parquet(folder / name)
            else:
                (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (folder / "clinic.toml").write_text(contract, encoding="utf-8")
        (folder / "areas.csv").write_text(AREAS)
        (folder / "a.key").write_text(KEY)
        (folder / "b.key").write_text(OTHER_KEY)
        declared = "" if rows is None else f"rows = {rows}"
        (folder / "study.toml").write_text(
            f'name = "small"\ndata_date = {DATA_DATE}\narea_lookup = "areas.csv"\nkey_file = "a.key"\n'
            f'contracts = ["clinic.toml"]\n[[extract]]\nname = "visits"\nfiles = {list(files)}\n{declared}\n'
        )

    def run(self, out: str = "out", key: str = "a.key") -> StageResult:
        """Ingest the study with one of its keys into a folder beside it."""
        study = read_study(self.folder / "study.toml").model_copy(update={"key_file": key})
        self.out = self.folder.parent / out
        self.out.mkdir(exist_ok=True)
        return ingest(StageContext(study=IngestStudy.of(study, self.out), folders={}, out=self.out))

    def table(self, name: str) -> pl.DataFrame:
        """Return a table of the last run."""
        return pl.read_parquet(self.out / f"{name}.parquet")
