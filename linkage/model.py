"""A linkage model of two sources: trained here, or read from a file, and applied with Splink 5.

The model is that of Fellegi and Sunter (1969), "A Theory for Record Linkage": each comparison of a pair adds
the log2 ratio of two probabilities of its level, m among records of one person and u among records of two.
u comes from sampled pairs of people known to be two (`chance.py`), m from Splink's expectation-maximisation
(Winkler 1988; Enamorado, Fifield and Imai 2019) in blocks of pairs that agree on one rule, one thread, rounded.
"""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from splink import DuckDBAPI, Linker
from splink.internals.exceptions import EMTrainingException

from linkage.chance import NEVER_SEEN, Seen, chance_agreement
from linkage.comparisons import (
    BLOCKING_RULES,
    LEAST_COMPARISONS,
    NOT_KNOWN_TO_BE_TWO,
    TRAINING_RULES,
    Comparison,
    agree,
    comparable,
    level_of_model,
    usable,
)
from pipeline.errors import UserError
from pipeline.study import LinkageSettings
from pipeline.tables import connect, query, write_text
from pipeline.toml_files import read_toml

DEFAULTS = Path(__file__).with_name("defaults.toml")
LEFT, RIGHT = "left_subjects", "right_subjects"
DECIMALS = 9

# Splink tells what it does on the root of its own loggers; our stages tell it in their own words.
logging.getLogger("splink").setLevel(logging.ERROR)


@dataclass(frozen=True)
class TrainedLevel:
    """One level of a model: its probabilities, and whether either is a stated default."""

    comparison: str
    level: str
    m: float
    u: float
    by_default: bool


@dataclass(frozen=True)
class LinkageModel:
    """A trained model: `settings` are Splink's own, complete; `levels` say where each number comes from."""

    name: str
    settings: dict[str, Any]
    levels: tuple[TrainedLevel, ...]

    @property
    def levels_by_default(self) -> int:
        """How many levels took a stated default."""
        return sum(level.by_default for level in self.levels)

    def save(self, folder: Path) -> Path:
        """Write the model as `<name>.json`; its key `splink` is what `Linker` reads."""
        by_default = [[level.comparison, level.level] for level in self.levels if level.by_default]
        content = {"model": self.name, "by_default": by_default, "splink": self.settings}
        path = folder / f"{self.name}.json"
        write_text(json.dumps(content, indent=2) + "\n", path)
        return path


class SubjectPair:
    """The subjects of two sources side by side in one DuckDB, ready to be compared.

    `left` and `right` have `subject_id`, tokens, and three columns more. `settled` is a number that two subjects
    share if a match-key links them, null for others: they are known not to be anybody else. `proposed` is the
    same for pairs that are to be scored as they are. `free` (true or null) marks whom a model may link at will.
    """

    def __init__(self, left: pl.DataFrame, right: pl.DataFrame, threads: int) -> None:
        known = [{name for name in one.columns if one[name].null_count() < one.height} for one in (left, right)]
        self.columns = [
            name for name in left.columns if name in known[0] & known[1] | {"settled", "proposed", "free"}
        ]
        self.sizes = (left.height, right.height)
        self.threads = threads
        self.connection = connect(threads)
        for name, frame in ((LEFT, left), (RIGHT, right)):
            self.connection.register("subjects", frame.select(self.columns))
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM subjects").fetchall()
            self.connection.unregister("subjects")

    @property
    def comparisons(self) -> list[Comparison]:
        """What the two sources allow to compare."""
        return comparable(self.columns)

    def linker(self, settings: Mapping[str, Any], threads: int) -> Linker:
        """Return a fresh Splink linker over the two tables, with its own number of threads."""
        self.connection.execute(f"SET threads = {threads}").fetchall()
        database = DuckDBAPI(self.connection)
        tables = [database.register(name, dataset_display_name=name) for name in (LEFT, RIGHT)]
        return Linker(tables, dict(settings), log_level=None, validate_settings=False)

    def count(self, rule: tuple[str, ...]) -> int:
        """Return how many pairs a rule proposes for training."""
        sql = f"SELECT count(*) AS pairs FROM {LEFT} l JOIN {RIGHT} r ON {_training_rule(rule)}"
        return int(query(self.connection, sql)["pairs"][0])


