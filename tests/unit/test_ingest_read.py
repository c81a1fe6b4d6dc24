"""A file that is not what its contract says is refused in one message that names it and quotes nothing."""

import io
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_study import CONTRACT, GOOD, HEADERS, SmallStudy, csv_text, row, visits_contract

from pipeline.errors import UserError
from pipeline.ingest import read_extract as read_extract_module
from pipeline.ingest.read_extract import read_extract
from pipeline.tables import connect

SECOND = row(PATIENT="P0002")
LATE = datetime.fromisoformat("2018-06-30T22:00")


@pytest.fixture
def read(tmp_path):
    def reading(content, name="visits.csv"):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_extract(path, visits_contract(tmp_path))

    return reading


def refused(read, content, name="visits.csv"):
    """Return the message of a refusal: one line that names the file and quotes no values of rows."""
    with pytest.raises(UserError) as error:
        read(content, name)
    message = str(error.value)
    assert name in message
    assert "\n" not in message
    # the folder of the test has a number, too
    without_path = re.sub(r"/\S*/", "", message)
    for clear in ("Zoë", "Neill", "81", "ab1", "P000", "5919"):
        assert clear not in without_path
    assert error.value.__context__ is None
    return message


def test_a_good_file_in_any_order_of_columns(read):
    frame = read(csv_text([row(), SECOND], headers=reversed(HEADERS)))
    assert frame["row_number"].to_list() == [1, 2]
    assert frame["patient"].to_list() == ["P0001", "P0002"]
    assert sorted(frame.drop("row_number").row(0)) == sorted(GOOD.values())


