"""Tables of published figures, and of how the account adjusted their sources."""

import dataframely as dy

from pipeline.schemas.categories import (
    AGE_GROUPS,
    ALL,
    INTERVAL_PARTS,
    NATIONALITY_GROUPS,
    SEXES,
    STATUSES,
)


class Flows(dy.Schema):
    """One published flow in one period."""

    period_start = dy.Date(primary_key=True)
    period_end = dy.Date(primary_key=True)
    measure = dy.Enum(["immigration", "emigration", "net"], primary_key=True)
    definition = dy.String(primary_key=True)
    sex = dy.Enum([*SEXES, ALL], primary_key=True)
    age_group = dy.Enum([*AGE_GROUPS, ALL], primary_key=True)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    area = dy.String(primary_key=True)
    estimate = dy.Float64(nullable=True, description="Null where the status is 'not measured', like its error.")
    standard_error = dy.Float64(min=0, nullable=True)
    lower = dy.Float64(nullable=True)
    upper = dy.Float64(nullable=True)
    status = dy.Enum(["final", "revised", "provisional", "not measured"], description=STATUSES)
    reliability = dy.Enum(["ok", "unreliable"], nullable=True)
    rule_set = dy.String()
    data_date = dy.Date()


class FlowsByAge(Flows):
    """One published flow of people of one age; the ages add up to `flows`."""

    age = dy.Int32(primary_key=True, min=0, max=100, description="At the end of the period; 100 is 100 and over.")


class FlowsByReason(Flows):
    """One published flow of people with one reason; the reasons add up to `flows`."""

    reason = dy.String(primary_key=True, description="As in `migrations`, or 'not recorded'.")


class FlowsByCountryOfBirth(Flows):
    """One published flow of people born in one country; the countries add up to `flows`."""

    country_of_birth = dy.String(primary_key=True, description="As in `people`, or 'not recorded'.")


class FlowsByArea(Flows):
    """One published flow to or from one area (`area`); the areas add up to `flows`."""


class Stocks(dy.Schema):
    """One published stock on one day."""

    reference_date = dy.Date(primary_key=True)
    measure = dy.Enum(["population"], primary_key=True)
    definition = dy.String(primary_key=True)
    sex = dy.Enum([*SEXES, ALL], primary_key=True)
    age_group = dy.Enum([*AGE_GROUPS, ALL], primary_key=True)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    area = dy.String(primary_key=True)
    estimate = dy.Float64(nullable=True, description="Null where the status is 'not measured', like its error.")
    standard_error = dy.Float64(min=0, nullable=True)
    lower = dy.Float64(nullable=True)
    upper = dy.Float64(nullable=True)
    status = dy.Enum(["final", "revised", "provisional", "not measured"], description=STATUSES)
    reliability = dy.Enum(["ok", "unreliable"], nullable=True)
    rule_set = dy.String()
    data_date = dy.Date()


class DetailParts(dy.Schema):
    """What the interval of one row of a `flows_by_` table consists of: shares of its variance, which add up to 1."""

    by = dy.Enum(["age", "reason", "country_of_birth", "area"], primary_key=True, description="The table of the row.")
    category = dy.String(primary_key=True, description="Age, reason, country or area, as in the table.")
    measure = dy.Enum(["immigration", "emigration", "net"], primary_key=True)
    period_start = dy.Date(primary_key=True)
    period_end = dy.Date(primary_key=True)
    definition = dy.String(primary_key=True)
    sex = dy.Enum([*SEXES, ALL], primary_key=True)
    age_group = dy.Enum([*AGE_GROUPS, ALL], primary_key=True)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    share_linkage = dy.Float64(nullable=True, min=0, max=1, description="Null, like the others, without any error.")
    share_classification = dy.Float64(nullable=True, min=0, max=1)
    share_coverage_sampling = dy.Float64(nullable=True, min=0, max=1)
    share_unfinished_stays = dy.Float64(nullable=True, min=0, max=1)
    share_reporting_delay = dy.Float64(nullable=True, min=0, max=1)
    share_source_bias = dy.Float64(nullable=True, min=0, max=1)
    share_model = dy.Float64(
        nullable=True, min=0, max=1, description="With that of dividing the flow of a cell by category."
    )


