"""When a delivery is complete: all files of the study are there, have content, and have stopped growing."""

from datetime import date

import pytest

from flows.delivery import LateDeliveryError, check_complete, look_at
from flows.scheduled.delivery_sensor import why_not
from pipeline.study import read_study

TODAY = date(2020, 2, 1)


@pytest.fixture
def study(tmp_path):
    """A study of two extracts; the file of the first is there."""
    (tmp_path / "study.toml").write_text(
        'name = "two files"\ndata_date = 2019-12-31\nkey_file = "key"\n'
        '[[extract]]\nname = "pds"\nfiles = ["pds.csv"]\n[[extract]]\nname = "births"\nfiles = ["births.csv"]\n'
    )
    (tmp_path / "pds.csv").write_text("NHS_NUMBER\n1\n")
    return read_study(tmp_path)


def test_what_has_not_arrived_is_named(study):
    assert look_at(study).missing == ("births.csv",)
    with pytest.raises(LateDeliveryError, match="1 of 2 files have not been delivered: births.csv"):
        check_complete(study)


def test_an_empty_file_has_not_arrived(study):
    (study.folder / "births.csv").touch()
    assert look_at(study).missing == ("births.csv",)


@pytest.mark.parametrize(
    ("due", "name", "failed"),
    [(None, "Waiting", False), (TODAY, "Waiting", False), (date(2020, 1, 31), "Late delivery", True)],
)
def test_a_delivery_is_late_after_its_day_and_not_before(study, due, name, failed):
    seen = look_at(study)
    state = why_not(seen, seen, due, TODAY)
    assert (state.name, state.is_failed()) == (name, failed)
    assert "births.csv" in state.message


def test_a_file_that_grows_between_two_looks_is_still_arriving(study):
    births = study.folder / "births.csv"
    births.write_text("one row\n")
    before = look_at(study)
    assert why_not(before, look_at(study), None, TODAY) is None
    births.write_text("one row\nand another\n")
    assert why_not(before, look_at(study), None, TODAY).name == "Arriving"


def test_the_same_delivery_has_the_same_fingerprint_and_a_file_delivered_again_another(study):
    (study.folder / "births.csv").write_text("one row\n")
    first = look_at(study)
    assert look_at(study).fingerprint == first.fingerprint
    (study.folder / "births.csv").write_text("other\n")
    assert look_at(study).fingerprint != first.fingerprint