@pytest.mark.parametrize("line_ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings_byte_order_marks_and_last_lines(read, line_ending, mark, last):
    text = csv_text([row(SURNAME='Quote " and, comma'), SECOND]).replace("\n", line_ending)
    frame = read(mark + (text if last else text.removesuffix(line_ending)).encode())
    assert frame.height == 2
    assert frame["family_name"][0] == 'Quote " and, comma'


def test_blanks_are_trimmed_and_nothing_is_null(read):
    frame = read(csv_text([row(PCODE="", SURNAME="  ", FORENAME=" Ann ")]))
    assert frame.select("postcode", "family_name", "given_name").row(0) == (None, None, "Ann")


def test_a_field_may_hold_a_line_break(read):
    frame = read(csv_text([row(SURNAME="two\nlines"), SECOND]))
    assert frame["family_name"].to_list() == ["two\nlines", "O'Neill-Śmith"]


@pytest.mark.parametrize("line_ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_fields_with_blank_lines_and_quotes(read, line_ending, mark, last):
    names = ["Flat 1\n\n2 High St", '"\n"\n,,\n"', "\n", 'a "" b']
    rows = [row(PATIENT=f"P{number:04d}", SURNAME=name) for number, name in enumerate(names)]
    text = csv_text([*rows, row(GUARDIAN_NHS='"9"\n\n1')]).replace("\n", line_ending)
    frame = read(mark + (text if last else text.removesuffix(line_ending)).encode())
    surnames = [name.replace("\n", line_ending).strip() or None for name in names]
    assert frame["family_name"].to_list() == [*surnames, "O'Neill-Śmith"]
    assert frame["guardian"][-1] == f'"9"{line_ending}{line_ending}1'


def large_file(last=""):
    """Return 20 MB of rows, more than DuckDB reads in one part; many have a field of lines that look like rows."""
    header, plain = csv_text([row()]).splitlines()
    quoted = csv_text([row(SURNAME="\n" + f"{plain}\n" * 30)]).split("\n", 1)[1]
    block = quoted + f"{plain}\n" * 10
    times = 20_000_000 // len(block.encode())
    return f"{header}\n{block * times}{last}", times * 11


def test_a_large_file_with_lines_in_its_fields(read):
    text, rows = large_file()
    frame = read(text)
    assert frame.height == rows
    assert frame["patient"].unique().to_list() == ["P0001"]
    assert frame["family_name"].str.len_chars().n_unique() == 2


def test_a_large_file_cut_within_a_quoted_field(read):
    text, _ = large_file(last='P0002,"Zoë\n\n')
    assert "a quote is not closed, or not doubled, at or after line" in refused(read, text)


@pytest.mark.parametrize("line_ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("blanks", [1, 3])
@pytest.mark.parametrize("surname", ["Smith", "Flat 1\n\n2 High St"])
def test_blank_lines_are_no_rows(read, line_ending, mark, blanks, surname):
    text = "\n" * blanks + csv_text([row(SURNAME=surname)]) + "\n" + csv_text([SECOND]).split("\n", 1)[1] + "\n"
    frame = read(mark + text.replace("\n", line_ending).encode())
    assert frame.select("row_number", "patient").rows() == [(1, "P0001"), (2, "P0002")]


def test_what_stands_before_the_header_is_refused(read):
    assert "line 1 has 1 fields, the header 13" in refused(read, f"  \n{csv_text([row()])}")
    assert "13 of the 13 columns" in refused(read, f"Visits of 2016\n{csv_text([row()])}")
    assert "one kind of line ending" in refused(read, "\n" + csv_text([row()]).replace("\n", "\r\n"))


@pytest.mark.parametrize("text", ["", "\n", "\r\n\r\n", " \n\t\n", "\ufeff\n"])
def test_a_file_of_blanks_is_empty(read, text):
    assert "the file is empty" in refused(read, text)


def test_a_file_without_rows(read):
    assert read(csv_text([])).height == 0


def test_a_renamed_header_with_the_nearest_valid_one(read):
    message = refused(read, csv_text([row()]).replace("PCODE", "P_CODE"))
    assert "unknown column 'P_CODE': did you mean 'PCODE'?" in message
    assert "the column 'PCODE' is missing" in message


def test_a_missing_header(read):
    assert "'WARD' is missing" in refused(
        read, csv_text([{k: v for k, v in row().items() if k != "WARD"}], [h for h in HEADERS if h != "WARD"])
    )


def test_an_extra_and_a_double_header(read):
    assert "unknown column 'NOTES'" in refused(read, csv_text([row(NOTES="")], [*HEADERS, "NOTES"]))
    text = csv_text([row()]).splitlines()
    assert "'WARD' occurs more than once" in refused(read, f"{text[0]},WARD\n{text[1]},A1\n")


def test_a_file_without_a_header_is_not_quoted(read):
    assert "13 of the 13 columns" in refused(read, csv_text([row(), SECOND]).split("\n", 1)[1])


def test_another_separator(read):
    assert "separated by commas" in refused(read, csv_text([row()]).replace(",", ";"))


@pytest.mark.parametrize(
    ("encoding", "says"),
    [("cp1252", "not UTF-8 (byte 0xEB on line 3)"), ("utf-16", "not UTF-8"), ("utf-16-le", "not UTF-8")],
)
def test_a_wrong_encoding(read, encoding, says):
    text = csv_text([row(FORENAME="Ann", SURNAME="Lee"), row(SURNAME="Lee")])
    assert says in refused(read, text.encode(encoding))


def test_a_truncated_file(read):
    text = csv_text([row(), SECOND, row(PATIENT="P0003")])
    cut_in_a_line = text[: text.rindex("2016")]
    assert "line 4 has 7 fields, the header 13" in refused(read, cut_in_a_line)


def test_a_line_too_long(read):
    assert "line 3 has 14 fields, the header 13" in refused(read, csv_text([row(), SECOND]).rstrip() + ",x\n")


@pytest.mark.parametrize("name", ['"Zoë', '"Zoë"x'])
def test_a_quote_that_is_not_closed(read, name):
    text = csv_text([row(), SECOND])
    at = text.rindex("Zoë")
    message = refused(read, text[:at] + name + text[at + 3 :])
    assert "a quote is not closed, or not doubled, at or after line 3" in message


def test_mixed_line_endings(read):
    lines = csv_text([row(), SECOND]).splitlines()
    assert "one kind of line ending" in refused(read, f"{lines[0]}\n{lines[1]}\r\n{lines[2]}\n")


def test_a_line_number_far_down_a_large_file(read):
    lines = csv_text([row()] * 60_000).splitlines()
    lines[50_000] = "1,2,3"
    assert "line 50,001 has 3 fields" in refused(read, "\n".join(lines))


def test_another_kind_of_file(read):
    assert "a .csv or a .parquet file" in refused(read, csv_text([row()]), "visits.xlsx")


def test_too_little_memory_is_no_damage_of_the_file(read, tmp_path, monkeypatch):
    monkeypatch.setattr(read_extract_module, "connect", partial(connect, memory="1MB"))
    with pytest.raises(MemoryError):
        read(csv_text([row()] * 50_000))

    def without_memory(_):
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pq, "ParquetFile", without_memory)
    with pytest.raises(MemoryError):
        read(texts_frame(), "visits.parquet")


def test_signs_in_a_path_that_look_like_wildcards(tmp_path):
    folder = tmp_path / "all[1] * files?"
    folder.mkdir()
    (folder / "visits 'x'.csv").write_text(csv_text([row()]))
    (folder / "visits.csv").write_text(csv_text([row()]))
    assert read_extract(folder / "visits 'x'.csv", visits_contract(tmp_path)).height == 1


# Parquet


def texts_frame(**changes):
    return pl.DataFrame({header: [value] for header, value in GOOD.items()}).with_columns(**changes)


def test_parquet_of_texts_reads_like_csv(read):
    assert read(texts_frame(), "visits.parquet").equals(read(csv_text([row()])))


def test_typed_columns_become_what_the_source_would_write(read):
    typed = texts_frame(
        BORN=pl.lit(date(1981, 3, 7)),
        VISIT=pl.lit(datetime(2016, 5, 4, tzinfo=UTC)),
        SEX=pl.lit(2, pl.Int64),
        DOSES=pl.lit(2.0),
        COST=pl.lit(12.5),
        URGENT=pl.lit(value=True),
        GUARDIAN_NHS=pl.lit(9434765919),
        COUNTRY=pl.lit("POLAND", pl.Categorical),
    )
    frame = read(typed, "visits.parquet")
    read_as = frame.select("born", "visited_on", "sex", "doses", "cost", "urgent", "guardian", "country").row(0)
    assert read_as == ("07/03/1981", "2016-05-04", "2", "2", "12.5", "true", "9434765919", "POLAND")


def test_gaps_in_numbers_and_times_of_day(read):
    typed = texts_frame(
        DOSES=pl.lit(float("nan")), COST=pl.lit(None), VISIT=pl.lit(datetime(2016, 5, 4, 9, 30, tzinfo=UTC))
    )
    frame = read(typed, "visits.parquet")
    assert frame.select("doses", "cost", "visited_on").row(0) == (None, None, "2016-05-04T09:30:00")


def with_stored(column, values):
    """Return good rows as Parquet, with a column of any Arrow type."""
    table = pa.concat_tables([texts_frame().to_arrow()] * len(values))
    content = io.BytesIO()
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, values), content)
    return content.getvalue()


