"""Areas, postcode districts and postcodes: a map on which about fifteen people share a postcode."""

from math import ceil

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import POSTCODE_RESIDENTS, table
from synthetic_data.draws import draws, pick

DISTRICTS_PER_AREA = 20
_INWARD = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
_UNITS = 400  # two of the letters above
_SECTORS = 10


def postcodes(seed: int, residents: int) -> NDArray[np.object_]:
    """Return the postcodes of the country, in order of the share of newcomers among their people."""
    number = max(ceil(residents / POSTCODE_RESIDENTS), 4)
    areas = table("areas")
    area = pick(draws(seed, "postcode area", np.arange(number)), areas["share"].to_numpy())
    within = np.empty(number, dtype=np.int64)
    for one in range(len(areas)):
        those = np.flatnonzero(area == one)
        within[those] = np.arange(len(those))
    district, rest = within % DISTRICTS_PER_AREA + 1, within // DISTRICTS_PER_AREA
    sector, unit = rest % _SECTORS, (rest // _SECTORS * 137 + rest % _SECTORS * 31) % _UNITS
    letters = areas["letters"].to_numpy()[area]
    outward = letters + district.astype(str).astype(object)
    return outward + " " + sector.astype(str).astype(object) + _INWARD[unit // 20] + _INWARD[unit % 20]


def area_lookup() -> pl.DataFrame:
    """Return the look-up of the study: `postcode_district` (outward code) and `area` (a code of nine characters)."""
    districts = [
        {"postcode_district": f"{letters}{number}", "area": area}
        for area, letters in table("areas").select("area", "letters").iter_rows()
        for number in range(1, DISTRICTS_PER_AREA + 1)
    ]
    return pl.DataFrame(districts).sort("postcode_district")
