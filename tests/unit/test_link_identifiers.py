import polars as pl

from linkage.identifiers import CERTAIN_WEIGHT, find_mothers, link_by_identifiers
from pipeline.ingest.contracts import read_contracts

CONTRACTS = read_contracts()


def tokens(**columns):
    return pl.DataFrame(columns, schema_overrides=dict.fromkeys(("nhs_number", "encrypted_nino"), pl.UInt64))


SUBJECTS = {
    "pds": tokens(subject_id=[1, 2, 3], nhs_number=[11, 12, 13]),
    "activity": tokens(subject_id=[1, 2], encrypted_nino=[21, 22]),
    "births": tokens(subject_id=[1, 2], nhs_number=[13, 99]),
    "mws": tokens(subject_id=[1, 2], encrypted_nino=[22, None]),
    "pr": tokens(subject_id=[7, 8], nhs_number=[12, 13]),
}


def test_every_two_sources_that_share_a_kind_of_identifier_are_linked_by_it():
    found = link_by_identifiers(SUBJECTS, CONTRACTS)
    assert found.drop("match_weight", "match_probability").rows() == [
        ("pds", 3, "births", 1, "identifier:nhs_number"),
        ("pds", 2, "pr", 7, "identifier:nhs_number"),
        ("pds", 3, "pr", 8, "identifier:nhs_number"),
        ("activity", 2, "mws", 1, "identifier:encrypted_nino"),
        ("births", 1, "pr", 8, "identifier:nhs_number"),
    ]
    assert set(found["match_weight"]) == {CERTAIN_WEIGHT}
    assert set(found["match_probability"]) == {1.0}


def test_the_mother_is_found_by_her_own_number_on_the_spine_first(tmp_path):
    (tmp_path / "records").mkdir()
    births = tokens(subject_id=[1, 2, 3, 4], mother_nhs_number=[12, 13, 98, None])
    births.cast({"mother_nhs_number": pl.UInt64}).write_parquet(tmp_path / "records" / "births.parquet")
    subjects = SUBJECTS | {"pr": tokens(subject_id=[7, 9], nhs_number=[12, 98])}
    assert find_mothers(tmp_path, subjects, CONTRACTS).rows() == [
        ("births", 1, "pds", 2),
        ("births", 2, "pds", 3),
        ("births", 3, "pr", 9),
    ]
