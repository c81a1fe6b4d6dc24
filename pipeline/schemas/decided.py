"""Tables of what rules decide about people: evidence, attributes, stays, migrations and residents."""

import dataframely as dy

from pipeline.schemas.categories import EVIDENCE_KINDS, NATIONALITY_GROUPS, SEXES, STAY_BRANCHES


class Evidence(dy.Schema):
    """One piece of evidence: what one record shows by one evidence rule."""

    source = dy.String()
    record_id = dy.Int64(description="The record, in the extract that the rule reads.")
    subject_id = dy.Int64()
    rule_id = dy.String()
    kind = dy.Enum(EVIDENCE_KINDS, description="Of the evidence rule; the default set has no `status_change`.")
    date = dy.Date()
    end_date = dy.Date(nullable=True, description="End of an interval, exclusive; null: open, or a single day.")
    date_quality = dy.String(description="exact, registered, self_reported, tax_year or month.")
    known_on = dy.Date(nullable=True, description="Day on which the fact reached the source.")
    value = dy.Float64(nullable=True, description="Weeks of activity in [date, end_date).")
    code = dy.String(nullable=True, description="Type of a permission or registration.")
    area = dy.String(nullable=True)


class People(dy.Schema):
    """One person with at least one subject in a source that counts as resident (draw 0)."""

    person_id = dy.Int64(primary_key=True)
    sex = dy.Enum(SEXES)
    sex_source = dy.String(description="Source, or 'default'.")
    sex_disagreements = dy.Int32(description="Number of sources with another value.")
    sex_probability = dy.Float64(
        min=0, max=1, description="That the value is right: 1 unless sources disagree, or none has a value."
    )
    birth_month = dy.Date(nullable=True, description="First day of the month of birth.")
    birth_month_source = dy.String(nullable=True)
    birth_month_disagreements = dy.Int32()
    birth_month_probability = dy.Float64(min=0, max=1, nullable=True, description="Likewise; null without a value.")
    nationality_group = dy.Enum(NATIONALITY_GROUPS, description="The likeliest at registration.")
    nationality_source = dy.String(
        description="Source, 'mother' or 'family'; 'estimated' where no place tells the likeliest group."
    )
    nationality_disagreements = dy.Int32()
    nationality_probability = dy.Float64(min=0, max=1, description="Of this group, as in `people_nationality`.")
    country_of_birth = dy.String(nullable=True)
    country_of_birth_source = dy.String(nullable=True)
    country_of_birth_disagreements = dy.Int32()
    country_of_birth_probability = dy.Float64(min=0, max=1, nullable=True, description="As for the month of birth.")
    area = dy.String(nullable=True, description="Latest area, from the first rule by precedence that gives one.")
    area_source = dy.String(nullable=True)
    area_history = dy.List(
        dy.Struct({"area": dy.String(), "since": dy.Date(nullable=True)}),
        description="All areas of that rule, in order of date.",
    )
    death_date = dy.Date(nullable=True)


class PeopleNationality(dy.Schema):
    """One nationality group that a person may have, in one view, with its probability."""

    person_id = dy.Int64(primary_key=True)
    view = dy.Enum(
        ["registration", "current"],
        primary_key=True,
        description="As registers have it, by which people are counted; or as people would answer, since some "
        "naturalise: only in a study with a source that asks.",
    )
    group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    probability = dy.Float64(min=0, max=1, description="1 where a certain place tells, and none contradicts it.")


class Stays(dy.Schema):
    """One spell of presence of one person under one definition: a stay rule, or the composite."""

    person_id = dy.Int64(primary_key=True)
    definition = dy.String(primary_key=True, description="Id of the stay rule, or of the composite.")
    stay_rule = dy.String(description="The stay rule that made the spell.")
    start = dy.Date(primary_key=True)
    end = dy.Date(
        nullable=True,
        description="Day of departure or, if none was seen, the last day of presence; null: still open.",
    )
    starts_by_arrival = dy.Bool(description="False: born here, or present before the person was first observed.")
    end_reason = dy.String(
        description="departure, permission_end, assumed (unseen), last_activity, deregistration, death or open."
    )
    status = dy.Enum(
        [*dict.fromkeys(STAY_BRANCHES.values()), "conflict"],
        description="By definitions of residence: long_term, short_term (of no resident), unfinished (too recent) or "
        "conflict (long_term, by the published definition; but the person was seen to leave in it, and then inside, "
        "and no crossing tells yet whether they had come back). By those of short-term and circular migration: "
        "temporary (a short-term stay that counts), circular (begun by a change of residence that is one of many), "
        "visit (too short, or for another reason), resident (part of residence, or no circular one) or unfinished. "
        "Long_term, temporary and circular ones count, and those in conflict.",
    )
    branch = dy.Enum(
        list(STAY_BRANCHES),
        description="What decided the status, the first that holds: present_before (present long before the first "
        "record), born_here (and never left), long_enough (more days than the threshold), died_before (within them), "
        "may_go_on (still present), may_return (absent too briefly to have left), too_short; of short-term and "
        "circular migration residence, short_enough, too_brief, another_reason and again_and_again.",
    )
    decided_by = dy.String(description="Ids of the evidence rules that date start and end.")
    start_rule = dy.String(description="The evidence rule that dates the start.")
    start_record = dy.Int64(description="Its record: `record_id` of `evidence` with that rule.")
    end_rule = dy.String(description="The evidence rule that dates the end; of an open stay, the last one.")
    end_record = dy.Int64(description="Its record.")
    days = dy.Int64(
        description="Days from the start to the end, or to the first day that the stay rule cannot observe."
    )
    days_over_threshold = dy.Int64(
        nullable=True,
        description="`days` above (or, negative, not above) `more_than_days` of the stay rule; null where no length "
        "decides (present_before, born_here).",
    )
    absent_days = dy.Int64(nullable=True, description="Days from the end to that day; null while the stay is open.")
    absent_days_over_threshold = dy.Int64(
        nullable=True,
        description="`absent_days` above (or not above) the longest absence that would not have ended the stay.",
    )
    probability = dy.Float64(
        min=0, max=1, description="Probability that the stay counts by its definition: by most, that it is long-term."
    )