def obtain_model(name: str, pair: SubjectPair, file: Path | None, chosen: LinkageSettings, seed: int) -> LinkageModel:
    """Return the model in `file` if there is one, else train it; raises `UserError`."""
    return read_model(name, file, pair) if file else train(name, pair, chosen, seed)


def train(name: str, pair: SubjectPair, chosen: LinkageSettings, seed: int) -> LinkageModel:
    """Return a model of two sources, trained on all of their subjects.

    A level seen in fewer than `minimum_pairs_per_level` training pairs takes its default from `defaults.toml`;
    raises `UserError` if that has none.
    """
    defaults = read_toml(DEFAULTS)
    least = chosen.minimum_pairs_per_level
    seen = chance_agreement(pair.connection, pair.comparisons, chosen.training_pairs, seed, name)
    u = {key: _choose(defaults, key, "u", of_two, least) for key, of_two in seen.items()}
    trained = _expectation_maximisation(pair, {key: value for key, (value, _) in u.items()}, chosen)
    levels: list[TrainedLevel] = []
    for comparison in pair.comparisons:
        for level in comparison.levels:
            key = (comparison.name, level.name)
            u_value, u_by_default = u[key]
            m_value, m_by_default = _choose(defaults, key, "m", trained.get(key, NEVER_SEEN), least)
            if level.neutral:
                levels.append(TrainedLevel(*key, u_value, u_value, by_default=False))
            else:
                levels.append(TrainedLevel(*key, m_value, u_value, by_default=m_by_default or u_by_default))
    return LinkageModel(name, _settings(pair, levels), tuple(levels))


def _choose(
    defaults: Mapping[str, Any], key: tuple[str, str], which: str, seen: Seen, least: int
) -> tuple[float, bool]:
    """Return the probability of a level and whether it is the stated default, for want of `least` pairs.

    A default never says more than the data allow: a level seen in fewer than `least` of n pairs has at most
    the probability least / n.
    """
    if seen.pairs >= least:
        return seen.share, False
    comparison, level = key
    stated = defaults.get(comparison, {}).get(level, {}).get(which)
    if stated is None:
        raise UserError(
            f"{DEFAULTS}: the level '{level}' of '{comparison}' has too few pairs to estimate its {which}, and no "
            f"stated default. Add `{level} = {{ m = ..., u = ... }}` under [{comparison}]."
        )
    return (round(min(float(stated), least / seen.of), DECIMALS) if seen.of else float(stated)), True


def _expectation_maximisation(
    pair: SubjectPair, u: Mapping[tuple[str, str], float], chosen: LinkageSettings
) -> dict[tuple[str, str], Seen]:
    """Return how often each level was seen among the pairs of one person that training expects.

    Each rule trains the comparisons that it does not read; a comparison trained by several takes the mean of
    their m, weighted by their expected matching pairs.
    """
    start = [
        TrainedLevel(comparison.name, level.name, 0.0, u[comparison.name, level.name], by_default=False)
        for comparison in pair.comparisons
        for level in comparison.levels
    ]
    linker = pair.linker(_settings(pair, start, with_m=False), threads=1)
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    for rule in usable(TRAINING_RULES, pair.columns):
        if sum(comparison.columns.isdisjoint(rule) for comparison in pair.comparisons) < LEAST_COMPARISONS:
            continue
        pairs = min(pair.count(rule), chosen.training_pairs)
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                _training_rule(rule),
                estimate_without_term_frequencies=True,
                max_pairs=chosen.training_pairs,
                record_sample_proportion=1.0,
            )
        except (EMTrainingException, ValueError):
            # no pair agrees on the rule, or so few of one person that an m sinks to nothing: what it would
            # have trained is left to the other rules or to defaults
            continue
        matching = pairs * session.core_model_settings.probability_two_random_records_match
        for comparison in session.core_model_settings.comparisons:
            for level in comparison.comparison_levels:
                if level.is_null_level:
                    continue
                # a level that no pair was at has a text for a probability
                seen = level._m_probability
                m = seen if isinstance(seen, float) else 0.0
                key = (comparison.output_column_name, str(level.label_for_charts))
                at_level, together = sums.get(key, (0.0, 0.0))
                sums[key] = (at_level + matching * m, together + matching)
    return {
        key: Seen(round(at_level / together, DECIMALS), at_level, together)
        for key, (at_level, together) in sums.items()
        if together > 0
    }


