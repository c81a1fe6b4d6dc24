# ruff: noqa: E501 (one mistake a line reads best)
"""A rule file is data: every mistake in it is reported with the file, the rule and the nearest valid name."""

import re
from pathlib import Path

import pytest

import rules
from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from rules.model import RuleSet
from rules.rule_set import read_rules

DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"


def read_changed(folder: Path, old: str, new: str) -> RuleSet:
    text = DEFAULT.read_text()
    assert old in text, f"the default set no longer contains {old!r}"
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new, 1))
    return read_rules(path, read_contracts())


def test_the_default_set_is_valid() -> None:
    rule_set = read_rules(DEFAULT, read_contracts())
    assert rule_set.id == "long_term_2019" == DEFAULT.stem
    assert rule_set.people.definition.id == "long_term"


def test_every_rule_has_a_description_and_a_source() -> None:
    rule_set = read_rules(DEFAULT, read_contracts())
    for rule in (*rule_set.evidence.rules, *rule_set.people.stays):
        assert rule.says.endswith(".")
        assert rule.source_of_rule
    for one in (*rule_set.people.residents, *rule_set.people.attributes, *rule_set.people.definition.groups):
        assert one.says.endswith(".")


def test_the_digest_depends_on_the_rules_and_nothing_else(tmp_path: Path) -> None:
    default = read_rules(DEFAULT, read_contracts())
    assert read_changed(tmp_path, "# The default rules", "# Our rules").digest == default.digest
    changed = read_changed(tmp_path, "value = 365", "value = 182")
    assert changed.parameters["long_term_days"].value == 182
    assert changed.digest != default.digest
    assert changed.evidence == default.evidence
    assert re.fullmatch("[0-9a-f]{64}", default.digest)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ('source = "mws"', 'source = "mvs"', "evidence rule 'worker_arrived'", "unknown source 'mvs'. Did you mean 'mws'?"),
        ('"exit_checks_travel"', '"exit_check_travel"', "evidence rule 'border_in'", "Did you mean 'exit_checks_travel'?"),
        ('date = "arrival_date"', 'date = "arival_date"', "evidence rule 'worker_arrived', key 'date'", "Did you mean 'arrival_date'?"),
        ('date = "arrival_date"', 'date = "nationality"', "evidence rule 'worker_arrived', key 'date'", "is a text, but a date is needed"),
        ('value = "weeks"', 'value = "tax_year_start"', "evidence rule 'weeks_active', key 'value'", "but a number is needed"),
        ('when = "flag_4"', 'when = "flag_4 = 1"', "evidence rule 'nhs_flag_4', key 'when'", "a boolean cannot be compared with a number"),
        ("direction = 'arrival'", "direction = 'arival'", "evidence rule 'border_in', key 'when'", "unknown code 'arival'. Did you mean 'arrival'?"),
        ("domicile not in $uk", "domicile not in $ukk", "evidence rule 'student_from_abroad'", "unknown list 'ukk'. Did you mean 'uk'?"),
        ('uk = ["GB"]', 'uk = ["UK"]', "[lists], 'uk'", "unknown code 'UK'"),
        ('kind = "permission"', 'kind = "permision"', "evidence rule 'permission_to_stay', key 'kind'", "permission"),
        ("known_on =", "knowm_on =", "evidence rule 'worker_arrived'", "unknown key 'knowm_on'. Did you mean 'known_on'?"),
        ("here_before = { earlier", "here_before = { earler", "evidence rule 'student_from_abroad'", "Did you mean 'earlier'?"),
        ("other_rows = { studied", 'unless = { earlier = "flag" }\nother_rows = { studied', "evidence rule 'student_from_abroad'", "'unless' is no longer a key. Declare what other rows must not show"),
        ("and not studied_here_before", "and not studied_here_befor", "evidence rule 'student_from_abroad', key 'when'", "unknown column 'studied_here_befor'. Did you mean 'studied_here_before'?"),
        ("{ studied_here_before =", "{ domicile =", "evidence rule 'student_from_abroad', other_rows 'domicile'", "the extract has a column of this name"),
        ("location = 'united_kingdom'\" }", "location = 'united_kingdom'\", before = \"$academic_year\" }", "evidence rule 'student_from_abroad', key 'other_rows.studied_here_before'", "'before' has no meaning with 'earlier'"),
        ("location = 'united_kingdom'\" }", "location = 'united_kingdom'\", within = \"12 months\" }", "evidence rule 'student_from_abroad', other_rows 'studied_here_before', key 'within'", "is not the name of a parameter"),
        ("location = 'united_kingdom'\" }", "location = 'united_kingdom'\", within = \"$delivered_share\" }", "evidence rule 'student_from_abroad', other_rows 'studied_here_before', key 'within'", "a window is a span of time, but the unit of $delivered_share is share"),
        ("{ earlier = \"study_location = 'united_kingdom'\" }", '{ in_force = "permission_to_stay" }', "evidence rule 'student_from_abroad', other_rows 'studied_here_before'", "reads the source 'exit_checks'"),
        ('form = "first_to_last"', 'form = "first_last"', "stay rule 'first_arrival_last_departure'", "unknown form 'first_last'. Did you mean 'first_to_last'?"),
        ('more_than_days = "$long_term_days"', "more_than_days = 365", "stay rule 'first_arrival_last_departure', key 'more_than_days'", "a value alone does not say what it is. Declare a parameter of this name"),
        ('more_than_days = "$long_term_days"', 'more_than_days = "$longterm_days"', "stay rule 'first_arrival_last_departure', key 'more_than_days'", "unknown parameter 'longterm_days'. Did you mean 'long_term_days'?"),
        ('more_than_days = "$long_term_days"', 'more_than_days = "$activity_window"', "stay rule 'first_arrival_last_departure', key 'more_than_days'", "its unit is days here, found months"),
        ("value = 365", "value = 1000", "[parameters], parameter 'long_term_days'", "the value 1000 is outside its range, 90 to 730"),
        ("value = 365", "value = 365.5", "[parameters], parameter 'long_term_days'", "365.5 is not a whole number of days"),
        ("range = [90, 730]", "range = [730, 90]", "[parameters], parameter 'long_term_days'", "the range 730 to 90 is empty"),
        ("range = [90, 730]", "range = [90, 99999]", "stay rule 'first_arrival_last_departure', key 'more_than_days'", "its range must lie within 0 to 36600 here"),
        ('unit = "days"', 'unit = "day"', "[parameters], parameter 'long_term_days', key 'unit'", "days"),
        ("holds_from = 1998-01-01", "holds_from = 1998-01-01\nlater = { 1990-01-01 = 300 }", "[parameters], parameter 'long_term_days'", "a later value holds from a day after 1998-01-01"),
        ("range = [90, 730]", "rang = [90, 730]", "[parameters], parameter 'long_term_days'", "unknown key 'rang'. Did you mean 'range'?"),
        ("year_start + $academic_year", "year_start + $academic_yaer", "evidence rule 'student_enrolled', key 'end_date'", "at character 41 of \"earliest(end_date + 1 day, year_start + $academic_yaer)\": unknown parameter 'academic_yaer'. Did you mean 'academic_year'?"),
        ("year_start + $academic_year", "year_start + $delivered_share", "evidence rule 'student_enrolled', key 'end_date'", "a date cannot be shifted by share"),
        ("[evidence.parameters.academic_year]", "[evidence.parameter.academic_year]", "evidence rule 'student_enrolled'", "unknown key 'parameter'. Did you mean 'parameters'?"),
        ("[stay.parameters.arrival_within_days]", "[stay.parameters.arrival_within_day]", "stay rule 'first_arrival_last_departure'", "unknown key 'arrival_within_day'. Did you mean 'arrival_within_days'?"),
        ("[stay.parameters.arrival_within_days]", "[stay.parameters.more_than_days]", "stay rule 'first_arrival_last_departure'", "'more_than_days' is both a key and a parameter"),
        ('departures = ["border_out"]', 'departures = ["border_ot"]', "stay rule 'first_arrival_last_departure', key 'departures'", "unknown evidence rule 'border_ot'. Did you mean 'border_out'?"),
        ('"extension", "settlement"]', '"extention", "settlement"]', "key 'given_inside'", "Did you mean 'extension'?"),
        ('stay = "weeks_of_activity"', 'stay = "weeks_of_activty"', "group rule 'active'", "Did you mean 'weeks_of_activity'?"),
        ('at = "end"', 'at = "ends"', "resident rule 'worked_or_claimed', key 'at'", "end"),
        ('"pds.sex"', '"pds.sexe"', "attribute rule 'sex'", "unknown column 'sexe'. Did you mean 'sex'?"),
        ('British = "british"', 'British = "britishh"', "attribute rule 'nationality_group'", "unknown list 'britishh'"),
        ('only = { "pds.', 'only = { "pd.', "attribute rule 'nationality_group'", "unknown place 'pd.country_of_birth'"),
        ('["uk", "ireland", "eu"] }', '["uk", "irland", "eu"] }', "attribute rule 'nationality_group', key 'only'", "Did you mean 'ireland'?"),
        ('id = "border_out"', 'id = "border_in"', "evidence rule 'border_in'", "this id is used twice"),
        ('deaths = ["death_registered"', 'deaths = ["death_registred"', "key 'deaths'", "Did you mean 'death_registered'?"),
        ("[unfinished]", "[unfinishd]", "changed.toml", "Did you mean 'unfinished'?"),
        ('id = "long_term"', 'id = "registration"', "[definition]", "also that of a stay rule"),
        ('evidence = ["permission_to_stay"]\nstay', "evidence = []\nstay", "[definition]", "only the last group may, and must, be"),
        ('otherwise = "non_EU"', 'otherwise = "Rest_of_world"', "attribute rule 'nationality_group', key 'groups'", "unknown nationality group 'Rest_of_world'. Valid: British, EU, Irish, non_EU."),
        ('{ British = "british"', '{ Britsh = "british"', "attribute rule 'nationality_group', key 'groups'", "Did you mean 'British'?"),
        ('groups = { lists', 'default = "British"\ngroups = { lists', "attribute rule 'nationality_group'", "nobody has a nationality group by default. Remove the key: [nationality] says how likely each group is"),
        ('default = "F"', "", "attribute rule 'sex'", "the key 'default' is missing"),
        ('asked_now = ["coverage_survey.nationality"]', 'asked_now = ["coverage_survey.nationalty"]', "[nationality], key 'asked_now', in 'coverage_survey.nationalty'", "Did you mean 'nationality'?"),
        ('asked_now = ["coverage_survey.nationality"]', 'asked_now = ["coverage_survey.arrived"]', "[nationality], key 'asked_now'", "'coverage_survey.arrived' is a date, but a text is needed here"),
        ('"mws.nationality", "hesa.nationality",\n]', '"mws.nationality", "hesa.sex",\n]', "[nationality], key 'certain'", "unknown place 'hesa.sex'"),
        ('arrivals = ["nhs_first_from_abroad", "nhs_flag_4"] #', 'arrivals = ["nhs_first_abroad"] #', "[nationality], key 'arrivals'", "unknown evidence rule 'nhs_first_abroad'"),
        ('groups = { lists', '# groups = { lists', "attribute rule 'nationality_group', in 'exit_checks_visas.nationality'", "values such as 'AD' are not a nationality group (British, Irish, EU, non_EU). Map the values with 'groups'."),
        ('default = "F"', 'default = "X"', "attribute rule 'sex', key 'default'", "unknown sex 'X'. Valid: F, M."),
        ('"pr.sex", "births.sex"', '"pds.area", "births.sex"', "attribute rule 'sex', in 'pds.area'", "any text is possible, so it is not a sex (F, M)"),
        ('says = "Month of birth:', 'default = "1900-01-01"\nsays = "Month of birth:', "attribute rule 'birth_month'", "a month of birth has no 'groups' and no 'default'"),
        ('[[attribute]]\nid = "country_of_birth"\nsays = "Country of birth as recorded by the NHS."\nread = ["pds.country_of_birth"]', "", "changed.toml", "no attribute rule 'country_of_birth'"),
        ("range = [0, 6]", "range = [0, 20000000000]", "resident rule 'listed_without_activity', key 'months_after'", "1200"),
        ('activity = ["weeks_active"]', 'absent_weeks = 52\nactivity = ["weeks_active"]', "stay rule 'weeks_of_activity'", "Write 'absent_more_than_days' (365 for"),
        ("range = [30, 730]", "range = [0, 730]", "key 'absent_more_than_days'", "within 1 to 36600"),
        ('evidence = ["border_in", "border_out"] #', 'at = "overlap"\nevidence = ["border_in", "border_out"] #', "resident rule 'crossed_the_border'", "which 'border_in' has not"),
        ('form = "away"', 'from = "away"', "resident rule 'left_for_long'", "the key 'form' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported(tmp_path: Path, old: str, new: str, place: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_changed(tmp_path, old, new)
    assert str(error.value).startswith(str(tmp_path / "changed.toml"))
    assert place in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text", ["evidence = 3", 'stay = ["x"]', "definition = 1", "evidence = []", "lists = 1", "=", "[lists]"]
)
def test_a_file_that_is_not_a_rule_set_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.toml").write_text(text)
    with pytest.raises(UserError, match=r"other\.toml"):
        read_rules(tmp_path / "other.toml", read_contracts())


def test_a_missing_key_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="evidence rule 'border_in': the key 'says' is missing"):
        read_changed(tmp_path, 'says = "Crossed the border inwards."\n', "")


def test_clear_identifiers_are_no_columns_of_rules(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown column 'date_of_birth'"):
        read_changed(tmp_path, 'date = "birth_month"', 'date = "date_of_birth"')