class ImplausiblePeople(dy.Schema):
    """How many people have records of two sources that cannot both be true: a wrong link, or a wrong date."""

    kind = dy.Enum(
        ["after_death", "two_areas", "abroad"], primary_key=True,
        description="A sign of life more than a year after a death; two areas on one day; a death in the country "
        "between a departure and the next arrival.",
    )  # fmt: skip
    source_l = dy.String(primary_key=True, description="That has the death, or the crossings.")
    source_r = dy.String(primary_key=True, description="That has the other record; a source may contradict itself.")
    people = dy.Int64()


class Migrations(dy.Schema):
    """One change of residence of one person under one definition: a stay rule, or the composite.

    By a definition of short-term migration it is the start or the end of a stay that counts.
    """

    person_id = dy.Int64(primary_key=True)
    definition = dy.String(
        primary_key=True,
        description="Id of the stay rule, or of the composite. Flows count those of the published one.",
    )
    date = dy.Date(primary_key=True)
    direction = dy.Enum(["immigration", "emigration"], primary_key=True)
    status = dy.Enum(
        ["certain", "probable", "conflict"],
        description="certain: probability 1, unless it is calibrated or the person may be another one of the run; "
        "probable: of an unfinished stay or absence; conflict: seen to leave, and then inside.",
    )
    probability = dy.Float64(min=0, max=1)
    reason = dy.String(
        nullable=True, description="work, study or family by the rule set; null without a record of it."
    )
    rule_id = dy.String(description="The stay rule that made the stay.")
    dated_by = dy.String(description="The evidence rule that dates it.")
    record_ids = dy.List(dy.Int64(), description="The record that dates it, of that rule.")
    days_over_threshold = dy.Int64(
        nullable=True,
        description="Margin in days: of the stay after an immigration, of the absence after an emigration, as in "
        "`stays`.",
    )
    provisional = dy.Bool(description="True if the definition needs data later than the rule can observe.")


class FlowCompleteness(dy.Schema):
    """How many migrations each counted case stands for: 1 without a calibration."""

    direction = dy.Enum(["immigration", "emigration"], primary_key=True)
    nationality_group = dy.Enum(NATIONALITY_GROUPS, primary_key=True)
    child = dy.Bool(primary_key=True, description="Of people younger than 16 on the 30 June after.")
    quarter = dy.Int8(primary_key=True, min=1, max=4, description="Quarter of the calendar year of the migration.")
    from_date = dy.Date(primary_key=True, description="First day of these migrations, up to the next such day.")
    migrations_per_case = dy.Float64(
        min=0, description="True migrations of the training studies for each expected case, by the calibration."
    )


class LateMigrations(dy.Schema):
    """One migration that is expected to become known after the data date, modelled on one of an earlier year.

    `person_id` is of the earlier one, which itself became known within the last year: the cases have its sex, age,
    nationality and area, and nothing else of the person.
    """

    person_id = dy.Int64(primary_key=True)
    definition = dy.String(primary_key=True)
    date = dy.Date(primary_key=True, description="The same day as of the earlier one, `years_later`.")
    direction = dy.Enum(["immigration", "emigration"], primary_key=True)
    years_later = dy.Int32(primary_key=True, min=1)
    probability = dy.Float64(min=0, max=1, description="Of the earlier migration.")
    factor = dy.Float64(min=0, description="Cases that are expected for each earlier one.")
    rule_id = dy.String(description="The stay rule of the earlier one.")
    dated_by = dy.String(description="The evidence rule that dates the earlier one.")


class Conflicts(dy.Schema):
    """One kind of evidence by which people were seen inside the country after they had been seen to leave."""

    kind = dy.String(primary_key=True, description="Kind of the first such evidence.")
    had_returned = dy.Int64(description="Of whom the next crossing is outwards: they had come back unseen.")
    were_abroad = dy.Int64(description="Of whom the next crossing, much later, is inwards: they were abroad.")
    open = dy.Int64(description="Of whom no crossing tells yet, in a long-term stay of the published definition.")
    probability = dy.Float64(min=0, max=1, description="That these came back: by the shares of the others.")


class Residents(dy.Schema):
    """One person with enough signs of residence on one reference date, by one family of residence rules."""

    person_id = dy.Int64(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    family = dy.String(primary_key=True, description="Id of the family of residence rules.")
    published = dy.Bool(description="True for the family by which stocks are counted.")
    resident = dy.Bool(description="True if no exclusion applies.")
    probability = dy.Float64(
        min=0,
        max=1,
        description="1 or 0, except where a stay or an absence is unfinished, the family weighs signs over the "
        "years, or probabilities are calibrated.",
    )
    trimmed = dy.Bool(description="Signs on both sides of the date: the trimmed list for coverage, at depth 1.")
    trimming_depth = dy.Int32(
        min=0,
        description="Depth of the trimmed lists that contain the resident: 0 the list, 1 signs on both sides of the "
        "date, 2 of two kinds of sources together, 3 of two kinds on both sides.",
    )
    decided_by = dy.String(description="Id of the sign or of the exclusion that decided.")
