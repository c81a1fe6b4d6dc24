"""The register of assumptions is complete, and its page is that of this version."""

import json
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel
from tiny_country import write_study

from flows.assumptions import QUALITIES, assumptions, assumptions_page, constants
from flows.study_assumptions import SETTINGS, of_study, register
from pipeline.study import read_study
from rules.rule_file import SETS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found():
    return assumptions()


def test_the_page_is_that_of_this_version():
    assert (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8") == assumptions_page(), "make assumptions"


def test_every_number_has_its_source_its_quality_and_what_it_moves(found):
    for one in found:
        assert all(vars(one).values()), f"{one.name}: an empty field; describe it in flows/assumptions.toml"
        assert one.quality in QUALITIES, one.name


def test_every_constant_of_the_code_is_in_the_register_or_technical():
    described = {(file, name) for file, names in register()["constants"].items() for name in names}
    technical = {(file, name) for file, names in register()["technical"].items() for name in names}
    declared = {(one.file, one.name) for one in constants()}
    assert len(declared) > 100
    assert declared == described | technical, "describe it in flows/assumptions.toml, or list it as technical"
    assert not described & technical


def test_every_number_of_a_study_is_in_the_register():
    for section, model in SETTINGS.items():
        defaults = {name: field.default for name, field in model.model_fields.items()}
        numbers = {name for name, one in defaults.items() if type(one) in (int, float) or isinstance(one, BaseModel)}
        assert numbers == set(register()["settings"][section])


def test_every_parameter_of_a_rule_set_is_in_the_register(found):
    names = {one.name for one in found if one.part.startswith("rules: ")}
    for path in SETS.glob("*.toml"):
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        parameters = set(written.get("parameters", {}))
        for rules in written.values():
            for rule in rules if isinstance(rules, list) else ():
                if isinstance(rule, dict):
                    parameters |= {f"{rule['id']}.{name}" for name in rule.get("parameters", {}) if "id" in rule}
        assert parameters <= names, path.name


def test_every_stated_probability_is_in_the_register(found):
    stated = tomllib.loads((ROOT / "linkage" / "default_probabilities.toml").read_text(encoding="utf-8"))
    levels = {f"{comparison}.{level}" for comparison, of in stated.items() for level in of}
    keys = tomllib.loads((ROOT / "linkage" / "match_keys.toml").read_text(encoding="utf-8"))["key"]
    assert levels | {key["id"] for key in keys} <= {one.name for one in found}


def test_values_are_those_of_the_code(found):
    values = {one.name: one.value for one in found}
    assert values["[flow_errors] emigration"] == "0.004"
    assert values["linkage/quality.py: MODEL_ERROR"] == "2.2"
    assert values["given_name.equal"] == "m 0.9, u 0.008"
    assert values["long_term_days"].startswith("365 days")


def test_the_command_prints_the_same_as_json(found, capsys):
    from flows.assumptions import print_assumptions

    assert print_assumptions(as_json=True) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [one.name for one in found]


def test_a_run_publishes_the_numbers_of_its_own_study(tmp_path):
    path = write_study(tmp_path / "tiny")
    path.write_text(f"{path.read_text()}\n[flow_errors]\nemigration = 0.37\n")
    study = read_study(path)
    of_run = {one.name: one for one in of_study(study)}
    own = of_run["[flow_errors] emigration"]
    assert (own.value, own.quality, own.source) == ("0.37", "assumed", "the study, in place of 0.004")
    assert of_run["[flow_errors] not_final_emigrations"].quality == "measured"
    assert of_run["[coverage] replicates"].value == "20"
    assert of_run["long_term_days"].part == "rules: long_term_2019"
    assert {one.quality for one in of_run.values()} <= set(QUALITIES)
