"""Training of a linkage model on all subjects of two sources, without any truth.

u comes from sampled pairs known to be two people (`u_probabilities.py`); m from Splink's expectation-maximisation (W.
Winkler 1988, "Using the EM algorithm for weight computation in the Fellegi-Sunter model of record linkage") in blocks
of pairs that agree on one rule. Samples are drawn by minted ids, training runs in one thread and is rounded, so a
model depends on neither the pseudonymisation key nor the machine.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splink.internals.exceptions import EMTrainingException

from linkage.comparisons import MINIMUM_COMPARISONS, TRAINING_RULES, agree, usable
from linkage.model import LinkageModel, ModelLevel, splink_settings
from linkage.source_pair import DETERMINISTIC, LEFT, RIGHT, SourcePair
from linkage.u_probabilities import NEVER_OBSERVED, LevelFrequency, sample_u
from pipeline.errors import UserError
from pipeline.study import LinkageSettings
from pipeline.tables import query
from pipeline.toml_files import read_toml

DEFAULTS = Path(__file__).with_name("default_probabilities.toml")
DECIMALS = 9

# Not known to be two people: linked by a match-key with one another, or neither of them with anyone.
NOT_KNOWN_TO_BE_TWO = f"l.{DETERMINISTIC} IS NOT DISTINCT FROM r.{DETERMINISTIC}"

ComparisonLevel = tuple[str, str]
"""The names of a comparison and of one of its levels."""


def train(name: str, pair: SourcePair, settings: LinkageSettings, seed: int) -> LinkageModel:
    """Return a model of two sources, trained on all of their subjects.

    A level with fewer than `minimum_pairs_per_level` training pairs takes that of `default_probabilities.toml`;
    raises `UserError` if that has none.
    """
    defaults = read_toml(DEFAULTS)
    minimum = settings.minimum_pairs_per_level
    of_two_people = sample_u(pair.connection, pair.comparisons, settings.training_pairs, seed, name)
    u = {level: _choose(defaults, level, "u", frequency, minimum) for level, frequency in of_two_people.items()}
    of_one_person = _expectation_maximisation(pair, {level: value for level, (value, _) in u.items()}, settings)
    levels: list[ModelLevel] = []
    for comparison in pair.comparisons:
        for one in comparison.levels:
            level = (comparison.name, one.name)
            u_value, u_by_default = u[level]
            if one.neutral:
                levels.append(ModelLevel(*level, u_value, u_value))
                continue
            frequency = of_one_person.get(level, NEVER_OBSERVED)
            m_value, m_by_default = _choose(defaults, level, "m", frequency, minimum)
            levels.append(ModelLevel(*level, m_value, u_value, by_default=m_by_default or u_by_default))
    return LinkageModel(name, splink_settings(pair, levels), tuple(levels))


def _choose(
    defaults: Mapping[str, Any], level: ComparisonLevel, which: str, frequency: LevelFrequency, minimum: int
) -> tuple[float, bool]:
    """Return the probability of a level, and whether it is the stated default because there are too few pairs.

    A default is limited by the data: a level with fewer than `minimum` of n pairs has at most the probability
    minimum / n.
    """
    if frequency.pairs >= minimum:
        return frequency.share, False
    comparison, name = level
    stated = defaults.get(comparison, {}).get(name, {}).get(which)
    if stated is None:
        raise UserError(
            f"{DEFAULTS}: the level '{name}' of '{comparison}' has too few pairs to estimate its {which}, and no "
            f"stated default. Add `{name} = {{ m = ..., u = ... }}` under [{comparison}]."
        )
    limited = round(min(float(stated), minimum / frequency.total), DECIMALS) if frequency.total else float(stated)
    return limited, True


def _expectation_maximisation(
    pair: SourcePair, u: Mapping[ComparisonLevel, float], settings: LinkageSettings
) -> dict[ComparisonLevel, LevelFrequency]:
    """Return the frequency of each level among the pairs of one person that training expects: its share is m.

    Each rule trains the comparisons that it does not use; a comparison trained by several rules takes the mean of
    their m, weighted by their expected matching pairs.
    """
    untrained = [ModelLevel(*level, None, value) for level, value in u.items()]
    linker = pair.linker(splink_settings(pair, untrained), threads=1)
    sums: dict[ComparisonLevel, tuple[float, float]] = {}
    for rule in usable(TRAINING_RULES, pair.columns):
        if sum(comparison.columns.isdisjoint(rule) for comparison in pair.comparisons) < MINIMUM_COMPARISONS:
            continue
        # without the condition, namesakes in a household would pass for one person with a wrong date of birth
        block = f"{agree(rule)} AND {NOT_KNOWN_TO_BE_TWO}"
        pairs_in_block = _count(pair, block)
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                block,
                estimate_without_term_frequencies=True,
                max_pairs=settings.training_pairs if pairs_in_block > settings.training_pairs else None,
                record_sample_proportion=1.0,
            )
        except (EMTrainingException, ValueError):
            # no pair agrees on the rule, or so few pairs of one person do that an m falls to zero: what it would
            # have trained is left to the other rules or to defaults
            continue
        pairs = min(pairs_in_block, settings.training_pairs)
        matching = pairs * session.core_model_settings.probability_two_random_records_match
        for comparison in session.core_model_settings.comparisons:
            for one in comparison.comparison_levels:
                if one.is_null_level:
                    continue
                # Splink gives a level without pairs a text instead of a probability
                m = one._m_probability
                level = (comparison.output_column_name, str(one.label_for_charts))
                at_level, total = sums.get(level, (0.0, 0.0))
                sums[level] = (at_level + matching * (m if isinstance(m, float) else 0.0), total + matching)
    return {
        level: LevelFrequency(round(at_level / total, DECIMALS), at_level, total)
        for level, (at_level, total) in sums.items()
        if total > 0
    }


def _count(pair: SourcePair, condition: str) -> int:
    sql = f"SELECT count(*) AS pairs FROM {LEFT} l JOIN {RIGHT} r ON {condition}"
    return int(query(pair.connection, sql)["pairs"][0])
