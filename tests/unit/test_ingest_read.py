"""A file that is not what its contract says is refused in one message that names it and quotes nothing."""

import re
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow
import pyarrow.parquet
import pytest
from small_study import GOOD, HEADERS, SmallStudy, csv_text, row, visits_contract

from pipeline.errors import UserError
from pipeline.ingest import read_extract as read_extract_module
from pipeline.ingest.read_extract import read_extract
from pipeline.tables import connect

SECOND = row(PATIENT="P0002")


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


def test_an_empty_file(read):
    assert "the file is empty" in refused(read, "")


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
        raise pyarrow.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", without_memory)
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
        SEX=pl.lit(2.0),
        DOSES=pl.lit(2, pl.Int8),
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


def test_a_nested_column_is_refused(read):
    assert "'WARD' is of type List" in refused(read, texts_frame(WARD=pl.lit(["A1"]).implode()), "visits.parquet")


def test_parquet_with_a_wrong_header(read):
    assert "did you mean 'WARD'?" in refused(read, texts_frame().rename({"WARD": "WARDS"}), "visits.parquet")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
def test_truncated_parquet(read, tmp_path, keep):
    texts_frame().write_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    assert "truncated or damaged" in refused(read, content[: int(len(content) * keep)], "visits.parquet")


def test_parquet_that_is_not_utf8(read, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

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
