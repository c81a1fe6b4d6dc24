"""`sojourn stays` on files that anybody may bring: CSV and Parquet, with columns of their own, right and wrong."""

import csv
import io
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from flows.classify_stays import classify_stays
from pipeline.errors import UserError
from rules.lengths_of_stay import crossings_file

WORKED = {rule: Path(__file__).parents[1] / "oracle" / f"crossings_{rule}.csv" for rule in ("12_16", "9_12")}
OBSERVED = date(2018, 12, 31)
HEADER = "person_id,date,is_arrival,initial_resident\n"


@pytest.fixture
def stays(tmp_path, capsys):
    """What the verb calls, on a file of these contents: returns its status and output, and the file to be written."""

    def run(content, threshold=365, window=487, observed_to=OBSERVED, name="crossings.csv", out="out.csv"):
        given = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(given)
        else:
            given.write_bytes(content if isinstance(content, bytes) else content.encode())
        written = tmp_path / out
        try:
            status, err = classify_stays(given, written, threshold, window, observed_to), ""
        except UserError as error:
            status, err = 2, str(error)
        return SimpleNamespace(status=status, err=err, out=capsys.readouterr().out), written

    return run


def test_the_verb_writes_a_file_or_says_which_row_is_wrong(command, tmp_path):
    (tmp_path / "right.csv").write_text(HEADER + "1,2016-03-01,1,0\n1,2018-06-01,0,0\n")
    (tmp_path / "wrong.csv").write_text(HEADER + "1,2016-03-01,1,0\n1,2018-06-31,0,0\n")
    options = ("--threshold", "274", "--window", "365", "--observed-to", "2018-12-31", "--out", tmp_path / "out.csv")
    wrong = command("stays", tmp_path / "wrong.csv", *options)
    assert wrong.status == 2
    assert "row 2: date '2018-06-31' is no day" in wrong.err
    assert not (tmp_path / "out.csv").exists()
    right = command("stays", tmp_path / "right.csv", *options)
    assert right.status == 0, right.err
    assert "1 immigrations, 0 emigrations, 1 crossings not known yet" in right.out
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == [
        "1,2016-03-01,1,0,365,365,0,1,1",
        "1,2018-06-01,0,0,0,213,1,,",
    ]


def crossings_of(rule):
    rows = list(csv.reader(io.StringIO(WORKED[rule].read_text(encoding="utf-8"))))
    return "".join(",".join(row[:4]) + "\n" for row in rows)


@pytest.mark.parametrize(("rule", "threshold", "window"), [("12_16", 365, 487), ("9_12", 274, 365)])
def test_the_worked_file_comes_out_to_the_byte(stays, rule, threshold, window):
    outcome, written = stays(crossings_of(rule), threshold, window)
    assert outcome.status == 0, outcome.err
    assert written.read_text(encoding="utf-8") == WORKED[rule].read_text(encoding="utf-8")
    assert "330 crossings of 46 people" in outcome.out


def test_parts_of_any_size_give_the_same_rows(stays, monkeypatch):
    monkeypatch.setattr("pipeline.tables.PART_ROWS", 3)
    outcome, written = stays(crossings_of("12_16"))
    assert outcome.status == 0, outcome.err
    assert written.read_text(encoding="utf-8") == WORKED["12_16"].read_text(encoding="utf-8")


def test_parquet_in_and_out_with_words_for_flags(stays):
    expected = pl.read_csv(WORKED["12_16"], try_parse_dates=True)
    flags = ["is_arrival", "initial_resident", "resident_before", "resident_after", "long_term_migration"]
    expected = expected.with_columns(pl.col(flags).cast(pl.Boolean), pl.col("person_id").cast(pl.String))
    outcome, written = stays(expected.select(pl.nth(range(4))), name="crossings.parquet", out="out.parquet")
    assert outcome.status == 0, outcome.err
    found = pl.read_parquet(written)
    assert found.schema["long_term_migration"] == pl.Boolean
    assert found.equals(expected)


