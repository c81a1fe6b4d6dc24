"""The catalogue of errors with every kind turned off."""

from synthetic_data.errors.border_rates import Border, Departures
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.identity_rates import Dates, Documents, Duplicates, Forms, Groups, Missing, Names, Sexes
from synthetic_data.errors.registration_rates import Addresses, DaysOfGroups, Leavers, OfGroups, Registration
from synthetic_data.errors.survey_rates import Intentions, Passengers, Survey

NO_ERRORS = Errors(
    registration=Registration(
        nhs_never=OfGroups(British=0, Irish=0, EU=0, non_EU=0), nhs_never_settled=0, nhs_never_child=0,
        nhs_median_days=DaysOfGroups(British=0, Irish=0, EU=0, non_EU=0), nhs_median_days_child=0, nhs_sigma=0,
        no_gp=0, nino_median_days=DaysOfGroups(British=0, Irish=0, EU=0, non_EU=0), nino_sigma=0, never_active=0,
        activity_gap=0, self_employed_gap=0, flag_lost=0, birth_country_missing=0,
    ),
    leavers=Leavers(
        posted_active=1, posted_inactive=1, noticed_active=0, noticed_inactive=0, median_days=0, death_never_posted=0,
        cleaned_a_year=1, cleaned_later=1,
    ),
    groups=Groups(aged_20_29=1, men=1, london=1),
    names=Names(rate=0, foreign_factor=1, by_sound=0, susceptible=0, susceptible_factor=1),
    forms=Forms(
        variant=0, accents_lost=0, reversed=0, main_family_name=0, other_family_name=0, hyphenated=0,
        one_given_name=0, unnamed=0, nickname=0, marriage_missed=0, marriage_mean_days=0,
    ),
    dates=Dates(
        birth=0, swapped=0, new_year=0, day_unknown=0, documents=Documents(AF=0, ER=0, IQ=0, SD=0, SO=0),
        arrival_near=0, arrival_month=0,
    ),
    sex=Sexes(wrong=0),
    missing=Missing(given_name=0, postcode=0, nationality=0),
    duplicates=Duplicates(pds=0, hesa=0, exit_checks=0),
    addresses=Addresses(nhs_never=0, nhs_never_student=0, nhs_median_days=0, stale=0, mean_days=0),
    departures=Departures(unmatched=0),
    border=Border(air_in=0, rail_in=0, sea_in=0, air_out=0, rail_out=0, sea_out=0, by_ireland=0),
    survey=Survey(household_missed=0, person_missed=0, odds_ratio=1, nationality_missing=0, wrong_verdict=0),
    intentions=Intentions(spread=0, switched=0, eu8_short=0, students_back=0, british_unsure=0),
    passengers=Passengers(not_covered=0, refused=0, totals_sigma=0),
    broken_rows=0,
)  # fmt: skip
"""Sources that record everything at once and correctly."""
