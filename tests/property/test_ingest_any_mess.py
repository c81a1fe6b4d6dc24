"""Whatever a file contains: every row is accepted, or quarantined with reasons, and no clear text is written."""

import csv
import json
import tempfile
from pathlib import Path

import polars as pl
from canary import find_clear
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_token import slow_token
from small_study import GOOD, SmallStudy, csv_text, row

from pipeline.ingest.pseudonymise import tokens_of_repeated
from pipeline.keys import PseudonymisationKey

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
PLAUSIBLE = {
    "PATIENT": st.sampled_from(["P0001", "P0002", "p0003", "P 0004"]),
    "BORN": st.dates().map(lambda day: f"{day:%d/%m}/{day.year:04d}"),
    "SEX": st.sampled_from(["1", "2", "3", ""]),
    "VISIT": st.sampled_from(["2016-05-04", "2016-05-05", "2031-01-01", "2016-02-30"]),
    "DOSES": st.integers(-2, 12).map(str),
    "COST": st.floats().map(str),
    "COUNTRY": st.sampled_from(["POLAND", "USA", "ATLANTIS"]),
}


def values_of(header: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(GOOD[header]), PLAUSIBLE.get(header, ANY_TEXT), ANY_TEXT)


ROWS = st.lists(st.fixed_dictionaries({header: values_of(header) for header in GOOD}), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(ROWS, min_size=1, max_size=2))
def test_rows_in_are_accepted_or_quarantined(files):
    with tempfile.TemporaryDirectory() as folder:
        study = SmallStudy(
            Path(folder) / "study",
            {f"{number}.csv": csv_text(rows, quoting=csv.QUOTE_ALL) for number, rows in enumerate(files)},
        )
        result = study.run()
        ledger, records = study.table("ledger"), study.table("records/visits")
        quarantine, tokens = study.table("quarantine/visits"), study.table("tokens/clinic")
        assert ledger["rows_in"].to_list() == [len(rows) for rows in files]
        assert (ledger["rows_in"] == ledger["accepted"] + ledger["quarantined"]).all()
        unusable = [json.loads(text) for text in ledger["unusable"]]
        assert all(set(one) <= {"born", "sex", "guardian"} for one in unusable)
        counted = zip(unusable, ledger["accepted"], strict=True)
        assert all(0 < number <= accepted for one, accepted in counted for number in one.values())
        assert records.height == ledger["accepted"].sum() == result.counts["accepted"]
        assert quarantine.height == ledger["quarantined"].sum() == result.counts["quarantined"]
        assert (quarantine["reasons"].list.len() > 0).all()
        reasons = sum(sum(json.loads(text).values()) for text in ledger["reasons"])
        assert reasons == quarantine["reasons"].list.len().sum()
        assert records["record_id"].to_list() == list(range(1, records.height + 1))
        assert set(records["subject_id"]) == set(range(1, tokens.height + 1)) == set(tokens["subject_id"])
        assert records.select("subject_id", "visited_on").is_unique().all()


DESCRIBING = ("FORENAME", "SURNAME", "BORN", "SEX", "PCODE", "GUARDIAN_NHS")
SPOILT = st.lists(st.fixed_dictionaries({header: values_of(header) for header in DESCRIBING}), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=SPOILT)
def test_no_row_is_lost_for_a_value_that_only_describes_or_is_of_another_person(rows):
    """Whatever stands in identifiers other than the person key: each row stays, and what was spoilt is counted."""
    people = [row(PATIENT=f"P{number:04d}", **one) for number, one in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        study = SmallStudy(Path(folder) / "study", {"visits.csv": csv_text(people, quoting=csv.QUOTE_ALL)})
        study.run()
        ledger, records = study.table("ledger").row(0, named=True), study.table("records/visits")
        assert (ledger["accepted"], ledger["quarantined"]) == (len(rows), 0)
        assert study.table("tokens/clinic").height == study.table("subjects/clinic").height == len(rows)
        assert records["ward"].to_list() == ["A1"] * len(rows)
        unusable = json.loads(ledger["unusable"])
        written = pl.Series("SEX", [one["SEX"] for one in rows], pl.String).str.strip_chars()
        assert unusable.get("sex", 0) == (~written.is_in(["1", "2", ""])).sum()
        assert records["sex"].null_count() == (~written.is_in(["1", "2"])).sum()
        born = pl.Series("BORN", [one["BORN"] for one in rows], pl.String).str.strip_chars()
        assert unusable.get("born", 0) == records["birth_month"].null_count() - (born == "").sum()


@settings(max_examples=25, deadline=None)
@given(
    canary=st.sampled_from(["Xanthippe", "6182930475", "QX9 7ZK"]),
    columns=st.sets(st.sampled_from(list(GOOD)), min_size=1),
    copies=st.integers(1, 25),
)
def test_clear_text_is_not_written_wherever_it_occurs(canary, columns, copies):
    planted = [row(**dict.fromkeys(columns, canary)) for _ in range(copies)]
    with tempfile.TemporaryDirectory() as folder:
        study = SmallStudy(Path(folder) / "study", {"visits.csv": csv_text([*planted, row()])})
        result = study.run()
        assert find_clear(study.out, [canary]) == []
        assert canary not in repr(result)


@given(
    secret=st.binary(min_size=32, max_size=200),
    domain=st.text(st.characters(codec="ascii"), min_size=1),
    texts=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_tokens_are_the_standard_hmac_of_any_text(secret, domain, texts):
    expected = [None if text is None else slow_token(secret, domain, text) for text in texts]
    of_series = PseudonymisationKey(secret).tokens(domain, pl.Series(texts, dtype=pl.String))
    assert of_series.dtype == pl.UInt64
    assert of_series.to_list() == expected
    repeated = pl.Series([*texts, *texts], dtype=pl.String)
    assert tokens_of_repeated(PseudonymisationKey(secret), domain, repeated).to_list() == [*expected, *expected]