def test_other_columns_and_their_texts_are_kept(stays):
    rows = (
        "flight,person_id,date,note,is_arrival,initial_resident,fare\n"
        "NZ1,007,2016-03-01,\"a, b\",TRUE,FALSE,1.50\n"
        "NZ2,007,2018-06-01,,FALSE,FALSE,\n"
    )  # fmt: skip
    outcome, written = stays(rows)
    assert outcome.status == 0, outcome.err
    assert written.read_text(encoding="utf-8") == (
        "flight,person_id,date,note,is_arrival,initial_resident,fare,"
        "days_in_country,days_observed,resident_before,resident_after,long_term_migration\n"
        'NZ1,007,2016-03-01,"a, b",TRUE,FALSE,1.50,487,487,false,true,true\n'
        "NZ2,007,2018-06-01,,FALSE,FALSE,,0,213,true,,\n"
    )


def test_a_classified_file_is_classified_anew(stays):
    outcome, written = stays(WORKED["12_16"].read_text(encoding="utf-8"), 274, 365)
    assert outcome.status == 0, outcome.err
    assert written.read_text(encoding="utf-8") == WORKED["9_12"].read_text(encoding="utf-8")


def test_times_are_the_day_on_which_they_fall(stays):
    rows = pl.DataFrame(
        {
            "person_id": [1, 1],
            "date": pl.Series(["2018-01-01 23:00", "2018-01-02 01:00"]).str.to_datetime(),
            "is_arrival": [1.0, 0.0],
            "initial_resident": [0, 0],
        }
    )
    outcome, written = stays(rows, name="crossings.parquet", out="out.parquet")
    assert outcome.status == 0, outcome.err
    assert pl.read_parquet(written)["days_in_country"].to_list() == [1, 0]


def test_a_file_without_rows_has_all_columns(stays):
    outcome, written = stays(HEADER)
    assert outcome.status == 0, outcome.err
    assert written.read_text(encoding="utf-8").count(",") == 8


FAULTS = [
    ("1,2016-01-02,1,0\n1,2016-01-01,0,0\n", "row 2: date '2016-01-01' is before that of the row above"),
    ("1,2016-01-01,1,0\n1,2019-02-29,0,0\n", "row 2: date '2019-02-29' is no day of the calendar"),
    ("1,2016-1-1,1,0\n", "row 1: date '2016-1-1' is no day of the calendar"),
    ("1,20160101,1,0\n", "row 1: date '20160101' is no day of the calendar"),
    ("1,,1,0\n", "row 1: date (empty) is no day of the calendar"),
    ("1,2016-01-01,1,0\n1,2016-01-02,2,0\n", "row 2: is_arrival '2' is neither"),
    ("1,2016-01-01,in,0\n", "row 1: is_arrival 'in' is neither"),
    ("1,2016-01-01,,0\n", "row 1: is_arrival (empty) is neither"),
    ("1,2016-01-01,1,\n", "row 1: initial_resident (empty) is neither"),
    (",2016-01-01,1,0\n", "row 1: has no person_id"),
    ("1,2016-01-01,1,0\n1,2016-01-02,0,1\n", "row 2: initial_resident '1' is another than in the row above"),
    ("1,2016-01-01,1,0\n2,2016-01-01,1,0\n1,2017-01-01,0,0\n", "row 3: person_id '1' comes again"),
    ("b,2016-01-01,1,0\na,2016-01-01,1,0\nb,2017-01-01,0,0\n", "row 3: person_id 'b' comes again"),
]


@pytest.mark.parametrize(("rows", "message"), FAULTS)
@pytest.mark.parametrize("part", [1, 2, 1000])
def test_wrong_rows_are_reported_and_nothing_is_written(stays, monkeypatch, rows, message, part):
    monkeypatch.setattr("pipeline.tables.PART_ROWS", part)
    outcome, written = stays(HEADER + rows)
    assert outcome.status == 2
    assert message in outcome.err
    assert "crossings.csv" in outcome.err
    assert list(written.parent.glob("*out*")) == []


def test_an_earlier_result_stays_when_rows_are_wrong(stays, tmp_path):
    (tmp_path / "out.csv").write_text("earlier")
    outcome, written = stays(HEADER + "1,never,1,0\n")
    assert outcome.status == 2
    assert written.read_text() == "earlier"


def test_wrong_rows_far_apart_are_all_counted(stays, monkeypatch):
    monkeypatch.setattr(crossings_file, "LISTED", 2)
    monkeypatch.setattr("pipeline.tables.PART_ROWS", 2)
    outcome, _ = stays(HEADER + "".join(f"{person},2016-01-01,{person % 4},0\n" for person in range(1, 12)))
    assert outcome.status == 2
    assert "row 2: is_arrival '2'" in outcome.err
    assert "row 3: is_arrival '3'" in outcome.err
    assert "and 4 more" in outcome.err