LONG = [Decimal("12345678901234567"), Decimal("12345678901234568"), None]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(LONG, pa.decimal128(38, 0)), ["12345678901234567", "12345678901234568", None]),
        (pa.array(LONG, pa.decimal128(38, 2)), ["12345678901234567", "12345678901234568", None]),
        (pa.array(LONG, pa.decimal256(60, 2)), ["12345678901234567", "12345678901234568", None]),
        (pa.array(LONG, pa.decimal256(60, 0)), ["12345678901234567", "12345678901234568", None]),
        (pa.array([2**64 - 1, 2**64 - 2], pa.uint64()), ["18446744073709551615", "18446744073709551614"]),
        (pa.array([Decimal("100"), Decimal("0")], pa.decimal128(9, 0)), ["100", "0"]),
        (pa.array([Decimal("100.50"), Decimal("0.05")], pa.decimal64(9, 2)), ["100.5", "0.05"]),
        (pa.array(["P1", None]).dictionary_encode(), ["P1", None]),
        (pa.array(["P1", None], pa.large_string()), ["P1", None]),
        (pa.array(["P1", None], pa.string_view()), ["P1", None]),
        (pa.array([None, None], pa.null()), [None, None]),
    ],
)
def test_numbers_of_people_are_read_exactly(read, values, texts):
    assert read(with_stored("PATIENT", values), "visits.parquet")["patient"].to_list() == texts


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("PATIENT", pa.array([1.0, 2.0]), "'PATIENT' is of type Float64, in which two long numbers can become one"),
        ("PATIENT", pa.array([1.0, 2.0], pa.float32()), "'PATIENT' is of type Float32, in which two long numbers"),
        ("SEX", pa.array([1.0, None]), "'SEX' is of type Float64, in which two long numbers can become one"),
        ("WARD", pa.array([1.5]), "Write it again from its source, as text or, if it is a whole number, as an integ"),
        ("PATIENT", pa.array([True, False]), "'PATIENT' is of type Boolean. Write it as text."),
        ("PATIENT", pa.array([date(2016, 5, 4)]), "'PATIENT' is of type Date. Write it as text."),
        ("PATIENT", pa.array([b"P0001"]), "'PATIENT' is of type Binary. Write it as text."),
        ("PATIENT", pa.array([b"P0001"], pa.binary(5)), "'PATIENT' is of type Binary. Write it as text."),
        ("PATIENT", pa.array([["P0001"]]), "'PATIENT' is of type List(String). Write it as text."),
        ("PATIENT", pa.array([{"no": "P0001"}]), "'PATIENT' is of type Struct({'no': String}). Write it as text."),
        ("BORN", pa.array([20160504.0], pa.float32()), "'BORN' is of type Float32. Write it as a date or text."),
        ("VISIT", pa.array([time(9)]), "'VISIT' is of type Time. Write it as a date or text."),
        ("VISIT", pa.array([LATE], pa.timestamp("us", "-05:30")), "'VISIT' is of type timestamp[us, tz=-05:30]."),
        ("VISIT", pa.array([True]), "'VISIT' is of type Boolean. Write it as a date or text."),
        ("DOSES", pa.array([2.0**53]), "'DOSES' is of type Float64 and has larger whole numbers than that type"),
        ("DOSES", pa.array([2.0, -(2.0**24)], pa.float32()), "'DOSES' is of type Float32 and has larger whole"),
        ("DOSES", pa.array([date(2016, 5, 4)]), "'DOSES' is of type Date. Write it as a number or text."),
        ("URGENT", pa.array([date(2016, 5, 4)]), "'URGENT' is of type Date. Write it as a boolean, text or number."),
    ],
)
def test_a_stored_type_that_cannot_hold_the_values_is_refused(read, column, values, says):
    assert says in refused(read, with_stored(column, values), "visits.parquet")


