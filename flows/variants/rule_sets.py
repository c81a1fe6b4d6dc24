"""The estimates of a finished run if its people are decided by another set of rules."""

from pathlib import Path

import polars as pl

from flows.variants.estimates import KEY, Estimates
from flows.variants.run_rules import RunRules
from pipeline.errors import UserError
from rules.rule_set import person_rules_of, read_rule_set
from rules.variants import Variants

COMPARISON = "rule_comparison"


def check_uncalibrated(base: RunRules) -> None:
    """Raise `UserError` for a run whose probabilities are calibrated: a calibration is of one set of rules."""
    if base.study.rules.calibration is not None:
        raise UserError(
            f"{base.run}: its probabilities are calibrated for its own rules, so those of other sets would be wrong. "
            "Run its study without [rules] calibration, and compare rules on that run."
        )


def estimates_by(rule_set: str, base: RunRules, variants: Variants, estimates: Estimates) -> pl.DataFrame:
    """Return `rule_set, measure, period, group, estimate` of the run's people by another set of rules.

    `rule_set` is a name of Sojourn's or a TOML file; after a colon it may name the definition to publish, if that is
    not the set's own. Raises `UserError` for a set or a definition that there is not.
    """
    name, _, definition = rule_set.partition(":")
    study = base.study.model_copy(update={"rule_set": name, "definition": definition or None})
    rules = read_rule_set(study)
    decided = variants.decided(rules.evidence, person_rules_of(rules, study))
    return estimates.of(decided).select(pl.lit(rule_set).alias("rule_set"), pl.all())


def beside_each_other(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Return `measure, period, group` with a column of estimates for each set of rules, in the order of the first."""
    return pl.concat(tables).pivot("rule_set", index=KEY, values="estimate", maintain_order=True)


def comparison_folder(run: Path) -> Path:
    """Return the folder of a comparison in its run."""
    return run / COMPARISON
