"""How many classes of people there are: one more as long as the Bayesian information criterion falls (Schwarz 1978).

A model with one class more begins where the one before ended, with one of its classes split in two: each class is
split in two ways, into more and less active people and into two kinds of activity, and what is best after a few
steps goes on (short runs of EM: Biernacki, Celeux and Govaert 2003). The number of classes is chosen with a sample of
people, evenly drawn from all histories in their order; the model of that many classes is then fitted to everybody.
"""

import math
from dataclasses import dataclass

import numpy as np

from rules.hidden_state.fit import Fitted, fit
from rules.hidden_state.histories import Histories, Tree, person_years
from rules.hidden_state.model import Signs, first_guess

SAMPLE, FEW = 30_000, 10_000
"""People with whom the number of classes is chosen, and those with whom ways of splitting a class are compared."""
SHORT_RUN, LONG_RUN = 12, 150
"""The most steps of the runs that choose a split, and of those that follow."""


@dataclass(frozen=True)
class Chosen:
    """The model with the lowest criterion; `criteria` has that of every number of classes that was tried, from 1."""

    fitted: Fitted
    criteria: tuple[float, ...]


def choose_classes(histories: Histories, signs: Signs, bands: int, most: int) -> Chosen:
    """Return the model with as many classes as the criterion prefers, at most `most`, fitted to all histories."""
    sample = histories.sampled(SAMPLE)
    tree, few = Tree.of(sample), Tree.of(sample.sampled(FEW))
    guess = first_guess(histories.symbols, person_years(tree), histories.groups, bands, signs)
    best = fit(tree, guess, LONG_RUN)
    criteria = [criterion(best, sample.total)]
    while best.model.classes < most:
        runs = [
            fit(few, best.model.split(which, list(apart)), SHORT_RUN)
            for which in range(best.model.classes)
            for apart in (np.ones(signs.count), np.where(np.arange(signs.count) % 2, 1.0, -1.0))
        ]
        begun = max(runs, key=lambda run: run.log_likelihood + run.model.log_prior())
        more = fit(tree, begun.model, LONG_RUN)
        criteria.append(criterion(more, sample.total))
        if criteria[-1] >= criteria[-2]:
            break
        best = more
    whole = best if sample is histories else fit(Tree.of(histories), best.model, LONG_RUN)
    return Chosen(whole, tuple(criteria))


def criterion(fitted: Fitted, people: float) -> float:
    """Return the Bayesian information criterion: the lower the better."""
    return -2 * fitted.log_likelihood + fitted.model.parameters * math.log(people)
