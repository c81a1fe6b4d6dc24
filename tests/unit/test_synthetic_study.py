"""The study that `simulate` writes: what its readers rely on."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest.check import values
from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.ingest import ingest
from pipeline.ingest.read_extract import headers_of, read_extract
from pipeline.ingest.stages import IngestStudy
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.ingest.versions import version_of
from pipeline.keys import read_key
from pipeline.stage import StageContext
from pipeline.study import Study, read_study
from synthetic_data.delivery.study_file import Choices, study_text
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.scenarios.scenario import read_scenario
from synthetic_data.simulate import simulate

RESIDENTS = 1_500
MANY_BROKEN = Errors(broken_rows=0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    simulate(RESIDENTS, 5, out)
    return out


@pytest.fixture(scope="module")
def flawless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("flawless")
    simulate(RESIDENTS, 5, out, errors=NO_ERRORS)
    return out


def extract(study: Study, name: str) -> pl.DataFrame:
    """Return the rows of an extract in all of its files, typed, under the headers of its current layout."""
    contract = next(one.extracts[name] for one in delivered_contracts(study).values() if name in one.extracts)
    frames = []
    for file in study.files_of(name):
        layout = contract.layouts[version_of(file, contract, None, str(study.path))]
        frames.append(values(read_extract(file, layout), layout))
    return pl.concat(frames).select(pl.col(name).alias(column.header) for name, column in contract.columns.items())


def broken(study: Path, out: Path) -> tuple[int, int]:
    """Return the rows that break their contract, by the row or by a value of it alone, and all rows."""
    out.mkdir()
    counts = ingest(StageContext(IngestStudy.of(read_study(study / "study.toml"), out), {}, out)).counts
    return int(counts["quarantined"]) + int(counts["unusable"]), int(counts["rows"])


def test_the_study_names_every_extract_with_its_rows_and_a_key(folder: Path) -> None:
    study = read_study(folder / "study.toml")
    assert study.synthetic
    assert study.data_date.isoformat() == "2019-12-31"
    # a review of links is about links, which come later
    contracts = {source: one for source, one in read_contracts().items() if source != "link_review"}
    assert set(delivered_contracts(study)) == set(contracts)
    assert {one.name for one in study.extract} == {
        name for contract in contracts.values() for name in contract.extracts
    }
    for one in study.extract:
        assert one.rows == extract(study, one.name).height > 0
    assert "SYNTHETIC ONLY" in (folder / "synthetic.key").read_text(encoding="utf-8").splitlines()[0]
    assert read_key(study)


def test_every_file_has_the_columns_of_a_layout_of_its_contract(folder: Path) -> None:
    study = read_study(folder / "study.toml")
    for contract in delivered_contracts(study).values():
        for name, wanted in contract.extracts.items():
            for file in study.files_of(name):
                layout = wanted.layouts[version_of(file, wanted, None, str(study.path))]
                assert sorted(headers_of(file)) == sorted(one.header for one in layout.delivered.values()), file


def test_without_errors_every_row_satisfies_its_contract(flawless: Path, tmp_path: Path) -> None:
    assert broken(flawless, tmp_path / "out")[0] == 0


def test_with_errors_only_the_broken_rows_break_their_contract(tmp_path: Path) -> None:
    simulate(RESIDENTS, 5, tmp_path / "study", errors=MANY_BROKEN)
    set_aside, rows = broken(tmp_path / "study", tmp_path / "out")
    assert 0.5 * 0.01 < set_aside / rows < 1.5 * 0.01


def test_wrong_values_are_plausible_ones(tmp_path: Path) -> None:
    """All errors except broken rows satisfy the contract: only the truth can show them."""
    simulate(RESIDENTS, 5, tmp_path / "study", errors=Errors(broken_rows=0))
    assert broken(tmp_path / "study", tmp_path / "out")[0] == 0


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads_and_hash_seed(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    environment = os.environ | {"POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "77"}
    command = (
        "import sys, pathlib; from synthetic_data.simulate import simulate; "
        "simulate(int(sys.argv[1]), 5, pathlib.Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", command, str(RESIDENTS), str(again)], env=environment, check=True)
    assert digests(again) == digests(folder)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_another_seed_gives_other_people(folder: Path, tmp_path: Path) -> None:
    simulate(RESIDENTS, 6, tmp_path)
    same = [name for name, value in digests(tmp_path).items() if value == digests(folder)[name]]
    assert same == ["postcode_areas.csv"]


@pytest.mark.parametrize("made", ["folder", "flawless"])
def test_every_subject_of_every_source_is_one_known_person(made: str, request: pytest.FixtureRequest) -> None:
    """Without errors nobody has a second number in a source, except in those that number each interview."""
    folder = request.getfixturevalue(made)
    study = read_study(folder / "study.toml")
    identities = pl.read_parquet(folder / "truth" / "identities.parquet")
    people = pl.read_parquet(folder / "truth" / "people.parquet")
    assert set(identities["person"]) <= set(people["person"])
    for source, contract in delivered_contracts(study).items():
        if source == "review_sample":
            continue
        known = identities.filter(pl.col("source") == source)
        keys: set[str] = set()
        for name, one in contract.extracts.items():
            keys |= set(extract(study, name)[one.columns[contract.person_key].header])
        assert set(known["person_key"]) == keys
        assert known["person_key"].is_unique().all()
        if made == "flawless" and source not in ("coverage_survey", "passenger_survey"):
            assert known["person"].is_unique().all(), source


def test_without_errors_a_survey_counts_each_person_once_on_its_day(flawless: Path) -> None:
    survey = extract(read_study(flawless / "study.toml"), "coverage_survey")
    identities = pl.read_parquet(flawless / "truth" / "identities.parquet").filter(source="coverage_survey")
    found = survey.join(identities, left_on="PERSON_ID", right_on="person_key")
    assert found.height == survey.height
    assert survey["REFERENCE_DATE"].n_unique() == 2
    assert found.select("REFERENCE_DATE", "person").is_unique().all()


def test_a_source_moved_only_where_its_latest_postcode_is_not_the_spines(folder: Path) -> None:
    study = read_study(folder / "study.toml")
    identities = pl.read_parquet(folder / "truth" / "identities.parquet")
    keys = {source: identities.filter(pl.col("source") == source) for source in ("pds", "mws")}
    spine = (
        extract(study, "pds")
        .sort("POSTING_DATE", maintain_order=True)
        .group_by("NHS_NUMBER", maintain_order=True).last()
        .join(keys["pds"], left_on="NHS_NUMBER", right_on="person_key").select("person", spine="POSTCODE")
    )  # fmt: skip
    mws = extract(study, "mws").join(keys["mws"], left_on="NINO_ENC", right_on="person_key").join(spine, on="person")
    assert (mws["moved"] == (mws["POSTCODE"] != mws["spine"])).all()
    assert mws["moved"].any()
    assert not keys["pds"]["moved"].any()


def test_extracts_contain_only_what_was_known_on_the_data_date(folder: Path) -> None:
    study = read_study(folder / "study.toml")
    known = {
        "pds": "POSTING_DATE", "births": "REGISTRATION_DATE", "deaths": "REGISTRATION_DATE",
        "exit_checks_travel": "EVENT_DATE", "exit_checks_visas": "VALID_FROM",
    }  # fmt: skip
    for name, column in known.items():
        assert extract(study, name)[column].max() <= study.data_date
    assert extract(study, "hesa")["ACYEAR"].max() == "2018/19"
    assert str(extract(study, "activity_weeks")["TAX_YEAR_END"].max()) == "2019-04-05"
    assert str(extract(study, "pr")["SNAPSHOT_DATE"].max()) == "2019-07-31"


@pytest.mark.parametrize(
    ("residents", "seed", "expected_message"), [(3, 1, "--residents 3"), (1_000, -1, "--seed -1")]
)
def test_numbers_out_of_range_are_a_users_mistake(
    residents: int, seed: int, expected_message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=expected_message):
        simulate(residents, seed, tmp_path)


def test_the_study_file_lists_what_its_scenario_changes() -> None:
    """Two scenarios of users can have one name, so the file contains the change itself."""
    text = study_text(Choices(1_000, 1, read_scenario("visa_surge"), Errors()), {}, {})
    assert "# Scenario, surge: migrant_group = non_eu_workers, begins = 2017-07-01, factor = 3.0" in text
    lost = study_text(Choices(1_000, 1, read_scenario("lost_tenth"), Errors()), {}, {})
    assert "# Scenario, loss: extract = activity_weeks, year = 2016, share = 0.1" in lost
