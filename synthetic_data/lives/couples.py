"""Couples: who moves in with whom, and when."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.country.rates import MARRIES, TAKES_NAME
from synthetic_data.lives.membership import before_couples, is_here
from synthetic_data.lives.numbering import added_by_surge
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEAR
from synthetic_data.numbers.draws import Floats, between, draws
from synthetic_data.numbers.labels import Labels
from synthetic_data.numbers.runs import numbered

COMES_AND_GOES = 0.5
"""Members of migrant groups that return more often than this form no couples here."""
KINDRED = {"British": 0, "Irish": 0, "EU": 1, "non_EU": 2}
"""Couples form among people of like origin."""


def living_together(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of couples to people: `joint_household` (row or -1), `married` (day) and `married_name`.

    In each part, single men and women of like origin are paired in order of age, women with men who are on average
    two years older. A pair lives together from its day, in his household, if both are here on that day and in
    households of their own. Pairs depend on who was born and who came, not on what else happens to people.
    """
    person, birth, place, home = (people[name].to_numpy() for name in ("person", "birth", "place", "household"))
    young = np.flatnonzero((place != 1) & (birth > FIRST_DAY - 40 * YEAR) & (birth < LAST_DAY - 22 * YEAR))
    young = young[draws(seed, "ever lives together", person[young]) < MARRIES]
    of_visit = np.array([one.purpose in ("study", "visit") or one.returns > COMES_AND_GOES for one in MIGRANT_GROUPS])
    settles = np.append(~of_visit, [True, False])[households["migrant_group"].to_numpy()[home[young]]]
    added = added_by_surge(person[young])
    alone = (np.bincount(home, minlength=len(households)) == 1)[home[young]]
    wants = young[settles & (added == 0) & ((place[young] >= 2) | alone)]
    like = Labels.of(people["group"], tuple(KINDRED))[wants].values(KINDRED).astype(np.int64)
    kind = people["part"].to_numpy()[wants] * 3 + like
    female = (people["sex"] == "F").to_numpy()[wants]
    spread = between(draws(seed, "age of partners", person[wants]), -1.5, 1.5) * YEAR
    comparable_birth = birth[wants] + spread - np.where(female, 2 * YEAR, 0)
    his, hers = _pairs(wants, kind, female, comparable_birth)
    on = between(draws(seed, "moving in", person[hers]), FIRST_DAY + 200, LAST_DAY).astype(np.int64)
    together = np.minimum(on - birth[his], on - birth[hers]) > 20 * YEAR
    for one in (his, hers):
        of_own = (place[one] == 0) | (people["leaves_home"].to_numpy()[one] < on)
        together &= of_own & is_here(households, before_couples(people, one, on), on)
    his, hers, on = his[together], hers[together], on[together]
    joint = np.full(len(people), -1, dtype=np.int64)
    joint[hers] = before_couples(people, his, on)
    married = np.full(len(people), NEVER)
    married[hers] = on
    takes = draws(seed, "takes the name", person[hers]) < TAKES_NAME
    name = pl.Series("married_name", [None], dtype=pl.String).new_from_index(0, len(people))
    name = name.scatter(hers[takes], people["family_name"][his[takes]])
    return people.with_columns(joint_household=pl.Series(joint), married=pl.Series(married), married_name=name)


def _pairs(
    rows: NDArray[np.int64], kind: NDArray[np.int64], female: NDArray[np.bool_], order: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of paired men and women: the n-th man and the n-th woman of each kind, in `order`."""
    ranked, numbers = [], []
    for sex in (False, True):
        those = np.flatnonzero(female == sex)
        those = those[np.lexsort((rows[those], order[those], kind[those]))]
        ranked.append(rows[those])
        numbers.append((kind[those] << 32) + numbered(kind[those]))
    _, man, woman = np.intersect1d(*numbers, assume_unique=True, return_indices=True)
    his, hers = ranked[0][man], ranked[1][woman]
    in_order = np.argsort(his)
    return his[in_order], hers[in_order]
