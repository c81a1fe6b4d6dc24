"""What a supplier changes without a word is named by source and column; a clean delivery is not."""

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.read_extract import read_extract
from pipeline.study import Study, read_study
from reception.receive import receive
from synthetic_data.simulate import simulate
from tests import planted_changes as planted
from tests.planted_changes import read_file, write_file

YEAR_AGO, BEFORE, NOW = "2018-03-31", "2018-12-31", "2019-03-31"
CONTRACTS = read_contracts()


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory) -> Path:
    """Three deliveries of one country of 2,000 residents; tests must not change them."""
    country = tmp_path_factory.mktemp("country")
    simulate(2_000, 11, country, deliveries=[date.fromisoformat(day) for day in (YEAR_AGO, BEFORE, NOW)])
    return country / "deliveries"


def of_source(delivery: Path, source: str, out: Path) -> Study:
    """Copy the extracts of one source with a study file that names these alone, and no number of rows."""
    study = read_study(delivery)
    own = [one for one in study.extract if one.name in CONTRACTS[source].extracts]
    lines = [f'name = "{source}"', "synthetic = true", f"data_date = {study.data_date}"]
    for one in own:
        files = ", ".join(f'"{file}"' for file in one.files)
        lines += ["[[extract]]", f'name = "{one.name}"', f"files = [{files}]"]
        for file in one.files:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(delivery / file, out / file)
    (out / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return read_study(out)


class Received:
    """The deliveries of one source before and now, of which the second may be changed, and what is found."""

    def __init__(self, deliveries: Path, source: str, folder: Path) -> None:
        self.source, self.before, self.now = source, folder / BEFORE, folder / NOW
        of_source(deliveries / BEFORE, source, self.before)
        self.study = of_source(deliveries / NOW, source, self.now)

    def files(self, extract: str) -> list[Path]:
        return self.study.files_of(extract)

    def plant(self, plant: planted.Plant, extract: str, column: str, now: str | None = None) -> None:
        """Change a column in all files of an extract."""
        contract = CONTRACTS[self.source].extracts[extract]
        for path in self.files(extract):
            file = read_file(path, contract)
            in_file = file.layout.columns[column]
            write_file(plant(file.rows, in_file.header, in_file), path)

    def found(self, *, alone: bool = False) -> set[tuple[str | None, str]]:
        findings = receive(self.study, self.now, None if alone else self.before)
        assert {one.source for one in findings} <= {self.source}
        return {(one.column, one.check) for one in findings}


@pytest.fixture
def received(deliveries, tmp_path):
    return lambda source: Received(deliveries, source, tmp_path)


def test_a_clean_delivery_has_no_fault_by_itself_or_beside_the_one_before(deliveries):
    study = read_study(deliveries / NOW)
    assert receive(study, deliveries / NOW) == []
    assert receive(study, deliveries / NOW, deliveries / BEFORE) == []


PLANTED = [
    ("less_complete", "pds", "pds", "postcode", "completeness"),
    ("less_complete", "births", "births", "mother_nhs_number", "completeness"),
    ("default_date", "pds", "pds", "date_of_birth", "one value"),
    ("first_of_january", "mws", "mws", "date_of_birth", "default date"),
    ("later", "deaths", "deaths", "registration_date", "shifted"),
    ("later", "mws", "mws", "registration_date", "shifted"),
    ("later", "exit_checks", "exit_checks_travel", "event_date", "shifted"),
    ("other_zone", "exit_checks", "exit_checks_travel", "event_date", "shifted"),
    ("other_zone", "benefits", "benefit_spells", "start_date", "shifted"),
    ("month_before_day", "births", "births", "date_of_birth", "contract"),
    ("renamed_code", "pds", "pds", "sex", "contract"),
    ("renamed_code", "exit_checks", "exit_checks_visas", "visa_type", "contract"),
    ("collapsed_code", "exit_checks", "exit_checks_visas", "visa_type", "codes"),
    ("collapsed_code", "hesa", "hesa", "nationality", "codes"),
    ("another_format", "activity", "activity_people", "nino", "format"),
    ("prefixed", "hesa", "hesa", "husid", "format"),
    ("reissued", "mws", "mws", "nino", "vanished people"),
    ("reissued", "review_sample", "review_sample", "nhs_number", "changed values"),
    ("upper_case", "births", "births", "given_name", "letter case"),
    ("without_accents", "coverage_survey", "coverage_survey", "family_name", "signs"),
    ("mojibake", "coverage_survey", "coverage_survey", "family_name", "encoding"),
    ("truncated", "activity", "activity_people", "postcode", "truncated"),
    ("shuffled", "mws", "mws", "given_name", "changed values"),
    ("shuffled", "pds", "pds", "nhs_number", "changed values"),
    ("shuffled", "families", "child_benefit_claims", "nino", "keys of others"),
    ("dropped", "deaths", "deaths", "postcode", "missing column"),
    ("dropped", "families", "tax_credit_awards", "award_type", "missing column"),
    ("ten_times", "activity", "activity_weeks", "weeks_tax", "contract"),
    ("one_value", "births", "births", "sex", "codes"),
    ("without_a_quarter", "exit_checks", "exit_checks_travel", "event_date", None),
]


@pytest.mark.parametrize(
    ("plant", "source", "extract", "column", "check"), PLANTED, ids=[f"{one[0]}-{one[2]}-{one[3]}" for one in PLANTED]
)
def test_a_change_of_a_column_is_named(received, plant, source, extract, column, check):
    delivery = received(source)
    delivery.plant(getattr(planted, plant), extract, column)
    assert ((column, check) if check else (None, "vanished records")) in delivery.found()


def test_an_added_and_a_renamed_column_are_named_by_their_headers(received):
    delivery = received("mws")
    delivery.plant(planted.added, "mws", "postcode")
    assert delivery.found() == {("POSTCODE_2", "added column")}
    delivery = received("mws")
    delivery.plant(planted.renamed_column, "mws", "postcode")
    assert delivery.found() == {("postcode", "missing column"), ("POSTCODE_NEW", "added column")}


def test_both_of_two_swapped_columns_are_named(received):
    delivery = received("pds")
    (path,) = delivery.files("pds")
    rows = read_file(path, CONTRACTS["pds"].extracts["pds"]).rows
    swapped = {"GIVEN_NAME": "FAMILY_NAME", "FAMILY_NAME": "GIVEN_NAME"}
    write_file(rows.rename(swapped).select(rows.columns), path)
    assert delivery.found() >= {("given_name", "swapped columns"), ("family_name", "swapped columns")}


@pytest.mark.parametrize(("plant", "check"), [("doubled", "repeated rows"), ("cut", "vanished records")])
def test_a_file_with_its_rows_twice_or_not_all_is_named(received, plant, check):
    delivery = received("pds")
    delivery.plant(getattr(planted, plant), "pds", "postcode")
    assert (None, check) in delivery.found()


def test_the_file_of_last_year_in_place_of_this_years_is_named(received, deliveries):
    delivery = received("pr")
    *_, last_year, this_year = delivery.files("pr")
    shutil.copy(last_year, this_year)
    assert {(None, "same file"), (None, "repeated rows"), (None, "vanished records")} <= delivery.found()
    delivery = received("exit_checks")
    for path in delivery.files("exit_checks_travel"):
        shutil.copy(deliveries / YEAR_AGO / "extracts" / path.name, path)
    assert (None, "vanished records") in delivery.found()


def test_the_last_delivery_again_lacks_new_records(received):
    delivery = received("pds")
    shutil.copy(delivery.before / "extracts" / "pds.parquet", delivery.now / "extracts" / "pds.parquet")
    assert ("posting_date", "new records") in delivery.found()


def test_another_encoding_is_named_with_the_columns_that_it_damages(received):
    delivery = received("mws")
    (path,) = delivery.files("mws")
    rows = read_file(path, CONTRACTS["mws"].extracts["mws"]).rows
    named = rows.with_columns(pl.lit("JOSÉ").alias("FORENAME"), pl.lit("NOWAK").alias("SURNAME"))
    path.write_bytes(named.write_csv().encode("cp1252"))
    assert delivery.found(alone=True) == {("given_name", "encoding")}
    path.write_bytes(named.write_csv().encode("utf-16"))
    assert delivery.found(alone=True) == {("given_name", "encoding")}


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_another_delimiter_is_named(received, sign):
    delivery = received("mws")
    (path,) = delivery.files("mws")
    rows = read_file(path, CONTRACTS["mws"].extracts["mws"]).rows
    rows.write_csv(path, separator=sign)
    assert delivery.found() == {(None, "delimiter")}


def test_a_file_that_is_missing_or_cut_within_a_row_is_named(received):
    delivery = received("births")
    (path,) = delivery.files("births")
    path.write_bytes(path.read_bytes()[:-40])
    assert (None, "unreadable") in delivery.found()
    path.unlink()
    (delivery.now / "births.txt").touch()
    other = received("deaths")
    (path,) = other.files("deaths")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b",") + 3])
    assert (None, "line ending") in other.found(alone=True)


