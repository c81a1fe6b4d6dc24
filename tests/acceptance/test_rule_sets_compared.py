"""A finished run estimated by other sets of rules, on the same people."""

from types import SimpleNamespace

import pytest

from flows.variants.estimates import Counted, Published, published_estimates
from flows.variants.rule_sets import beside_each_other, check_uncalibrated, estimates_by
from flows.variants.run_rules import opened
from pipeline.errors import UserError


def test_the_runs_own_rules_give_what_it_has_published(demo):
    with opened(demo.run) as (base,):
        table = estimates_by("long_term_2019", base, base.variants(), Published(base))
    assert table.drop("rule_set").equals(published_estimates(demo.run / "tables"))


def test_sets_of_rules_stand_beside_each_other(demo):
    with opened(demo.run) as (base,):
        variants, counted = base.variants(), Counted(base)
        sets = ["long_term_2019", "definitions_2019", "definitions_2019:days_in_window_9_12"]
        table = beside_each_other([estimates_by(one, base, variants, counted) for one in sets])
    assert table.columns == ["measure", "period", "group", *sets]
    assert table.null_count().sum_horizontal().item() == 0
    assert table[sets[0]].equals(table[sets[1]])  # the set has other definitions, and publishes the same one
    assert not table[sets[0]].equals(table[sets[2]])


def test_a_set_that_does_not_exist_is_named(demo):
    with opened(demo.run) as (base,), pytest.raises(UserError, match="long_term_2018"):
        estimates_by("long_term_2018", base, base.variants(), Counted(base))


def test_a_definition_that_a_set_has_not_is_named(demo):
    with opened(demo.run) as (base,), pytest.raises(UserError, match="eleven_months"):
        estimates_by("definitions_2019:eleven_months", base, base.variants(), Counted(base))


def test_calibrated_probabilities_are_not_those_of_other_rules():
    study = SimpleNamespace(rules=SimpleNamespace(calibration="mine.toml"))
    with pytest.raises(UserError, match="calibrated for its own rules"):
        check_uncalibrated(SimpleNamespace(run="run", study=study))