def _training_rule(rule: tuple[str, ...]) -> str:
    # the namesakes of a household would pass for one person with a wrong date of birth, were they not known
    # to be settled with somebody else
    return f"{agree(rule)} AND {NOT_KNOWN_TO_BE_TWO}"


def _settings(pair: SubjectPair, levels: list[TrainedLevel], with_m: bool = True) -> dict[str, Any]:
    """Return Splink's settings: the comparisons with their probabilities, and the rules that propose pairs."""
    known = {(level.comparison, level.level): level for level in levels}
    comparisons = []
    for comparison in pair.comparisons:
        written: list[dict[str, Any]] = [
            {"sql_condition": comparison.missing, "label_for_charts": "missing", "is_null_level": True}
        ]
        for level in comparison.levels:
            one = known[comparison.name, level.name]
            written.append(level_of_model(level, one.m if with_m else None, one.u))
        comparisons.append({"output_column_name": comparison.name, "comparison_levels": written})
    proposals = [
        agree(("proposed",)),
        *(agree(rule, "free") for rule in usable(BLOCKING_RULES, pair.columns)),
    ]
    return {
        "link_type": "link_only",
        "unique_id_column_name": "subject_id",
        # everybody on the left is expected once on the right; the share found is estimated afterwards
        "probability_two_random_records_match": 1 / max(pair.sizes[1], 2),
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": rule, "sql_dialect": "duckdb"} for rule in proposals
        ],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }


def read_model(name: str, file: Path, pair: SubjectPair) -> LinkageModel:
    """Return the model in a file that an earlier run wrote; raises `UserError` if it does not fit the sources."""
    mend = "Name a model that a run of this version wrote for these sources, or none, so that one is trained."
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        by_default = {(comparison, level) for comparison, level in content["by_default"]}
        levels = [
            TrainedLevel(
                comparison["output_column_name"],
                level["label_for_charts"],
                level["m_probability"],
                level["u_probability"],
                (comparison["output_column_name"], level["label_for_charts"]) in by_default,
            )
            for comparison in content["splink"]["comparisons"]
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        ]
    except FileNotFoundError:
        raise UserError(f"{file}: no such model file, though the study names it for '{name}'. {mend}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: not a linkage model ({error!r}). {mend}") from None
    expected = [(comparison.name, level.name) for comparison in pair.comparisons for level in comparison.levels]
    if [(level.comparison, level.level) for level in levels] != expected:
        raise UserError(f"{file}: the levels of this model are not those that '{name}' compares. {mend}")
    return LinkageModel(name, _settings(pair, levels), tuple(levels))


def score(model: LinkageModel, pair: SubjectPair, least_weight: float) -> pl.DataFrame:
    """Return the proposed pairs of at least `least_weight` (log2 ratio of m to u, all comparisons together).

    Columns `subject_id_l`, `subject_id_r`, `evidence` (rounded to 6 decimals), ordered by the ids.
    """
    prior = model.settings["probability_two_random_records_match"]
    prior_weight = _log2_odds(prior)
    linker = pair.linker(model.settings, pair.threads)
    scored = linker.inference.predict(threshold_match_weight=least_weight + prior_weight)
    frame = query(pair.connection, f"SELECT subject_id_l, subject_id_r, match_weight FROM {scored.physical_name}")
    return frame.select(
        "subject_id_l",
        "subject_id_r",
        (pl.col("match_weight") - prior_weight).round(6).alias("evidence"),
    ).sort("subject_id_l", "subject_id_r")


def _log2_odds(probability: float) -> float:
    return math.log2(probability / (1 - probability))
