# ruff: noqa: E501 (one mistake a line reads best)
"""A rule set states only what differs from the set that it extends."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from rules.model import RuleSet
from rules.rule_file import SETS
from rules.rule_set import read_rules

HEAD = 'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "long_term_2019"\n'
ARRIVAL = """
[[evidence]]
id = "started_course"
says = "Began a course."
source = "hesa"
kind = "arrival"
date = "commencement_date"
source_of_rule = "A test"
"""


def base() -> RuleSet:
    return read_rules(SETS / "long_term_2019.toml", read_contracts())


def extended(folder: Path, text: str, name: str = "mine") -> RuleSet:
    (folder / f"{name}.toml").write_text(HEAD + text)
    return read_rules(folder / f"{name}.toml", read_contracts())


def test_a_set_that_changes_nothing_has_the_rules_of_its_base(tmp_path: Path) -> None:
    mine = extended(tmp_path, "")
    assert (mine.evidence, mine.people) == (base().evidence, base().people)
    assert mine.id == "mine"
    assert [(one.id, one.digest) for one in mine.extends] == [("long_term_2019", base().digest)]
    assert mine.digest != base().digest


def test_a_value_is_changed_with_its_source_and_keeps_the_rest(tmp_path: Path) -> None:
    mine = extended(tmp_path, '[parameters.long_term_days]\nvalue = 182\nsource_of_value = "A test"\n')
    ours, theirs = mine.parameters["long_term_days"], base().parameters["long_term_days"]
    assert (ours.value, ours.source_of_value) == (182, "A test")
    assert (ours.says, ours.unit, ours.range, ours.holds_from) == (
        theirs.says, theirs.unit, theirs.range, theirs.holds_from,
    )  # fmt: skip
    assert {rule.more_than_days.value for rule in mine.people.stays} == {182}


def test_a_changed_value_does_not_keep_the_source_of_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="parameter 'long_term_days': the key 'source_of_value' is missing"):
        extended(tmp_path, "[parameters.long_term_days]\nvalue = 182\n")


def test_a_rule_is_changed_by_its_id_and_keeps_its_place(tmp_path: Path) -> None:
    mine = extended(tmp_path, '[[evidence]]\nid = "weeks_active"\nwhen = "weeks >= 13"\n')
    assert [one.id for one in mine.evidence.rules] == [one.id for one in base().evidence.rules]
    changed = next(one for one in mine.evidence.rules if one.id == "weeks_active")
    assert (changed.when, changed.value) == ("weeks >= 13", "weeks")


def test_a_parameter_of_one_rule_is_changed_or_replaced_by_one_of_the_file(tmp_path: Path) -> None:
    one = '[[stay]]\nid = "registration"\n[stay.parameters.unnoticed_absence_days]\nvalue = 400\nsource_of_value = "A test"\n'
    registration = extended(tmp_path, one).people.stays[2]
    assert registration.unnoticed_absence_days.value == 400
    assert registration.unnoticed_absence_days.range == (365, 3650)
    shared = '[[stay]]\nid = "registration"\nunnoticed_absence_days = "$flag_within"\n'
    assert extended(tmp_path, shared).people.stays[2].unnoticed_absence_days.id == "flag_within"


def test_new_rules_come_last_or_before_the_rule_that_they_name(tmp_path: Path) -> None:
    last = extended(tmp_path, ARRIVAL)
    assert [one.id for one in last.evidence.rules][-1] == "started_course"
    group = """
    [[definition.group]]
    id = "students"
    says = "People who began a course."
    evidence = ["started_course"]
    stay = "registration"
    before = "permitted"
    """
    mine = extended(tmp_path, ARRIVAL + group)
    assert [one.id for one in mine.people.definition.groups] == [
        "visa_nationals", "active", "students", "permitted", "others",
    ]  # fmt: skip


def test_rules_of_the_base_can_be_left_out(tmp_path: Path) -> None:
    mine = extended(tmp_path, 'without = { resident_family = ["by_age"], group = ["permitted"] }\n')
    assert "by_age" in [one.id for one in base().people.families]
    assert "by_age" not in [one.id for one in mine.people.families]
    assert [one.id for one in mine.people.definition.groups] == ["visa_nationals", "active", "others"]


def test_lists_are_replaced_by_name(tmp_path: Path) -> None:
    mine = extended(tmp_path, '[lists]\nireland = ["IE", "GB"]\n')
    assert mine.evidence.lists["ireland"] == ("IE", "GB")
    assert mine.evidence.lists["uk"] == base().evidence.lists["uk"]


def test_a_set_can_extend_one_that_extends_another(tmp_path: Path) -> None:
    extended(tmp_path, '[parameters.long_term_days]\nvalue = 182\nsource_of_value = "A test"\n', "first")
    (tmp_path / "second.toml").write_text(
        'id = "second"\ntitle = "Second"\nsays = "A test."\nextends = "first.toml"\n'
        '[parameters.absence_days]\nvalue = 182\nsource_of_value = "A test"\n'
    )
    second = read_rules(tmp_path / "second.toml", read_contracts())
    assert (second.parameters["long_term_days"].value, second.parameters["absence_days"].value) == (182, 182)
    assert [one.id for one in second.extends] == ["mine", "long_term_2019"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[evidence]]\nid = "weeks_activ"\nwhen = "weeks >= 13"\n', "mine.toml, [[evidence]]: unknown evidence rule 'weeks_activ'. Did you mean 'weeks_active'?"),
        ('[[evidence]]\nid = "weeks_active"\nwhen = "weekss >= 13"\n', "mine.toml, evidence rule 'weeks_active', key 'when': at character 1 of \"weekss >= 13\": unknown column 'weekss'. Did you mean 'weeks'?"),
        ('without = { resident = ["dea"] }', "[without]: unknown resident rule of the base 'dea'. Did you mean 'dead'?"),
        ('without = { residents = ["dead"] }', "[without]: unknown kind of rule 'residents'. Did you mean 'resident'?"),
        ('without = ["dead"]', "[without]: it has lists of ids by kind of rule"),
        ('[[resident]]\nid = "x"\nbefore = "dea"\n', "resident rule 'x', key 'before': unknown resident rule 'dea'. Did you mean 'dead'?"),
        ('[[evidence]]\nid = "weeks_less"\nsays = "A new rule."\n', "evidence rule 'weeks_less': the key 'source' is missing"),
        ("[parameters.long_term_dayz]\nvalue = 1\n", "mine.toml, [parameters]: unknown parameter 'long_term_dayz'. Did you mean 'long_term_days'?"),
        ("[nationality.parameters.children_belo]\nvalue = 1\n", "mine.toml, [nationality], [parameters]: unknown parameter 'children_belo'. Did you mean 'children_below'?"),
        ('[[resident]]\nid = "worked_for_weeks"\n[resident.parameters.at_leas]\nvalue = 1\n', "mine.toml, resident rule 'worked_for_weeks', [parameters]: unknown parameter 'at_leas'. Did you mean 'at_least'?"),
        ("without = { evidence = [\"nhs_moved\"] }", "long_term_2019.toml (extended by mine.toml), stay rule 'first_arrival_last_departure', key 'signs': unknown evidence rule 'nhs_moved'"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_where_it_is_written(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        extended(tmp_path, text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('id = "mine"\nextends = "long_term_2018"', "key 'extends': unknown rule set 'long_term_2018'. Did you mean 'long_term_2019'?"),
        ('id = "mine"\nextends = ["long_term_2019"]', "key 'extends': the name of one rule set is needed here"),
        ('id = "mine"\nextends = "none.toml"', "none.toml: no such file"),
        ('id = "mine"\nextends = "mine.toml"', "so neither begins"),
        ('id = "mine"\nextends = "long_term_2019"', "the key 'title' is missing. A set that extends another has its own"),
        ('id = "long_term_2019"\ntitle = "x"\nsays = "x"\nextends = "long_term_2019"', "is the id of the set that it extends"),
    ],
)  # fmt: skip
def test_a_set_names_one_base_and_itself(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UserError) as error:
        read_rules(tmp_path / "mine.toml", read_contracts())
    assert message in str(error.value)


def test_a_mistake_in_the_base_is_reported_there(tmp_path: Path) -> None:
    text = (SETS / "long_term_2019.toml").read_text().replace('"weeks"\ndate_quality', '"week"\ndate_quality')
    (tmp_path / "base.toml").write_text(text)
    (tmp_path / "mine.toml").write_text(HEAD.replace('"long_term_2019"', '"base.toml"'))
    with pytest.raises(UserError, match=r"base\.toml, evidence rule 'weeks_active', key 'value'"):
        read_rules(tmp_path / "mine.toml", read_contracts())
