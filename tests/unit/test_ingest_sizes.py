"""Sizes of what ingest decides: how many quarantined rows give a warning, and the order of a subject's values."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from small_study import SmallStudy, csv_text, row


def ingested(folder: Path, *rows: object) -> SmallStudy:
    study = SmallStudy(folder / "study", {"visits.csv": csv_text(rows)})
    study.result = study.run()
    return study


@pytest.mark.parametrize(("bad", "warned"), [(5, False), (6, True)])
def test_more_than_five_rows_in_a_hundred_give_a_warning(tmp_path: Path, bad: int, warned: bool) -> None:
    first = date(2016, 1, 1)
    rows = [
        row(PATIENT=f"P{number:04}", VISIT=str(first + timedelta(number)), DOSES="99" if number < bad else "1")
        for number in range(100)
    ]
    warnings = ingested(tmp_path, *rows).result.warnings
    expected = f"visits.csv: {bad} of 100 rows quarantined, most often because of 'doses: above 9'."
    assert any(one.endswith("Compare the file with its contract.") for one in warnings) == warned
    assert any(expected in one for one in warnings) == warned


def test_the_first_and_last_use_of_a_value_are_by_day_whatever_the_order_of_rows(tmp_path: Path) -> None:
    """Reverted to the maiden name: used in 2015 and, in an earlier row of the file, again in 2018."""
    study = ingested(
        tmp_path,
        row(VISIT="2018-01-01", SURNAME="Maiden"),
        row(VISIT="2016-01-01", SURNAME="Married"),
        row(VISIT="2015-01-01", SURNAME="Maiden"),
        row(PATIENT="P0002", SURNAME="Maiden"),
        row(PATIENT="P0003", SURNAME="Married"),
    )
    subject, *others = study.table("tokens/clinic").to_dicts()
    maiden, married = (other["family_name"] for other in others)
    assert subject["family_name"] == maiden
    assert subject["family_names"] == [maiden, married]