class IntervalParts(dy.Schema):
    """How much of the interval of one published flow or stock is from one source of error."""

    measure = dy.Enum(["population", "immigration", "emigration", "net"], primary_key=True)
    period_start = dy.Date(primary_key=True, description="Of a stock, its day.")
    period_end = dy.Date(primary_key=True, description="Of a stock, its day.")
    definition = dy.String(primary_key=True)
    sex = dy.Enum([*SEXES, ALL], primary_key=True)
    age_group = dy.Enum([*AGE_GROUPS, ALL], primary_key=True)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    area = dy.String(primary_key=True)
    error_source = dy.String(
        primary_key=True, description="As in `error_sources`; sources without a part have no row."
    )
    part = dy.Enum(INTERVAL_PARTS, description="What the source of error is counted in.")
    treatment = dy.Enum(
        ["estimated", "declared"],
        description="As in `error_sources`: from the study's own data, or an assumption.",
    )
    share_of_variance = dy.Float64(
        min=0, max=1, description="Of the figure's variance, before its interval is cut at 0; shares add up to 1."
    )
    standard_error = dy.Float64(
        min=0, description="Of the figure, from this source alone; the squares add up to that of the published one."
    )


class AccountAdjustments(dy.Schema):
    """By how much the account changed one total that was reported, by sex and age."""

    measure = dy.Enum(["population", "immigration", "emigration"], primary_key=True)
    time = dy.Int32(primary_key=True, description="Year of the 30 June that ends the period, or of the day.")
    sex = dy.Enum([*SEXES, ALL], primary_key=True)
    age_group = dy.Enum([*AGE_GROUPS, ALL], primary_key=True)
    reported = dy.Float64(description="Of the population, with the coverage factor applied.")
    estimate = dy.Float64(description="Before sums are kept from being negative.")
    adjustment = dy.Float64(description="Estimate less report.")
    standard_error = dy.Float64(min=0, description="Of the adjustment, if all errors are as declared.")
    z = dy.Float64(nullable=True, description="Adjustment over its standard error; null where none was possible.")


class AccountLeftOut(dy.Schema):
    """One report, and what the account estimates of it from all others."""

    source = dy.String(primary_key=True, description="The measure and its year; without a year, all years.")
    measure = dy.Enum(["population", "immigration", "emigration"])
    time = dy.Int32(nullable=True)
    reported = dy.Float64(description="Of the population, with the coverage factor applied.")
    estimate = dy.Float64(description="With the report, before sums are kept from being negative.")
    without = dy.Float64(description="The same total, estimated without the report.")
    without_standard_error = dy.Float64(min=0)
    difference = dy.Float64(description="Estimate less that without the report.")
    standard_error = dy.Float64(min=0, description="Of the difference, if all errors are as declared.")
    z = dy.Float64(nullable=True, description="Difference over its standard error.")


class AccountBiases(dy.Schema):
    """One relative error that cells share, as the account found it."""

    term = dy.String(primary_key=True)
    measure = dy.Enum(["population", "immigration", "emigration"])
    declared_sd = dy.Float64(min=0, description="As estimated by the survey or declared by the study.")
    sd = dy.Float64(min=0, description="As used.")
    scale = dy.Enum(
        ["declared", "estimated"], description="Whether the account estimated how large errors of the kind are."
    )
    estimate = dy.Float64(description="Relative: 0.01 says that reports are 1% too high.")
    lower = dy.Float64()
    upper = dy.Float64()
    z = dy.Float64(description="The error over its standard deviation before the data; by the declared sd.")