@pytest.mark.parametrize(
    ("plant", "source", "column", "check"),
    [
        ("default_date", "pds", "date_of_birth", "default date"),
        ("first_of_january", "pds", "date_of_birth", "default date"),
        ("doubled", "pds", None, "repeated rows"),
        ("mojibake", "coverage_survey", "family_name", "encoding"),
        ("another_format", "pds", "nhs_number", "contract"),
        ("renamed_code", "pds", "registration_type", "contract"),
    ],
)
def test_a_delivery_alone_shows_what_no_contract_allows(received, plant, source, column, check):
    delivery = received(source)
    delivery.plant(getattr(planted, plant), source, column or "postcode")
    assert (column, check) in delivery.found(alone=True)


def test_a_month_without_rows_is_named_without_another_delivery(deliveries, tmp_path):
    """Of the postings of pds, about 25 a month, those of May 2018 are lost."""
    delivery = Received(deliveries, "pds", tmp_path)
    (path,) = delivery.files("pds")
    rows = read_file(path, CONTRACTS["pds"].extracts["pds"]).rows
    write_file(rows.filter(~pl.col("POSTING_DATE").str.starts_with("2018-05")), path)
    assert delivery.found(alone=True) == {("posting_date", "empty period")}


def test_findings_quote_nobody(received):
    """Names, numbers and postcodes are in no message, whatever was done to their columns."""
    delivery = received("mws")
    (path,) = delivery.files("mws")
    contract = CONTRACTS["mws"].extracts["mws"]
    rows = read_file(path, contract).rows
    turned = dict(zip(rows.columns, [*rows.columns[1:], rows.columns[0]], strict=True))
    write_file(rows.rename(turned).select(rows.columns), path)
    findings = receive(delivery.study, delivery.now, delivery.before)
    assert findings
    said = " ".join(f"{one.expected} {one.found}" for one in findings)
    identifiers = [name for name, column in contract.columns.items() if column.is_clear_identifier]
    texts = read_extract(path, contract).select(identifiers).unpivot()["value"].drop_nulls().unique()
    assert [text for text in texts if len(text) > 2 and text in said] == []