def test_people_in_any_order_are_accepted(stays):
    outcome, written = stays(HEADER + "9,2016-01-01,1,0\n2,2016-01-01,1,0\n5,2017-01-01,0,1\n")
    assert outcome.status == 0, outcome.err
    assert [row.split(",")[0] for row in written.read_text().splitlines()[1:]] == ["9", "2", "5"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("person_id,date,is_arrival\n1,2016-01-01,1\n", "no column 'initial_resident'"),
        ("", "cannot be read"),
        (HEADER + "1,2016-01-01,1,0,7\n", "cannot be read"),
        (HEADER.encode() + b"\xff\xfe,2016-01-01,1,0\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_of_crossings(stays, content, message):
    outcome, _ = stays(content)
    assert outcome.status == 2
    assert message in outcome.err
    assert "crossings.csv" in outcome.err


def test_a_type_that_cannot_be_a_date(stays):
    rows = pl.DataFrame({"person_id": [1], "date": [16000], "is_arrival": [True], "initial_resident": [True]})
    outcome, _ = stays(rows, name="crossings.parquet")
    assert outcome.status == 2
    assert "column 'date' is of the type Int64" in outcome.err


@pytest.mark.parametrize(("threshold", "window"), [(0, 487), (488, 487), (-3, -2)])
def test_a_threshold_lies_between_one_day_and_the_window(stays, threshold, window):
    outcome, _ = stays(HEADER, threshold, window)
    assert outcome.status == 2
    assert f"--threshold {threshold}" in outcome.err


def test_the_file_of_crossings_is_never_overwritten(stays):
    outcome, written = stays(HEADER, out="crossings.csv")
    assert outcome.status == 2
    assert written.read_text() == HEADER


def test_names_say_what_a_file_is(stays):
    outcome, _ = stays(HEADER, name="crossings.xlsx")
    assert outcome.status == 2
    assert "crossings.xlsx" in outcome.err
    outcome, _ = stays(HEADER, out="out")
    assert outcome.status == 2
    assert "must end in .csv or .parquet" in outcome.err


def test_a_file_must_exist(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        classify_stays(tmp_path / "a.csv", tmp_path / "b.csv", 365, 487, OBSERVED)


def test_days_of_any_century_and_windows_of_any_length(stays):
    rows = HEADER + "1,0001-01-01,1,0\n1,9999-12-31,0,0\n2,1800-02-28,0,1\n2,1800-03-01,1,1\n"
    outcome, written = stays(rows, 3_000_000_000, 5_000_000_000, date(9999, 12, 31))
    assert outcome.status == 0, outcome.err
    span = (date(9999, 12, 31) - date(1, 1, 1)).days
    assert pl.read_csv(written)["days_in_country"].to_list()[:2] == [span, 0]


def test_two_columns_of_one_name_are_refused(stays):
    outcome, written = stays("person_id,date,is_arrival,is_arrival,initial_resident\n1,2016-03-01,1,0,0\n")
    assert outcome.status == 2
    assert "crossings.csv: has more than one column 'is_arrival'" in outcome.err
    assert not written.exists()


def test_a_column_of_lists_goes_to_parquet_alone(stays):
    rows = pl.DataFrame(
        {
            "person_id": [1], "date": ["2016-03-01"], "is_arrival": [True], "initial_resident": [False],
            "routes": [["work", "study"]],
        }
    )  # fmt: skip
    outcome, written = stays(rows, name="crossings.parquet")
    assert outcome.status == 2
    assert "column 'routes' is of the type List(String), which CSV cannot have" in outcome.err
    assert not written.exists()
    outcome, written = stays(rows, name="crossings.parquet", out="out.parquet")
    assert outcome.status == 0, outcome.err
    assert pl.read_parquet(written)["routes"].to_list() == [["work", "study"]]


def test_a_folder_is_no_file_to_be_written(stays, tmp_path):
    (tmp_path / "out.csv").mkdir()
    outcome, _ = stays(HEADER + "1,2016-03-01,1,0\n")
    assert outcome.status == 2
    assert "is a folder" in outcome.err
