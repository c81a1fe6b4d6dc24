"""Faults of linkage that the estimates of its quality find by themselves: each is named with its sources."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from link_population import Population, context_of

from linkage import blocking
from linkage import link as stage
from linkage.alarms import alarms, single_points

SOURCES = ("pds", "pr", "activity", "mws", "hesa")
PEOPLE = 2500


def warnings_of(folder, population, sources=SOURCES):
    context = context_of(folder / "link", population.write(folder / "ingest"), sources=sources)
    return list(stage.link(context).warnings)


def about(warnings, sentence):
    return [warning for warning in warnings if sentence in warning]


@pytest.fixture
def population():
    return Population(PEOPLE, seed=21)


def test_nothing_is_wrong_without_a_fault(population, tmp_path):
    warnings = warnings_of(tmp_path, population)
    assert (
        about(warnings, "Links may be") + about(warnings, "Identifiers of") + about(warnings, "Every blocking") == []
    )


def test_a_model_that_loses_movers_is_named(population, tmp_path, monkeypatch):
    """Independent parts of an address count against movers three times over: no pair at two addresses is a link."""
    train = stage.train_models

    def losing(*args, **kwargs):
        models = []
        for model in train(*args, **kwargs):
            at = next(at for at, one in enumerate(model.comparisons) if one.name == "address")
            m = model.m.copy()
            apart = [number for number, level in enumerate(model.comparisons[at].levels) if level.name in ELSEWHERE]
            m[at, apart] = np.minimum(m[at, apart], 1e-9)
            models.append(replace(model, m=m))
        return models

    monkeypatch.setattr(stage, "train_models", losing)
    (warning,) = about(warnings_of(tmp_path, population), "names and date of birth, whatever their addresses")
    assert "(movers)" in warning
    assert "mws with pds" in warning or "hesa with pds" in warning


ELSEWHERE = ("known_postcode", "one_part", "same_area", "elsewhere")


def test_a_plan_with_a_single_point_of_failure_is_named(population, tmp_path, monkeypatch):
    dated = tuple(
        replace(rule, trains_all_but=rule.trains_all_but)
        for rule in blocking.RULES
        if any(column.startswith(("date_of_birth", "birth_")) for column in rule.columns)
    )
    monkeypatch.setattr(blocking, "RULES", dated)
    (warning,) = about(warnings_of(tmp_path, population), "needs the date of birth")
    assert "activity with pds" in warning


def test_a_source_whose_key_format_changed_is_named(population, tmp_path):
    """The migrant list writes its numbers in another way: nobody shares one, and everybody is found by name."""
    mws = population.people["mws"]
    population.people["mws"] = mws.with_columns(pl.format("X{}", "encrypted_nino").alias("encrypted_nino"))
    (warning,) = about(warnings_of(tmp_path, population), "as if one source had changed their format")
    assert "activity with mws: 1.000" in warning


def test_a_name_standard_that_breaks_one_script_is_named(population, tmp_path):
    """A quarter of the names become nonsense in one source; dates of birth and places still find the people."""
    activity = population.people["activity"]
    broken = pl.col("person") % 4 == 0
    nonsense = pl.format("q{}x", pl.col("person").cast(pl.String).str.reverse())
    population.people["activity"] = activity.with_columns(
        pl.when(broken).then(nonsense).otherwise(name).alias(name) for name in ("given_name", "family_name")
    )
    (warning,) = about(warnings_of(tmp_path, population), "have nothing in common")
    assert "activity with pds" in warning


QUALITY = {
    "source_l": "a", "source_r": "b", "group": "all", "subjects_l": 1000, "recall_low": 0.95, "recall_high": 0.98,
    "recall_estimate": 0.97, "pairs_without_place": 0, "recall_without_place": None, "pairs_without_date": 0,
    "recall_without_date": None, "pairs_without_name": 0, "names_agree": None, "recall_without_name": None,
    "held_out": None, "recall_held_out": None, "recall_held_out_expected": None, "links_before": None,
    "precision_before": None, "precision_by_counts": None, "precision_by_counts_se": None,
    "identifiers_compared": None,
    "identifiers_differ": None, "reviewed": None, "review_recall": None, "review_recall_se": None,
    "precision_low": 0.97, "precision_high": 0.99, "precision_estimate": 0.98, "decisions": None,
    "precision_by_decisions": None, "precision_by_decisions_low": None, "precision_by_decisions_high": None,
    "recall_by_decisions": None, "recall_by_decisions_low": None, "recall_by_decisions_high": None,
}  # fmt: skip


def told(**changes):
    schema = dict.fromkeys(QUALITY, pl.Float64) | dict.fromkeys(("source_l", "source_r", "group"), pl.String)
    return alarms(pl.DataFrame([QUALITY | changes], schema=schema))


def decided(rate, low, high):
    """Return what 500 decisions say of a rate."""
    of_rate = f"{rate}_by_decisions"
    return {"decisions": 500, of_rate: (low + high) / 2, f"{of_rate}_low": low, f"{of_rate}_high": high}


@pytest.mark.parametrize(
    ("fault", "chance"),
    [
        ({"pairs_without_name": 400, "recall_without_name": 0.8},
         {"pairs_without_name": 400, "recall_without_name": 0.93}),
        ({"pairs_without_name": 400, "names_agree": 0.8}, {"pairs_without_name": 400, "names_agree": 0.88}),
        ({"held_out": 200, "recall_held_out": 0.8, "recall_held_out_expected": 0.98},
         {"held_out": 200, "recall_held_out": 0.93, "recall_held_out_expected": 0.98}),
        ({"links_before": 900, "precision_before": 0.99, "precision_by_counts": 0.8, "precision_by_counts_se": 0.01},
         {"links_before": 400, "precision_before": 0.99, "precision_by_counts": 0.8, "precision_by_counts_se": 0.01}),
        ({"identifiers_compared": 100, "identifiers_differ": 20},
         {"identifiers_compared": 100, "identifiers_differ": 5}),
        ({"reviewed": 500, "review_recall": 0.9, "review_recall_se": 0.01},
         {"reviewed": 500, "review_recall": 0.93, "review_recall_se": 0.01}),
        (decided("recall", 0.9, 0.94), decided("recall", 0.9, 0.955)),
        (decided("recall", 0.985, 1.0), {**decided("recall", 0.985, 1.0), "decisions": 40}),
        (decided("precision", 0.9, 0.96), decided("precision", 0.9, 0.98)),
    ],
)  # fmt: skip
def test_estimates_must_differ_by_more_than_chance(fault, chance):
    (warning,) = told(**fault)
    assert "a with b" in warning
    assert told(**chance) == []


def test_the_parts_that_all_rules_need_are_named_together():
    (warning,) = single_points({("a", "b"): {"date of birth"}, ("a", "c"): {"date of birth"}, ("b", "c"): set()})
    assert warning.startswith("Every blocking rule of a with b, a with c needs the date of birth")
