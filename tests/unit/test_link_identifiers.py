from datetime import date

import polars as pl
import pytest
from link_population import people, subjects_of, tokens_of

from linkage.comparisons import COMPARISONS
from linkage.identifiers import CERTAIN_WEIGHT, check_identifiers, find_mothers, link_by_identifiers
from pipeline.ingest.contracts import read_contract, read_contracts


def tokens(**columns):
    return pl.DataFrame(columns, schema_overrides=dict.fromkeys(("nhs_number", "encrypted_nino"), pl.UInt64))


SUBJECTS = {
    "activity": tokens(subject_id=[1, 2], encrypted_nino=[21, 22]),
    "births": tokens(subject_id=[1, 2], nhs_number=[13, 99]),
    "mws": tokens(subject_id=[1, 2], encrypted_nino=[22, None]),
    "pr": tokens(subject_id=[7, 8], nhs_number=[12, 13]),
    "pds": tokens(subject_id=[1, 2, 3], nhs_number=[11, 12, 13]),
}


def test_every_two_sources_that_share_a_kind_of_identifier_are_linked_by_it():
    found = link_by_identifiers(SUBJECTS, ["encrypted_nino", "nhs_number"])
    assert found.drop("match_weight", "match_probability").rows() == [
        ("activity", 2, "mws", 1, "identifier:encrypted_nino"),
        ("births", 1, "pr", 8, "identifier:nhs_number"),
        ("births", 1, "pds", 3, "identifier:nhs_number"),
        ("pr", 7, "pds", 2, "identifier:nhs_number"),
        ("pr", 8, "pds", 3, "identifier:nhs_number"),
    ]
    assert set(found["match_weight"]) == {CERTAIN_WEIGHT}
    assert set(found["match_probability"]) == {1.0}


def test_a_kind_that_is_not_unique_links_nobody():
    assert set(link_by_identifiers(SUBJECTS, ["nhs_number"])["method"]) == {"identifier:nhs_number"}
    assert link_by_identifiers(SUBJECTS, []).is_empty()


# uniqueness


def population(number_of, born_of):
    """Return two sources of the same sixty people, with a number and a date of birth each."""
    rows = [
        {"given_name": "Wei", "family_name": f"Name{at}", "number": number_of(at), "date_of_birth": born_of(at)}
        for at in range(60)
    ]
    return {"one": people(*rows), "two": people(*rows)}


def born(at):
    return date(1950 + at % 50, at % 12 + 1, at % 27 + 1)


def checked(tmp_path, sources):
    subjects = subjects_of(tmp_path, sources, ["number"])
    return *check_identifiers(subjects, ["number"]), subjects


def test_a_number_of_one_person_each_is_unique(tmp_path):
    unique, warnings, subjects = checked(tmp_path, population(str, born))
    assert (unique, warnings) == (["number"], [])
    assert subjects.comparisons == COMPARISONS


@pytest.mark.parametrize("together", [3, 50])
def test_a_street_declared_direct_is_demoted_with_a_warning(tmp_path, together):
    """Few or many neighbours on one street, born on different days."""
    unique, (warning,), subjects = checked(tmp_path, population(lambda at: f"street{at // together}", born))
    assert unique == []
    assert warning.startswith("The direct identifier 'number' repeats among different people: of ")
    assert warning.endswith("It is used as evidence, not as an identifier.")
    assert [one.name for one in subjects.comparisons[len(COMPARISONS) :]] == ["number"]


def test_wrong_dates_of_birth_do_not_demote_an_identifier(tmp_path):
    """One person in thirty has another date in the second source, others have days and months exchanged."""
    sources = population(str, born)
    exchanged = pl.date(pl.col("date_of_birth").dt.year(), pl.col("date_of_birth").dt.day() % 12 + 1, 3)
    place = pl.int_range(pl.len())
    sources["two"] = sources["two"].with_columns(
        pl.when(place < 2).then(date(1931, 1, 31)).when(place < 20).then(exchanged).otherwise("date_of_birth")
        .alias("date_of_birth")
    )  # fmt: skip
    assert checked(tmp_path, sources)[:2] == (["number"], [])


