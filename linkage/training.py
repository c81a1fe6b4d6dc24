"""Training of a linkage model on all subjects of two sources, without any truth.

u comes from sampled pairs of people known to be two (`chance.py`); m from Splink's expectation-maximisation (W.
Winkler 1988, "Using the EM algorithm for weight computation in the Fellegi-Sunter model of record linkage") in blocks
of pairs that agree on one rule. Sampling goes by minted ids, training runs in one thread and is rounded, so that a
model depends on neither the pseudonymisation key nor the machine.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splink.internals.exceptions import EMTrainingException

from linkage.comparisons import LEAST_COMPARISONS, NOT_KNOWN_TO_BE_TWO, TRAINING_RULES, agree, usable
from linkage.model import LinkageModel, ModelLevel, splink_settings
from linkage.source_pair import LEFT, RIGHT, SubjectPair
from linkage.u_probabilities import NEVER_SEEN, Seen, chance_agreement
from pipeline.errors import UserError
from pipeline.study import LinkageSettings
from pipeline.tables import query
from pipeline.toml_files import read_toml

DEFAULTS = Path(__file__).with_name("defaults.toml")
DECIMALS = 9

# Comparison and level.
Place = tuple[str, str]


def train(name: str, pair: SubjectPair, chosen: LinkageSettings, seed: int) -> LinkageModel:
    """Return a model of two sources, trained on all of their subjects.

    A level seen in fewer than `minimum_pairs_per_level` training pairs takes its default from `defaults.toml`;
    raises `UserError` if that has none.
    """
    defaults = read_toml(DEFAULTS)
    least = chosen.minimum_pairs_per_level
    of_two = chance_agreement(pair.connection, pair.comparisons, chosen.training_pairs, seed, name)
    u = {place: _choose(defaults, place, "u", seen, least) for place, seen in of_two.items()}
    of_one = _expectation_maximisation(pair, {place: value for place, (value, _) in u.items()}, chosen)
    levels: list[ModelLevel] = []
    for comparison in pair.comparisons:
        for level in comparison.levels:
            place = (comparison.name, level.name)
            u_value, u_by_default = u[place]
            if level.neutral:
                levels.append(ModelLevel(*place, u_value, u_value))
                continue
            m_value, m_by_default = _choose(defaults, place, "m", of_one.get(place, NEVER_SEEN), least)
            levels.append(ModelLevel(*place, m_value, u_value, by_default=m_by_default or u_by_default))
    return LinkageModel(name, splink_settings(pair, levels), tuple(levels))


def _choose(defaults: Mapping[str, Any], place: Place, which: str, seen: Seen, least: int) -> tuple[float, bool]:
    """Return the probability of a level and whether it is the stated default, for want of `least` pairs.

    A default never says more than the data allow: a level seen in fewer than `least` of n pairs has at most
    the probability least / n.
    """
    if seen.pairs >= least:
        return seen.share, False
    comparison, level = place
    stated = defaults.get(comparison, {}).get(level, {}).get(which)
    if stated is None:
        raise UserError(
            f"{DEFAULTS}: the level '{level}' of '{comparison}' has too few pairs to estimate its {which}, and no "
            f"stated default. Add `{level} = {{ m = ..., u = ... }}` under [{comparison}]."
        )
    return (round(min(float(stated), least / seen.of), DECIMALS) if seen.of else float(stated)), True


def _expectation_maximisation(
    pair: SubjectPair, u: Mapping[Place, float], chosen: LinkageSettings
) -> dict[Place, Seen]:
    """Return how often each level was seen among the pairs of one person that training expects.

    Each rule trains the comparisons that it does not read; a comparison trained by several takes the mean of
    their m, weighted by their expected matching pairs.
    """
    untrained = [ModelLevel(*place, None, value) for place, value in u.items()]
    linker = pair.linker(splink_settings(pair, untrained), threads=1)
    sums: dict[Place, tuple[float, float]] = {}
    for rule in usable(TRAINING_RULES, pair.columns):
        if sum(comparison.columns.isdisjoint(rule) for comparison in pair.comparisons) < LEAST_COMPARISONS:
            continue
        proposal = _training_rule(rule)
        proposed = _count(pair, proposal)
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                proposal,
                estimate_without_term_frequencies=True,
                max_pairs=chosen.training_pairs if proposed > chosen.training_pairs else None,
                record_sample_proportion=1.0,
            )
        except (EMTrainingException, ValueError):
            # no pair agrees on the rule, or so few of one person that an m sinks to nothing: what it would
            # have trained is left to the other rules or to defaults
            continue
        pairs = min(proposed, chosen.training_pairs)
        matching = pairs * session.core_model_settings.probability_two_random_records_match
        for comparison in session.core_model_settings.comparisons:
            for level in comparison.comparison_levels:
                if level.is_null_level:
                    continue
                # a level that no pair was at has a text for a probability
                m = level._m_probability
                place = (comparison.output_column_name, str(level.label_for_charts))
                at_level, together = sums.get(place, (0.0, 0.0))
                sums[place] = (at_level + matching * (m if isinstance(m, float) else 0.0), together + matching)
    return {
        place: Seen(round(at_level / together, DECIMALS), at_level, together)
        for place, (at_level, together) in sums.items()
        if together > 0
    }


def _training_rule(rule: tuple[str, ...]) -> str:
    # the namesakes of a household would pass for one person with a wrong date of birth, were they not known
    # to be settled with somebody else
    return f"{agree(rule)} AND {NOT_KNOWN_TO_BE_TWO}"


def _count(pair: SubjectPair, proposal: str) -> int:
    sql = f"SELECT count(*) AS pairs FROM {LEFT} l JOIN {RIGHT} r ON {proposal}"
    return int(query(pair.connection, sql)["pairs"][0])
