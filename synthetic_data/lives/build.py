"""How lives are built: the order in which events happen to households and people."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from synthetic_data.country import geography
from synthetic_data.country.migrant_groups import GHOST
from synthetic_data.country.scenario_changes import Changes
from synthetic_data.lives import (
    addresses,
    births_and_deaths,
    couples,
    first_residents,
    journeys,
    leaving,
    membership,
    nationality,
    newcomers,
)
from synthetic_data.lives.households import stacked
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER


def live(seed: int, residents: int, changes: Changes | None = None, parts: Sequence[int] | None = None) -> Lives:
    """Return the lives of a country of `residents` people on the first day, and of all who are born or come later.

    With `parts` (numbers 0 to 9), only people whose first home is in these parts, each as in the whole country.
    """
    of = list(geography.PARTS) if parts is None else sorted(set(parts))
    households, people = first_residents.residents(seed, residents, of)
    households = leaving.emigrations(seed, households, households["arrive"].to_numpy())
    households, people = stacked([(households, people), *newcomers.newcomers(seed, residents, of, changes)])
    households, people = leaving.leaving_home(seed, households, people)
    people = couples.living_together(seed, households, people)
    arrive = households["arrive"].to_numpy()[people["household"].to_numpy()]
    death = births_and_deaths.deaths(seed, people, np.maximum(arrive, FIRST_DAY))
    people = people.with_columns(twin=pl.lit(value=False))
    children = births_and_deaths.births(seed, households, people, death)
    death = np.concatenate([death, births_and_deaths.deaths(seed, children, children["birth"].to_numpy())])
    people = pl.concat([people, children], rechunk=True)
    people = people.with_columns(
        naturalised=pl.Series(nationality.naturalisations(seed, households, people)),
        visa_national=pl.Series(nationality.visa_nationals(people)),
    )
    stays = membership.stays(households, people, death)
    # no source records a death abroad, and it ends no stay
    dies_here = np.zeros(len(people), dtype=bool)
    row, end = stays["row"].to_numpy(), stays["end"].to_numpy()
    dies_here[row[end == death[row]]] = True
    ghost = (households["migrant_group"] == GHOST).to_numpy()[people["household"].to_numpy()]
    people = people.with_columns(
        death=pl.Series(np.where(dies_here & (death <= LAST_DAY), death, NEVER)), ghost=pl.Series(ghost)
    )
    return Lives(
        seed, residents, people, households, stays,
        trips=journeys.trips(seed, households, people, stays),
        moves=addresses.moves(seed, households, people, geography.country_map(residents)),
    )  # fmt: skip