def test_too_few_pairs_or_no_dates_at_all_demote_nothing(tmp_path):
    few = {name: frame.head(3) for name, frame in population(lambda _: "street", born).items()}
    assert checked(tmp_path / "few", few)[0] == ["number"]
    undated = population(lambda at: str(at // 3), lambda _: None)
    assert checked(tmp_path / "undated", undated)[0] == ["number"]


# mothers


def test_the_mother_is_found_by_her_own_number_on_the_spine_first(tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "tokens").mkdir()
    contracts = read_contracts()
    births = tokens(subject_id=[1, 2, 3, 4], mother_nhs_number=[12, 13, 98, None])
    births.cast({"mother_nhs_number": pl.UInt64}).write_parquet(tmp_path / "records" / "births.parquet")
    subjects = SUBJECTS | {"pr": tokens(subject_id=[7, 9], nhs_number=[12, 98])}
    for source, frame in subjects.items():
        frame.write_parquet(tmp_path / "tokens" / f"{source}.parquet")
    order = ["pds", "births", "pr"]
    assert find_mothers(tmp_path, order, {source: contracts[source] for source in order}).rows() == [
        ("births", 1, "pds", 2),
        ("births", 2, "pds", 3),
        ("births", 3, "pr", 9),
    ]


REGISTER = """
source = "register"

[extracts.register]

[extracts.register.columns]
number = { header = "N", type = "text", pattern = "[0-9]+" }
given = { header = "G", type = "text", identifier = "given_name" }
mother_given = { header = "MG", type = "text", identifier = "given_name", of = "mother" }
mother_family = { header = "MF", type = "text", identifier = "family_name", of = "mother" }
mother_birth = { header = "MB", type = "date", identifier = "date_of_birth", of = "mother" }
"""


def test_a_mother_is_found_by_her_names_and_date_of_birth_if_these_are_unique(tmp_path):
    """Ann Lee is one woman of her birthday, Eva Roy two; the others lack a date, or have another one."""
    (tmp_path / "register.toml").write_text(REGISTER)
    contracts = {"register": read_contract(tmp_path / "register.toml"), "pds": read_contracts()["pds"]}
    (tmp_path / "records").mkdir()
    (tmp_path / "tokens").mkdir()
    day, other = date(1980, 1, 2), date(1981, 1, 2)
    women = people(
        {"given_name": "Ann", "family_name": "Lee", "date_of_birth": day},
        {"given_name": "Eva", "family_name": "Roy", "date_of_birth": day},
        {"given_name": "Eva", "family_name": "Roy", "date_of_birth": day},
        {"given_name": "Ida", "family_name": "Orr", "date_of_birth": day},
    )
    tokens_of(women).write_parquet(tmp_path / "tokens" / "pds.parquet")
    named = people(
        {"given_name": "ANN", "family_name": "Lée", "date_of_birth": day},
        {"given_name": "Eva", "family_name": "Roy", "date_of_birth": day},
        {"given_name": "Ida", "family_name": "Orr", "date_of_birth": other},
        {"given_name": "Ida", "family_name": "Orr", "date_of_birth": None},
    )
    mothers = tokens_of(named).select("subject_id", "given_name", "family_name", "date_of_birth")
    mothers.rename({name: f"mother_{name}" for name in mothers.columns[1:]}).write_parquet(
        tmp_path / "records" / "register.parquet"
    )
    tokens_of(people({"given_name": "Tom"})).write_parquet(tmp_path / "tokens" / "register.parquet")
    found = find_mothers(tmp_path, ["pds", "register"], contracts)
    assert found.rows() == [("register", 1, "pds", 1)]
