"""The card of a source: what ingest says of an extract, rows of earlier deliveries, and the table of the report."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest.earlier_deliveries import rows_before
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.source_cards import card_of
from pipeline.study import read_study
from publication.report_tables.source_tables import source_cards

EXTRACT = Extract.model_validate(
    {
        "dated_by": "start",
        "unique": ["number", "start"],
        "check": [{"column": "end", "not_before": "start"}],
        "columns": {
            "number": {"header": "N", "type": "text", "identifier": "number", "direct": True},
            "start": {"header": "S", "type": "date"},
            "end": {"header": "E", "type": "date", "required": False},
        },
    }
)
ROWS = pl.DataFrame(
    {
        "subject_id": [1, 1, 2, 3],
        "number": ["a", "a", "b", None],
        "start": [date(2019, 1, 1), date(2019, 2, 1), date(2019, 1, 5), date(2019, 3, 1)],
        "end": [date(2019, 1, 11), None, date(2019, 2, 4), None],
    }
)
CARD = {
    "source": "spells", "extract": "spell", "data_date": date(2019, 3, 31), "rows": 4, "subjects": 3,
    "dated_by": "start", "first_day": date(2019, 1, 1), "last_day": date(2019, 3, 1),
    "missing": '{"end": 0.5, "number": 0.25}', "days_between": '{"end after start": 20}',
}  # fmt: skip


def test_a_card_counts_rows_people_days_and_what_is_missing():
    """Ends are 10 and 30 days after starts: 20 in the middle. Half of the rows have no end, a quarter no number."""
    assert card_of(ROWS, "spells", "spell", EXTRACT, date(2019, 3, 31)) == CARD


def test_an_extract_without_rows_has_a_card():
    card = card_of(ROWS.clear(), "spells", "spell", EXTRACT, date(2019, 3, 31))
    assert (card["rows"], card["first_day"], card["missing"], card["days_between"]) == (0, None, "{}", "{}")


def test_the_report_has_a_card_of_each_source_with_its_volumes_in_the_order_of_deliveries():
    days = [date(2019, 3, 31), date(2018, 12, 31)]
    volumes = pl.DataFrame({"extract": ["spell", "spell"], "data_date": days, "rows": [5, 4_200]})
    (card,) = source_cards(pl.DataFrame([CARD]), volumes)
    assert card.caption == "Spells"
    assert dict(card.rows) == {
        "Accepted rows": "4",
        "People, as the source tells them apart": "3",
        "Days of its rows": "1 January 2019 to 1 March 2019 (start)",
        "Data date": "31 March 2019, 30 days after the last row",
        "Missing values": "end 50.0%; number 25.0%",
        "Median days between dates": "end after start: 20",
        "Rows delivered": "31 December 2018: 4,200; 31 March 2019: 5",
    }


def test_a_run_without_cards_has_no_section():
    assert source_cards(pl.DataFrame(), pl.DataFrame()) == []


def study(folder: Path, day: str, rows: int | None, before: str = "") -> Path:
    folder.mkdir()
    stated = f"rows = {rows}" if rows is not None else ""
    (folder / "study.toml").write_text(
        f'name = "s"\ndata_date = {day}\n{before}\n[[extract]]\nname = "pds"\nfiles = ["pds.csv"]\n{stated}\n'
    )
    return folder


def test_rows_of_earlier_deliveries_are_those_that_their_study_files_state(tmp_path):
    study(tmp_path / "a", "2018-12-31", 10)
    study(tmp_path / "b", "2018-09-30", 9)
    now = study(tmp_path / "c", "2019-03-31", 12, 'deliveries_before = ["../b", "../a/study.toml"]')
    assert rows_before(read_study(now)) == {"pds": {date(2018, 9, 30): 9, date(2018, 12, 31): 10}}


@pytest.mark.parametrize(
    ("day", "rows", "message"), [("2018-12-31", None, "number of 'rows'"), ("2019-03-31", 1, "once")]
)
def test_an_earlier_delivery_without_rows_or_of_the_same_day_is_refused(tmp_path, day, rows, message):
    study(tmp_path / "a", day, rows)
    now = study(tmp_path / "c", "2019-03-31", 12, 'deliveries_before = ["../a"]')
    with pytest.raises(UserError, match=message):
        rows_before(read_study(now))
