"""A list that looks like nothing that Sojourn knows: a serial, names, a foreign address, and mistakes everywhere."""

import re
from pathlib import Path

import polars as pl
import pytest
from small_study import KEY

from pipeline.ingest.contracts import read_contract
from pipeline.ingest.ingest import ingest
from pipeline.ingest.stages import IngestStudy
from pipeline.stage import StageContext
from pipeline.study import read_study

DOCS = Path(__file__).parents[2] / "docs" / "source_contracts.md"
LISTED = """\
rec_id,given_name,surname,street_number,address_1,suburb,postcode,state,date_of_birth
rec-0-org,michaela,neumann,8,stanley street,winston hills,4223,nsw,19151111
rec-1-org,courtney,painter,12,pinkerton circuit,richlands,4560,vic,19161214
rec-1-dup-0,,painter,12,pinkerton circut,,4560,vci,19161299
rec-2-org,charles,green,38,salkauskas crescent,dapto,4566,nsw,19480930
rec-3-org,vanessa,parr,905,macquoid place,broadbridge manor,2135,sa,19951119
rec-3-dup-0,vanessa,,9o5,,"broadbridge, manor",213S,,1995111
rec-4-org,o'nei11,,,,,,,
rec-5-org,michael,van den berg,,,,456,qld,00000000
rec-6-org,,,,,,,xx,20250101
rec-7-org,,,,,,,,1994 1104
"""


@pytest.fixture
def study(tmp_path):
    contract = next(
        one
        for one in re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
        if "rec_id" in one
    )
    (tmp_path / "listed.toml").write_text(contract, encoding="utf-8")
    (tmp_path / "a.key").write_text(KEY)
    (tmp_path / "listed.csv").write_text(LISTED, encoding="utf-8")
    (tmp_path / "study.toml").write_text(
        'name = "lists"\ndata_date = 2020-12-31\nkey_file = "a.key"\ncontracts = ["listed.toml"]\n'
        '[[extract]]\nname = "listed"\nfiles = ["listed.csv"]\n'
    )
    return read_study(tmp_path / "study.toml")


def test_a_contract_written_from_the_documentation_accepts_every_row(study, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    result = ingest(StageContext(study=IngestStudy.of(study, out), folders={}, out=out))
    rows = LISTED.splitlines()[1:]
    (line,) = pl.read_parquet(out / "ledger.parquet").to_dicts()
    # five dates that are none or after the data date, of ten rows, one of which has no date
    assert (line["rows_in"], line["accepted"], line["unusable"]) == (10, 10, '{"date_of_birth": 5}')
    assert pl.read_parquet(out / "subjects" / "listed.parquet")["subject"].to_list() == [
        row.split(",")[0] for row in rows
    ]
    (warning,) = result.warnings
    assert "5 values of 'date_of_birth' in 10 accepted rows cannot be used" in warning
    born = pl.read_parquet(out / "records" / "listed.parquet")["birth_month"]
    assert born.is_not_null().to_list() == [True, True, False, True, True, False, False, False, False, False]


def test_the_contract_says_nothing_that_need_not_be_said(study):
    contract = read_contract(study.folder / "listed.toml")
    assert (contract.person_key, contract.public_id, contract.title) == (None, "rec_id", "")
    (extract,) = contract.extracts.values()
    assert extract.unique == ()
    assert {column.identifier for column in extract.columns.values()} == {
        None, "given_name", "family_name", "house", "street", "locality", "postcode", "date_of_birth",
    }  # fmt: skip
