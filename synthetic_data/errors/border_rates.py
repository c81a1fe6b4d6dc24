"""Errors at the border: crossings never joined to the traveller, and crossings that no carrier reports."""

from pipeline.toml_files import Frozen
from synthetic_data.errors.entries import Share, error

HOME_OFFICE = "Home Office, Fifth report on statistics relating to exit checks, 2020"
HOME_OFFICE_TOTAL = "the total of all routes: Home Office, 2020; its split by route is an assumption"


class Departures(Frozen):
    """Unmatched departures: crossings that are recorded but never joined to the traveller."""

    unmatched: Share = error(0.021, "departures that exit checks never join to the traveller", HOME_OFFICE)


class Border(Frozen):
    """Crossings that are not recorded: routes with weak coverage, and journeys through Ireland."""

    air_in: Share = error(0.08, "arrivals by air that no carrier reports; 11% over all routes", HOME_OFFICE)
    rail_in: Share = error(0.50, "arrivals by rail that no carrier reports", HOME_OFFICE_TOTAL)
    sea_in: Share = error(0.55, "arrivals by sea that no carrier reports", HOME_OFFICE_TOTAL)
    air_out: Share = error(0.0, "departures by air that no carrier reports; hardly any over all routes", HOME_OFFICE)
    rail_out: Share = error(0.05, "departures by rail that no carrier reports", HOME_OFFICE_TOTAL)
    sea_out: Share = error(0.10, "departures by sea that no carrier reports", HOME_OFFICE_TOTAL)
    by_ireland: Share = error(0.005, "journeys through Ireland: the Common Travel Area has no checks")
