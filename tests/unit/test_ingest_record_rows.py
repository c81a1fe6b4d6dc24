"""Which row of which file a record is: worked by hand, and for any rows against a slow look-up."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from small_study import SmallStudy, csv_text, row

from pipeline.ingest.record_rows import records_at_rows, rows_of_records, runs_of_rows


def test_rows_that_were_quarantined_are_gaps_between_runs(tmp_path):
    """The second row of the first file has no date: rows 1, 3 and 4 are records 1 to 3, of the other file 1 is 4."""
    first = [row(), row(VISIT="never"), row(VISIT="2017-01-02"), row(VISIT="2017-01-03")]
    study = SmallStudy(tmp_path / "study", {"a.csv": csv_text(first), "b.csv": csv_text([row(VISIT="2018-05-05")])})
    study.run()
    runs = study.table("rows/visits")
    assert runs.rows() == [(1, "a.csv", 1, 1), (2, "a.csv", 3, 2), (4, "b.csv", 1, 1)]
    assert rows_of_records(runs, study.table("records/visits").select("record_id")).rows() == [
        (1, "a.csv", 1), (2, "a.csv", 3), (3, "a.csv", 4), (4, "b.csv", 1),
    ]  # fmt: skip
    asked = pl.DataFrame({"file": ["a.csv", "a.csv", "b.csv", "b.csv", "c.csv"], "row_number": [4, 2, 1, 2, 1]})
    found = records_at_rows(runs, asked).sort("file", "row_number")
    assert found["record_id"].to_list() == [None, 3, 4, None, None]


@given(st.lists(st.sets(st.integers(1, 12), max_size=12), min_size=1, max_size=4))
def test_places_and_records_lead_to_one_another(files):
    places = [(f"{at}.csv", number) for at, rows in enumerate(files) for number in sorted(rows)]
    records = pl.DataFrame(places, schema={"file": pl.String, "row_number": pl.Int64}, orient="row").with_row_index(
        "record_id", offset=1
    ).cast({"record_id": pl.Int64})  # fmt: skip
    runs = runs_of_rows(records)
    assert int(runs["rows"].sum()) == records.height
    assert rows_of_records(runs, records.select("record_id")).select(records.columns).equals(records)
    every = pl.DataFrame(
        [(f"{at}.csv", number) for at in range(len(files)) for number in range(1, 14)],
        schema={"file": pl.String, "row_number": pl.Int64}, orient="row",
    )  # fmt: skip
    slow = {place: at for at, place in enumerate(places, start=1)}
    found = records_at_rows(runs, every)
    assert all(record == slow.get((file, number)) for file, number, record in found.rows())
