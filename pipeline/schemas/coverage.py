"""Tables of coverage: the factors by class, year and age, and what checks them."""

import dataframely as dy

from pipeline.schemas.categories import ALL, NATIONALITY_GROUPS, SEXES, TRIMMING_DEPTHS


class Coverage(dy.Schema):
    """One coverage class of one survey."""

    survey_date = dy.Date(primary_key=True)
    coverage_class = dy.String(primary_key=True)
    members = dy.String(description="JSON list of [sex, age group, nationality group] that make up the class.")
    factor = dy.Float64(description="Estimated residents per person counted by the sources.")
    standard_error = dy.Float64(description="Of the factor: sampling, linkage and declared error together.")
    standard_error_sampling = dy.Float64(description="From drawing the clusters of the survey again (bootstrap).")
    standard_error_jackknife = dy.Float64(
        description="The same from leaving out one cluster at a time: a check, in no interval."
    )
    standard_error_linkage = dy.Float64(description="From recall and false-link rate, shared by all classes.")
    standard_error_dependence = dy.Float64(description="Declared: people missed by the list tend to miss the survey.")
    share_missed = dy.Float64(min=0, max=1, description="Estimated share of residents whom the sources do not count.")
    share_erroneous = dy.Float64(
        min=0, max=1, description="Estimated share of the people counted who are not residents."
    )
    list_variance = dy.Float64(
        min=0, description="Of a cell, for each estimated resident: people missed and wrong, each at random."
    )
    listed = dy.Int64(description="People counted by the sources on the survey date.")
    estimated = dy.Float64(description="Estimated residents: factor x listed, before rounding.")
    surveyed = dy.Int64(description="Usual residents found by the survey.")
    trimming_depth = dy.Int32(min=0, description="Depth to which the list of the class was trimmed.")
    matches = dy.Int64(description="Survey people linked to a person on the trimmed list.")
    recall = dy.Float64(description="Share of true links between survey and spine that were made, of the class.")
    false_link_rate = dy.Float64(
        description="Share of people unknown to the spine who were linked; shrunk towards 0."
    )


class CoverageByYear(dy.Schema):
    """The factor of a coverage class in one year, by the surveys of several days; only where a study names others."""

    coverage_class = dy.String(primary_key=True)
    year = dy.Int32(primary_key=True, description="Year of the 30 June.")
    factor = dy.Float64(description="Estimated residents per person counted by the sources.")
    standard_error = dy.Float64(min=0, description="Of the factor: of all surveys, declared, and drift together.")
    standard_error_drift = dy.Float64(min=0, description="Declared: factors change between the surveys and the year.")
    weight = dy.Float64(description="Weight of the study's own survey; the others have the rest.")


class CoverageAges(dy.Schema):
    """How coverage of one age differs from that of its class."""

    sex = dy.Enum(SEXES, primary_key=True)
    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    age = dy.Int32(primary_key=True, min=0)
    relative_factor = dy.Float64(min=0, description="Multiplies the factor of the class.")
    relative_sd = dy.Float64(min=0, description="Relative standard deviation of what is left of the difference.")


class DependenceSensitivity(dy.Schema):
    """Estimated residents of a nationality group, if who is on the list is likelier to answer the survey."""

    survey_date = dy.Date(primary_key=True)
    odds_ratio = dy.Float64(primary_key=True, description="Between the two, within each class; 1: independent.")
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    estimated = dy.Float64(description="Estimated residents on the survey date, before the account.")
    relative_change = dy.Float64(description="Of that estimate, from the one of an odds ratio of 1.")


class TrimmingCurve(dy.Schema):
    """Estimated residents of a nationality group by the list trimmed to one depth."""

    survey_date = dy.Date(primary_key=True)
    depth = dy.Int32(primary_key=True, min=0, max=len(TRIMMING_DEPTHS) - 1)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    listed = dy.Int64(description="People on the trimmed list; classes short of matches stay at the depth before.")
    matches = dy.Int64(description="Survey people linked to them.")
    estimated = dy.Float64(description="Estimated residents on the survey date, before the account.")
    standard_error = dy.Float64(min=0, description="Of sampling and linkage.")
    difference = dy.Float64(nullable=True, description="Of the estimate from that of the depth before.")
    difference_standard_error = dy.Float64(
        nullable=True, min=0, description="Of sampling and linkage, which both depths share."
    )
    chosen = dy.Bool(description="The depth that this curve shows to be enough.")
    used = dy.Bool(description="The depth of the factors in `coverage`.")


class CoverageOfArrivals(dy.Schema):
    """Newcomers of a nationality group whom the survey found, and how many of them the sources saw arrive."""

    survey_date = dy.Date(primary_key=True)
    nationality_group = dy.Enum(
        [*NATIONALITY_GROUPS, ALL], primary_key=True, description="By their answer to the survey."
    )
    newcomers = dy.Int64(min=0, description="Usual residents who lived abroad a year before.")
    found = dy.Int64(min=0, description="Who have a stay that began by an arrival, up to half a year earlier.")
    coverage = dy.Float64(nullable=True, min=0, description="Weighted share found, divided by the recall of links.")
    standard_error = dy.Float64(nullable=True, min=0)
    lower = dy.Float64(nullable=True, min=0, description="Lower limit of 95%.")
    upper = dy.Float64(nullable=True, min=0)
    reason = dy.String(description="Why it is not measured; else empty.")


class OverCoverage(dy.Schema):
    """People of a nationality group on the list who are no residents, by whom the survey did not find."""

    survey_date = dy.Date(primary_key=True)
    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    status = dy.Enum(["measured", "not measured"])
    listed = dy.Int64(nullable=True, description="People on the list whose postcode was sampled.")
    found = dy.Int64(nullable=True, description="Of whom a usual resident found by the survey, anywhere, is linked.")
    expected_share_found = dy.Float64(
        nullable=True,
        description="Share found of people on the trimmed list at these postcodes, of the same classes.",
    )
    share_erroneous = dy.Float64(
        nullable=True,
        description="Share of those listed who are no residents; can be below 0 by chance.",
    )
    standard_error = dy.Float64(nullable=True, min=0, description="Of that share, by jackknife of clusters.")
    share_by_factor = dy.Float64(nullable=True, description="The same share as `coverage` has it, for all postcodes.")
    reason = dy.String(description="Why it is not measured; else empty.")