@pytest.mark.parametrize(
    ("column", "values", "text"),
    [
        ("COST", pa.array([0.1], pa.float32()), "0.1"),
        ("COST", pa.array([1e300]), "1e+300"),
        ("COST", pa.array([2.0**53]), "9007199254740992"),
        ("DOSES", pa.array([2.0**53 - 1]), "9007199254740991"),
        ("DOSES", pa.array([float("inf")]), "inf"),
        ("VISIT", pa.array([LATE], pa.timestamp("us", "+01:00")), "2018-06-30T23:00:00"),
        ("VISIT", pa.array([LATE], pa.timestamp("us", "Europe/London")), "2018-06-30T23:00:00"),
        ("VISIT", pa.array([LATE], pa.timestamp("ns")), "2018-06-30T22:00:00"),
        (
            "VISIT",
            pa.array([datetime(2018, 6, 30, 23, tzinfo=UTC)], pa.timestamp("s", "Europe/London")),
            "2018-07-01",
        ),
        ("VISIT", pa.array([date(2018, 7, 1)], pa.date64()), "2018-07-01"),
    ],
)
def test_what_a_stored_value_is_in_text(read, column, values, text):
    frame = read(with_stored(column, values), "visits.parquet")
    assert frame[{"COST": "cost", "DOSES": "doses", "VISIT": "visited_on"}[column]].to_list() == [text]


def test_two_people_with_long_numbers_stay_two(tmp_path):
    """Above 2**53 a float has no room for every whole number."""
    study = SmallStudy(
        tmp_path / "s", {"v.parquet": with_stored("PATIENT", pa.array(LONG[:2], pa.decimal128(38, 0)))}
    )
    (study.folder / "clinic.toml").write_text(CONTRACT.replace("P[0-9]{4}", "[0-9]{17}"), encoding="utf-8")
    study.run()
    assert study.table("records/visits")["subject_id"].to_list() == [1, 2]
    assert study.table("tokens/clinic")["patient_number"].n_unique() == 2


