"""Tables that describe what was decided: counts by definition, quarter, days and source."""

import dataframely as dy

from pipeline.schemas.categories import ALL, NATIONALITY_GROUPS


class Bridge(dy.Schema):
    """One measure and period by two definitions: how many people both of them have, and how many only one."""

    definition = dy.String(
        primary_key=True, description="Id of a stay rule, or of the composite; the published one in all its pairs."
    )
    other = dy.String(primary_key=True, description="Id of another one; each pair occurs once.")
    measure = dy.Enum(["population", "immigration", "emigration"], primary_key=True)
    period = dy.Date(primary_key=True, description="30 June that ends the year, or the day of the population.")
    both = dy.Float64(description="People by both definitions: sums of probabilities, not weighted.")
    only_definition = dy.Float64(description="People by `definition` who are none by the other.")
    only_other = dy.Float64(description="People by `other` who are none by the first.")


class UnknownByQuarter(dy.Schema):
    """One quarter, direction and definition: how many migrations are certain, and how many are not known yet."""

    definition = dy.String(primary_key=True, description="Id of the stay rule, or of the composite.")
    direction = dy.Enum(["immigration", "emigration"], primary_key=True)
    period_start = dy.Date(primary_key=True)
    period_end = dy.Date()
    certain = dy.Int64(description="Arrivals for a long-term stay, or departures whose absence is long enough.")
    unknown = dy.Int64(description="Arrivals and departures too recent to be classified.")
    expected = dy.Float64(description="Migrations expected among the unknown: the sum of their probabilities.")
    share_unknown = dy.Float64(min=0, max=1, description="Unknown of certain and unknown.")


class DaysPresent(dy.Schema):
    """Students of one year and group by the days on which they were here in their first 14 months of study."""

    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    period_end = dy.Date(primary_key=True, description="30 June that ends the year of the first day of study.")
    band = dy.String(
        primary_key=True,
        description="Days of 426, by border crossings; not_seen: no crossing from 61 days before the first day on.",
    )
    days_from = dy.Int64(nullable=True, description="First number of days of the band.")
    days_to = dy.Int64(nullable=True, description="Last number of days of the band.")
    students = dy.Int64(description="Students whose first 16 months are observed.")
    share = dy.Float64(nullable=True, min=0, max=1, description="Of the students with a crossing.")


class BorderCompleteness(dy.Schema):
    """Crossings that must have happened, since the person crossed again later, and how many of them were recorded."""

    crossing = dy.Enum(["departure", "arrival"], primary_key=True, description="Between two of the other kind.")
    route = dy.String(primary_key=True, description="Permission in force at that time, none, or all.")
    people = dy.Int64(min=1, description="Who must have crossed.")
    crossings = dy.Int64(min=1, description="How often.")
    recorded = dy.Int64(min=0)
    completeness = dy.Float64(min=0, max=1, description="Share recorded.")
    lower = dy.Float64(min=0, max=1, description="Lower limit of 95%, with people as the number of trials.")
    upper = dy.Float64(min=0, max=1)


class RegistrationLags(dy.Schema):
    """Arrivals that one source states, by the time from the arrival to the registration in a source."""

    source_from = dy.String(primary_key=True, description="The source that states the day of arrival.")
    source_to = dy.String(primary_key=True, description="The source of the registration; can be the same.")
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    band = dy.String(
        primary_key=True,
        description="before (registered before the arrival), under_1_month to over_5_years, not_seen (registered "
        "nowhere by the data date), or all.",
    )
    people = dy.Int64()
    share_seen = dy.Float64(nullable=True, min=0, max=1, description="Raw: of the people seen to have registered.")
    share_all = dy.Float64(min=0, max=1, description="Corrected: of all arrivals, by the Kaplan-Meier estimate.")
    median_days_seen = dy.Int64(
        nullable=True, description="Raw median of those who registered, in the row `all`; -1: before the arrival."
    )
    median_days_all = dy.Int64(
        nullable=True, description="Day by which half of all have registered, in the row `all`; null if fewer do."
    )
