"""The sensitivity that the manifest gives each output: by its grain, and never publishable as it is."""

import pytest

from pipeline.schemas import TABLES
from publication.manifest import sensitivity

OF_ONE_PERSON = {"person_id", "subject_id", "subject_id_l", "record_id"}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_about_one_person_are_person_level_and_all_others_unprotected(name, suffix):
    person_level = OF_ONE_PERSON & set(TABLES[name].column_names())

    assert sensitivity(f"{name}.{suffix}") == ("person-level" if person_level else "aggregate-unprotected")


@pytest.mark.parametrize("name", ["flows.csv", "stocks.parquet"])
def test_a_cell_of_one_to_thirty_people_is_not_publishable(name):
    assert sensitivity(name) == "aggregate-unprotected"


def test_an_output_that_is_not_known_is_taken_to_be_about_people():
    assert sensitivity("records/pds.parquet") == sensitivity("something_new.csv") == "person-level"