def test_parquet_with_a_wrong_header(read):
    assert "did you mean 'WARD'?" in refused(read, texts_frame().rename({"WARD": "WARDS"}), "visits.parquet")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
def test_truncated_parquet(read, tmp_path, keep):
    texts_frame().write_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    assert "truncated or damaged" in refused(read, content[: int(len(content) * keep)], "visits.parquet")


def test_parquet_that_is_not_utf8(read, tmp_path):
    table = texts_frame().to_arrow()
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"Zo\xeb")])
    at = table.schema.get_field_index("FORENAME")
    pq.write_table(table.set_column(at, "FORENAME", broken), tmp_path / "latin.parquet")
    content = (tmp_path / "latin.parquet").read_bytes()
    assert "truncated or damaged" in refused(read, content, "visits.parquet")


# the study's own word on its files


def test_a_delivery_with_rows_missing(tmp_path):
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row()]), "b.csv": csv_text([SECOND])}, rows=3)
    with pytest.raises(UserError, match=r"a\.csv, .*b\.csv: 2 rows, but .*study\.toml declares 3 for 'visits'"):
        study.run()


def test_two_files_of_one_name(tmp_path):
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row()])})
    (tmp_path / "s" / "more").mkdir()
    (tmp_path / "s" / "more" / "a.csv").write_text(csv_text([SECOND]))
    toml = tmp_path / "s" / "study.toml"
    toml.write_text(toml.read_text().replace("['a.csv']", "['a.csv', 'more/a.csv']"))
    with pytest.raises(UserError, match="two files of 'visits' have the name 'a.csv'"):
        study.run()


def test_an_unreadable_look_up_of_areas(tmp_path):
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row()])})
    for content in (
        "district,area\nAB1,E01\n",
        "postcode_district,area\nAB1,\n",
        "postcode_district,area\nAB1,E1\nab1,E2\n",
        "postcode_district,area\nAB1\n",
        "postcode_district,area,area\nAB1,E1,E1\n",
        "",
    ):
        Path(tmp_path / "s" / "areas.csv").write_text(content)
        with pytest.raises(UserError, match=r"areas\.csv"):
            study.run()


def lookup_of(tmp_path, lookup, text):
    """Ingest a study with a look-up of areas in some form; return the areas of its records, and the warnings."""
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row(), row(PATIENT="P0002", PCODE="ZZ9 9ZZ")])})
    (study.folder / "areas.csv").write_text(text)
    toml = study.folder / "study.toml"
    toml.write_text(toml.read_text().replace('area_lookup = "areas.csv"\n', lookup))
    result = study.run()
    return study.table("records/visits")["area"].to_list(), result.warnings


def test_a_look_up_of_areas_may_have_columns_of_other_names(tmp_path):
    form = 'area_lookup = { file = "areas.csv", postcode_district = "PCDS", area = "LAUA" }\n'
    areas, _ = lookup_of(tmp_path, form, "NAME,LAUA,PCDS\nOne,E01, ab1\nTwo,E02,AB12\n")
    assert areas == ["E01", None]


def test_a_look_up_of_areas_names_what_is_wrong(tmp_path):
    form = 'area_lookup = { file = "areas.csv", area = "LAUA" }\n'
    for lookup, text, words in (
        (
            form,
            "postcode_district,area\nAB1,E01\n",
            "no column 'LAUA'. It needs the columns postcode_district and area, or",
        ),
        (
            form,
            "postcode_district,LAUA\nAB1,E01\nAB1 2CD,E01\n",
            "line 3: 'AB1 2CD' in the column 'postcode_district'",
        ),
        (
            form,
            "postcode_district,LAUA\n,E01\n",
            "line 2: '' in the column 'postcode_district' is no postcode district",
        ),
        (form, "postcode_district,LAUA\nAB1,\n", "line 2: no value in the column 'LAUA'"),
        (form.replace("area =", "areas ="), "", "unknown key 'areas'. Did you mean 'area'?"),
        ("area_lookup = 3\n", "", "key 'area_lookup'"),
    ):
        with pytest.raises(UserError) as error:
            lookup_of(tmp_path, lookup, text)
        assert words in str(error.value)


def test_a_study_without_areas(tmp_path):
    """Nothing warns of postcodes without an area where the study wants none."""
    assert lookup_of(tmp_path, "", "") == ([None, None], ())
