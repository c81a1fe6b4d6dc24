"""True stays from spells of presence, against the slow oracle of the published definition."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rules.true_stays import true_stays
from synthetic_data.truth.life import Life

BEGIN, HORIZON = date(2010, 1, 1), date(2040, 1, 1)
LENGTHS = st.one_of(st.integers(1, 40), st.integers(360, 370), st.integers(1, 1500))


@st.composite
def lives(draw):
    """Return birth, death (or None) and spells of a person; the last one may last."""
    born_here = draw(st.booleans())
    start = date(2011, 1, 1) + timedelta(draw(LENGTHS))
    birth = start if born_here else date(1980, 1, 1)
    spells = []
    for _ in range(draw(st.integers(1, 4))):
        end = start + timedelta(draw(LENGTHS))
        spells.append((start, end))
        start = end + timedelta(draw(LENGTHS))
    ending = draw(st.sampled_from(["leaves", "dies", "stays"]))
    if ending == "stays":
        spells[-1] = (spells[-1][0], None)
    return birth, spells[-1][1] if ending == "dies" else None, spells


@given(st.lists(lives(), min_size=1, max_size=3))
def test_stays_are_the_chains_of_the_oracle(people):
    presence = pl.DataFrame(
        [(person, start, end) for person, (*_, spells) in enumerate(people) for start, end in spells],
        schema={"person": pl.Int64, "start": pl.Date, "end": pl.Date},
        orient="row",
    )
    known = pl.DataFrame(
        [(person, birth, death) for person, (birth, death, _) in enumerate(people)],
        schema={"person": pl.Int64, "birth_date": pl.Date, "death_date": pl.Date},
        orient="row",
    )
    expected = [
        (
            person, chain.start, chain.end, bool(chain.is_long_term(HORIZON)),
            chain.start != birth, chain.end is not None and chain.end != death,
        )
        for person, (birth, death, spells) in enumerate(people)
        for chain in Life(spells, birth, death, BEGIN, HORIZON).chains
    ]  # fmt: skip
    assert true_stays(presence.sample(fraction=1.0, shuffle=True, seed=1), known).rows() == expected
