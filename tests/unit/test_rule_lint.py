# ruff: noqa: E501 (one mistake a line reads best)
"""What `sojourn rules check` finds in a set that is legal: unreachable, overlapping and undescribed rules."""

from pathlib import Path

import pytest
from rule_timelines import default_rules

from pipeline.ingest.contracts import read_contracts
from rules.lint import findings
from rules.rule_set import read_rules

HEAD = 'id = "mine"\ntitle = "Mine"\nsays = "A test of the lint."\nextends = "long_term_2019"\n'
PARAMETER = 'says = "Some weeks of a year."\nvalue = 13\nunit = "weeks"\nrange = [1, 52]\nsource_of_value = "A test"\nholds_from = 2000-01-01\n'


def test_nothing_is_found_in_the_set_that_ships() -> None:
    assert findings(default_rules()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[[evidence]]\nid = "new"\nsays = "A new rule."\nsource = "mws"\nkind = "arrival"\ndate = "arrival_date"\nsource_of_rule = "A test"', "evidence rule 'new': unreachable, because no rule on people names it."),
        ('[[evidence]]\nid = "border_in"\nwhen = "direction = \'arrival\' and direction = \'departure\'"', "evidence rule 'border_in', key 'when': unreachable, because no record has direction = 'arrival' and direction = 'departure'."),
        ('[[evidence]]\nid = "weeks_active"\nwhen = "weeks >= 13"', "evidence rule 'weeks_active', key 'when': the number 13 in \"weeks >= 13\" is undescribed."),
        (f'[[evidence]]\nid = "weeks_active"\n[evidence.parameters.few]\n{PARAMETER}', "no expression names its parameter 'few'"),
        ('[[evidence]]\nid = "nhs_moved"\nother_rows = { moved = { earlier = "registration_type = \'move\'" } }', "no expression names its predicate 'moved'"),
        (f"[parameters.few]\n{PARAMETER}", "parameter 'few': unreachable, because no rule names it."),
        ('[lists]\nislands = ["IM"]', "list 'islands': unreachable"),
        ('[[resident]]\nid = "new"\nsays = "A new sign."\nform = "any"\nsource_family = "health"\nevidence = ["nhs_posted"]\nmonths_before = "$activity_window"', "resident rule 'new': unreachable"),
        ('[[definition.group]]\nid = "new"\nsays = "Workers again."\nevidence = ["weeks_active"]\nstay = "registration"\nbefore = "others"', "group rule 'new': unreachable, because everybody with its evidence is in a group before it."),
        ('[[resident]]\nid = "studied"\nevidence = ["weeks_active"]\nat = "end"', "resident_family rule 'activity_window': the sign 'studied' never decides, because 'worked_or_claimed', which comes first"),
        ('[[evidence]]\nid = "again"\nsays = "Crossed once more."\nsource = "exit_checks"\nextract = "exit_checks_travel"\nkind = "arrival"\ndate = "event_date"\nwhen = "direction = \'arrival\'"\nsource_of_rule = "A test"', "evidence rule 'again': overlaps with 'border_in'"),
        ('[[stay]]\nid = "registration"\nremovals = ["nhs_removed", "nhs_removed"]', "stay rule 'registration', key 'removals': 'nhs_removed' is named 2 times."),
        ('[[evidence]]\nid = "weeks_active"\nsays = "Active"', "evidence rule 'weeks_active', key 'says': undescribed."),
        ('[[evidence]]\nid = "weeks_active"\nsource_of_rule = ""', "evidence rule 'weeks_active', key 'source_of_rule': undescribed."),
        ('[parameters.long_term_days]\nsays = "Days"', "parameter 'long_term_days': undescribed."),
    ],
)  # fmt: skip
def test_a_probable_mistake_is_found(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "mine.toml").write_text(f"{HEAD}{text}\n")
    lines = findings(read_rules(tmp_path / "mine.toml", read_contracts()))
    assert any(found in line for line in lines), lines
