"""Tables of counts and of what they stand for: what is not measured, what is assumed."""

import dataframely as dy

from pipeline.schemas.categories import AGE_GROUPS, NATIONALITY_GROUPS, SEXES


class Counts(dy.Schema):
    """One cell of one measure, as counted from people, before any estimation."""

    measure = dy.Enum(["population", "immigration", "emigration", "births", "deaths"], primary_key=True)
    period = dy.Enum(["year", "quarter", "day"], primary_key=True)
    time = dy.Date(primary_key=True, description="Last day of the period, or the reference date.")
    definition = dy.String(primary_key=True)
    sex = dy.Enum(SEXES, primary_key=True)
    cohort = dy.Int32(primary_key=True, description="Born in the year ending 30 June of this year.")
    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    count = dy.Float64(
        description="Expected number: sum of probabilities, times weights of migrations, times that of the group."
    )
    certain = dy.Int64(
        description="Cases that are certain by the rules, of people whose nationality group is certain."
    )
    unfinished = dy.Int64(
        description="Cases that are not certain to be migrations or residents, in every group they may have."
    )
    variance_unfinished = dy.Float64(description="Variance of `count` from unfinished cases and late migrations.")
    variance_late = dy.Float64(min=0, description="That part of `variance_unfinished` that is from late migrations.")
    variance_nationality = dy.Float64(
        description="Variance of `count` from nationality groups that are probabilities: it cancels out in the sum."
    )
    provisional = dy.Bool(description="True when a case needs data later than the data date.")


class Unmeasured(dy.Schema):
    """One year of flows, or one stock, that cannot be estimated, and what an extract lacks that prevents it."""

    measure = dy.Enum(["flows", "population"], primary_key=True)
    year = dy.Int32(primary_key=True, description="Year of the 30 June that ends the period, or of the day.")
    extract = dy.String(primary_key=True, description="Empty where no single extract is missing.")
    gap_from = dy.Date(primary_key=True)
    gap_to = dy.Date(description="Last day of the gap; without the extract, of the time that the period needs.")
    reason = dy.String(description="Whether the delivery has a gap, or why the study allows no estimate.")


class Skipped(dy.Schema):
    """One step of a run that was skipped, because the study names no files of what it needs."""

    stage = dy.String(primary_key=True)
    step = dy.String(primary_key=True, description="The stage itself, or a step of it: births, deaths, coverage.")
    lacks = dy.String(description="Extracts that the study does not name, separated by commas; can be empty.")
    tables = dy.String(description="Tables that are not measured for it, wholly or in part, separated by commas.")
    reason = dy.String(description="Why it was skipped.")


class Assumptions(dy.Schema):
    """One number that the study's rules or settings declare."""

    part = dy.String(primary_key=True, description="The rule set, or the settings of linkage or estimation.")
    name = dy.String(primary_key=True, description="Id of the parameter, or section and key of the setting.")
    value = dy.String(description="With its unit and, of a parameter of rules, the range that is thought possible.")
    says = dy.String(description="What it decides.")
    quality = dy.Enum(
        ["published", "measured", "assumed"],
        description="A publication or convention; found on simulated countries; a judgement of Sojourn.",
    )
    source = dy.String(description="Where the value comes from.")
    moves = dy.String(description="Which figures depend on it.")


class Estimates(dy.Schema):
    """One cell of the account after reconciliation."""

    measure = dy.Enum(["population", "immigration", "emigration", "births", "deaths"], primary_key=True)
    time = dy.Int32(primary_key=True, description="Year of the 30 June that ends the period, or of the day.")
    sex = dy.Enum(SEXES, primary_key=True)
    cohort = dy.Int32(primary_key=True)
    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    observed = dy.Float64(description="Before reconciliation; of the population, with the coverage factor applied.")
    estimate = dy.Float64()
    standard_error = dy.Float64(min=0)


class FlowCategories(dy.Schema):
    """Migrations of one year and cell in one category, as counted by the rules: what divides the tables of flows."""

    kind = dy.Enum(["reason", "country_of_birth", "area"], primary_key=True)
    category = dy.String(primary_key=True)
    measure = dy.Enum(["immigration", "emigration"], primary_key=True)
    time = dy.Int32(primary_key=True, description="Year ending 30 June.")
    sex = dy.Enum(SEXES, primary_key=True)
    age_group = dy.Enum(AGE_GROUPS, primary_key=True)
    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    count = dy.Float64(min=0)
    variance_unfinished = dy.Float64(min=0, description="Variance of the count from unfinished stays.")


class ErrorSources(dy.Schema):
    """One source of error, and whether and how the published intervals include it."""

    error_source = dy.String(primary_key=True)
    treatment = dy.Enum(["estimated", "declared", "not measured"])
    measure = dy.String(description="Measures that it affects, separated by commas, or all.")
    relative_standard_error = dy.Float64(
        nullable=True, description="Of the national total; null where it is not one number."
    )
    description = dy.String()
