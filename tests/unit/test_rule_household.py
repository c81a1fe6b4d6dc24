"""The table [household] of a rule set: what it names must exist, and an attribute of the family needs it."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from rules.rule_file import SETS
from rules.rule_set import read_rules

TEXT = (SETS / "long_term_2019.toml").read_text(encoding="utf-8")
HOUSEHOLD = TEXT[TEXT.index("[household]\n") : TEXT.index("[unfinished]\n")]


def read(folder: Path, text: str):
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path, read_contracts())


def test_a_set_without_households_lets_children_stand_alone(tmp_path: Path) -> None:
    text = TEXT.replace(HOUSEHOLD, "").replace('"pds.country_of_birth", "family",', '"pds.country_of_birth",')
    assert read(tmp_path, text).people.household is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (HOUSEHOLD, "", "attribute rule 'nationality_group', key 'read': 'family' needs the table [household]"),
        ('signs = ["nhs_moved", "student_enrolled", "weeks_active"]\n\n[household.',
         'signs = ["nhs_mved"]\n\n[household.',
         "[household], key 'signs': unknown evidence rule 'nhs_mved'. Did you mean 'nhs_moved'?"),
        ('follows = ["registration"]', 'follows = ["registrations"]',
         "[household], key 'follows': unknown stay rule 'registrations'. Did you mean 'registration'?"),
        ('homes = ["pds"]', 'homes = ["pdss"]',
         "[household], key 'homes': unknown source 'pdss'. Did you mean 'pds'?"),
    ],
)  # fmt: skip
def test_what_a_household_names_must_exist(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(UserError) as error:
        read(tmp_path, TEXT.replace(old, new))
    assert message in str(error.value)
