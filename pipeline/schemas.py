"""One schema class per table: its grain, its columns and what they mean.

Stages exchange data only through these tables. Days are calendar days; intervals are half-open
`[start, end)` except in published tables, whose periods include both days. Totals are rows with `all`.
"""

from pathlib import Path

import dataframely as dy
import polars as pl

from pipeline.errors import UserError
from pipeline.tables import write_table

SEXES = ["F", "M"]
NATIONALITY_GROUPS = ["British", "Irish", "EU", "non_EU"]
AGE_GROUPS = ["0-15", "16-24", "25-44", "45-64", "65+"]
AGE_GROUP_STARTS = [0, 16, 25, 45, 65]
ALL = "all"
EVIDENCE_KINDS = [
    "arrival", "departure", "activity", "registration", "deregistration", "enrolment",
    "permission", "address", "status_change", "birth", "death",
]  # fmt: skip
STAY_BRANCHES = {
    "present_before": "long_term",
    "born_here": "long_term",
    "long_enough": "long_term",
    "died_before": "short_term",
    "may_go_on": "unfinished",
    "may_return": "unfinished",
    "too_short": "short_term",
    "residence": "resident",
    "short_enough": "temporary",
    "too_brief": "visit",
    "another_reason": "visit",
    "again_and_again": "circular",
}
"""What decides a stay, in the order in which it is tried, and the status that follows from it.

The last five are those of definitions that count other things than residence: short-term and circular migration.
"""
COUNTED_STAYS = ["long_term", "temporary", "circular"]
"""The statuses of stays that count by their definition; `unfinished` ones may still."""

STATUSES = (
    "provisional: the definition needs data later than the data date. not measured: a delivery lacks the evidence "
    "(see `unmeasured`), so there is no estimate. revised does not occur yet."
)


class Ledger(dy.Schema):
    """One extract file, and how many of its rows were accepted and quarantined."""

    source = dy.String()
    extract = dy.String(primary_key=True)
    file = dy.String(primary_key=True, description="Name of the file, without its folder.")
    version = dy.String(description="Layout of the file: the id of a version in the contract, or `current`.")
    sha256 = dy.String()
    columns_ignored = dy.Int64(min=0, description="Columns that the contract ignores: neither read nor stored.")
    rows_in = dy.Int64(min=0)
    accepted = dy.Int64(min=0)
    quarantined = dy.Int64(min=0)
    reasons = dy.String(description="JSON object: reason of quarantine -> number of rows; a row can have several.")
    unusable = dy.String(
        description="JSON object: column -> number of values of accepted rows that cannot be used and became null."
    )

    @dy.rule()
    def adds_up(cls) -> pl.Expr:  # noqa: N805
        """Every row is either accepted or quarantined."""
        return pl.col("rows_in") == pl.col("accepted") + pl.col("quarantined")


class Gaps(dy.Schema):
    """One span of time that an extract should cover, by its contract, and of which a delivery has no rows."""

    extract = dy.String(primary_key=True)
    gap_from = dy.Date(primary_key=True)
    gap_to = dy.Date(description="Last day of the span.")


class SourceCards(dy.Schema):
    """One extract as it was delivered: its accepted rows, people and days, and what is missing."""

    source = dy.String()
    extract = dy.String(primary_key=True)
    data_date = dy.Date(description="Data date of the delivery.")
    rows = dy.Int64(min=0, description="Accepted rows.")
    subjects = dy.Int64(min=0, description="Different subjects: people, as the source tells them apart.")
    dated_by = dy.String(nullable=True, description="Column of the day that a row is about.")
    first_day = dy.Date(nullable=True, description="Earliest such day.")
    last_day = dy.Date(nullable=True, description="Latest such day.")
    missing = dy.String(description="JSON object: column -> share of the rows without a value that can be used.")
    days_between = dy.String(
        description="JSON object: `later after earlier`, two dates of a row -> the median of the days between them."
    )


class DeliveryVolumes(dy.Schema):
    """The rows of one extract in one delivery: this one, and those before it that the study names."""

    extract = dy.String(primary_key=True)
    data_date = dy.Date(primary_key=True, description="Data date of the delivery.")
    rows = dy.Int64(min=0, description="Rows of its files; of earlier deliveries, as their study files state them.")


class Links(dy.Schema):
    """One pair of subjects with a match probability above the study's floor, accepted as a link or not."""

    source_l = dy.String(
        primary_key=True, description="Source of the left subject; the spine is always on the right."
    )
    subject_id_l = dy.Int64(primary_key=True)
    source_r = dy.String(primary_key=True)
    subject_id_r = dy.Int64(primary_key=True)
    match_weight = dy.Float64(
        description="Log2 odds that the two are one person, rounded to 6 decimals; 100 for direct identifiers."
    )
    match_probability = dy.Float64(min=0, max=1, description="Probability that the two are one person, 9 decimals.")
    method = dy.String(description="identifier:<kind>, key:<id of the match-key> or model:<name of the model>.")


class Clusters(dy.Schema):
    """One subject and the person that it belongs to, in one draw of links."""

    source = dy.String(primary_key=True)
    subject_id = dy.Int64(primary_key=True)
    draw = dy.Int32(
        primary_key=True,
        description="0: the best set of links. A draw from 1 on has only subjects whose person is another there.",
    )
    person_id = dy.Int64(
        description="People are numbered from 1, those on the spine first; people of the run that the study names "
        "as `previous` keep their numbers."
    )


class PersonChanges(dy.Schema):
    """A person of the run before whose number is not that of one person with all its subjects."""

    old_person_id = dy.Int64(primary_key=True)
    person_id = dy.Int64(primary_key=True, description="The person that has subjects of it now.")
    change = dy.String(
        description="`merged`: all of it is part of another person; `split`: a part of it is; `gone`: nothing is "
        "left of it."
    )


class Mothers(dy.Schema):
    """One subject whose mother was found, by her identifier or her names and date of birth: both subjects."""

    source = dy.String(primary_key=True, description="Source of the child's subject.")
    subject_id = dy.Int64(primary_key=True)
    mother_source = dy.String(description="Source of the mother's subject: the spine if she is on it.")
    mother_subject_id = dy.Int64()


class LinkageQuality(dy.Schema):
    """The quality of links between two sources for one group of the left source's subjects, without the truth."""

    source_l = dy.String(primary_key=True)
    source_r = dy.String(primary_key=True, description="The spine, or another source of a pair that was linked.")
    group = dy.String(
        primary_key=True, description="'all', dimension=value such as 'sex=F', or 'movers' and 'stayers' among pairs."
    )
    subjects_l = dy.Int64(
        nullable=True, description="Subjects of the left source in the group; null for groups of pairs (movers)."
    )
    subjects_r = dy.Int64(description="All subjects of the right source.")
    linked = dy.Int64(
        nullable=True, description="Left subjects whose person has a subject in the right source; null likewise."
    )
    match_rate = dy.Float64(nullable=True, description="linked / subjects_l.")
    expected_precision = dy.Float64(nullable=True, description="Mean match probability of accepted links.")
    expected_recall = dy.Float64(
        nullable=True,
        description="Expected true pairs among accepted links, of those among all pairs above the floor.",
    )
    joined_pairs = dy.Int64(description="Pairs of subjects that are one person by all links.")
    missed_pairs = dy.Float64(
        description="Expected pairs of one person among those that were compared and left apart."
    )
    unseen_pairs = dy.Float64(
        nullable=True, description="Expected pairs of one person that no rule proposed and no third source joined."
    )
    proposed_share = dy.Float64(
        nullable=True,
        description="Share of the pairs of one person that a rule proposes, by the overlap of rules; or null.",
    )
    precision_estimate = dy.Float64(
        nullable=True, description="The combined estimate: the share of joined pairs that are one person."
    )
    precision_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    precision_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    recall_estimate = dy.Float64(
        nullable=True,
        description="The combined estimate: the joined among all pairs of one person, unproposed ones included.",
    )
    recall_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    recall_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    pairs_without_place = dy.Int64(
        description="Pairs alike in names and date of birth, alone in either source with them."
    )
    recall_without_place = dy.Float64(nullable=True, description="The share of these that the links join.")
    pairs_without_date = dy.Int64(description="Pairs alike in names and place, likewise.")
    recall_without_date = dy.Float64(nullable=True, description="The share of these that the links join.")
    pairs_without_name = dy.Int64(description="Pairs alike in date of birth and place, likewise.")
    recall_without_name = dy.Float64(nullable=True, description="The share of these that the links join.")
    names_agree = dy.Float64(
        nullable=True, description="The share of these with any part of a name, or its sound or spelling, in common."
    )
    links_before = dy.Int64(
        nullable=True, description="Links of the model before rivals are compared; null in groups other than 'all'."
    )
    precision_before = dy.Float64(nullable=True, description="Their mean match probability.")
    precision_by_counts = dy.Float64(
        nullable=True, description="Their precision by the number of links that each left subject has."
    )
    precision_by_counts_se = dy.Float64(nullable=True, description="Standard error.")
    found_by_counts = dy.Float64(nullable=True, description="Left subjects with a right link, likewise.")
    held_out = dy.Int64(
        nullable=True,
        description="Pairs known by a direct identifier that were looked for without it; null likewise.",
    )
    recall_held_out = dy.Float64(nullable=True, description="The share of these that the model finds.")
    recall_held_out_expected = dy.Float64(nullable=True, description="The share that the model expects to find.")
    identifiers_compared = dy.Int64(
        nullable=True, description="Joined pairs that both have a direct identifier of one kind; null likewise."
    )
    identifiers_differ = dy.Int64(nullable=True, description="Of these, pairs whose identifiers differ.")
    reviewed = dy.Int64(
        nullable=True,
        description="People reviewed clerically; null if there are none, or below 100 in groups other than 'all'.",
    )
    review_recall = dy.Float64(nullable=True, description="Recall by the review, corrected for reviewers' errors.")
    review_recall_se = dy.Float64(nullable=True, description="Standard error.")
    review_false_link_rate = dy.Float64(
        nullable=True, description="P(linked | not on the spine), likewise; null for fewer than 10 such people."
    )
    review_false_link_rate_se = dy.Float64(nullable=True, description="Standard error.")
    decisions = dy.Int64(
        nullable=True,
        description="People of `sojourn review` with a verdict; null without any, or below 100 in groups of people.",
    )
    precision_by_decisions = dy.Float64(
        nullable=True, description="The share of linked people of the drawn source who are linked rightly, by these."
    )
    precision_by_decisions_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    precision_by_decisions_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    recall_by_decisions = dy.Float64(
        nullable=True, description="The rightly linked among all who are in the searched source, by the decisions."
    )
    recall_by_decisions_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    recall_by_decisions_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    precision_with_decisions = dy.Float64(
        nullable=True,
        description="`precision_estimate` and the decisions combined; the decisions alone if the two contradict.",
    )
    precision_with_decisions_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    precision_with_decisions_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    recall_with_decisions = dy.Float64(nullable=True, description="Likewise of recall.")
    recall_with_decisions_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    recall_with_decisions_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    levels_by_default = dy.Int64(
        description="Levels of the pair's model of which too few pairs were seen: pooled or stated probabilities."
    )
    model = dy.String(
        nullable=True,
        description="own: trained on the two sources; pooled: too few pairs, that of all sources; file; or null.",
    )


class LinkErrors(dy.Schema):
    """How many people the links are expected to count twice, and to join with others, without the truth."""

    nationality_group = dy.Enum([*NATIONALITY_GROUPS, ALL], primary_key=True)
    people = dy.Int64(description="People of the run with a record of a source that makes residents.")
    counted_twice = dy.Float64(description="Expected people who are two people of the run.")
    counted_twice_se = dy.Float64(description="Standard error.")
    counted_twice_unseen = dy.Float64(description="Of these, by pairs that no blocking rule proposed.")
    joined = dy.Float64(description="Expected people of the run whose records are those of several.")
    joined_se = dy.Float64(description="Standard error.")


class PossiblyOne(dy.Schema):
    """Two people of the run who may be one, by evidence that was not enough to join them."""

    person_id = dy.Int64(primary_key=True)
    other_person_id = dy.Int64(primary_key=True, description="The larger of the two numbers.")
    probability = dy.Float64(min=0, max=1, description="That the two are one person.")


class ReviewOfLinks(dy.Schema):
    """What a review of links says of all people who were looked for in one source, and of those of each source."""

    searched = dy.String(primary_key=True, description="The source in which reviewers looked for people.")
    source = dy.String(primary_key=True, description="Whose people they are; `all`: of all sources drawn from.")
    decisions = dy.Int64(min=1)
    precision = dy.Float64(nullable=True, min=0, max=1, description="Share of linked people who are linked rightly.")
    precision_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    precision_high = dy.Float64(nullable=True, description="Upper limit of 95%.")
    recall = dy.Float64(
        nullable=True, min=0, max=1, description="Share of people of the searched source who are linked rightly."
    )
    recall_low = dy.Float64(nullable=True, description="Lower limit of 95%.")
    recall_high = dy.Float64(nullable=True, description="Upper limit of 95%.")


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
    trimmed = dy.Bool(description="Signs on both sides of the date: the trimmed list for coverage.")
    decided_by = dy.String(description="Id of the sign or of the exclusion that decided.")


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


class Coverage(dy.Schema):
    """One coverage class of one survey."""

    survey_date = dy.Date(primary_key=True)
    coverage_class = dy.String(primary_key=True)
    members = dy.String(description="JSON list of [sex, age group, nationality group] that make up the class.")
    factor = dy.Float64(description="Estimated residents per person counted by the sources.")
    standard_error = dy.Float64(description="Of the factor: sampling, linkage and declared error together.")
    standard_error_sampling = dy.Float64()
    standard_error_linkage = dy.Float64(description="From recall and false-link rate, shared by all classes.")
    standard_error_dependence = dy.Float64(description="Declared: people missed by the list tend to miss the survey.")
    share_missed = dy.Float64(min=0, max=1, description="Estimated share of residents whom the sources do not count.")
    share_erroneous = dy.Float64(
        min=0, max=1, description="Estimated share of the people counted who are not residents."
    )
    listed = dy.Int64(description="People counted by the sources on the survey date.")
    estimated = dy.Float64(description="Estimated residents: factor x listed, before rounding.")
    surveyed = dy.Int64(description="Usual residents found by the survey.")
    matches = dy.Int64(description="Survey people linked to a person on the trimmed list.")
    recall = dy.Float64(description="Share of true links between survey and spine that were made.")
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


class ErrorSources(dy.Schema):
    """One source of error, and whether and how the published intervals include it."""

    error_source = dy.String(primary_key=True)
    treatment = dy.Enum(["estimated", "declared", "not measured"])
    measure = dy.String(description="Measures that it affects, separated by commas, or all.")
    relative_standard_error = dy.Float64(
        nullable=True, description="Of the national total; null where it is not one number."
    )
    description = dy.String()


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


TABLES: dict[str, type[dy.Schema]] = {
    "ledger": Ledger,
    "gaps": Gaps,
    "source_cards": SourceCards,
    "delivery_volumes": DeliveryVolumes,
    "links": Links,
    "clusters": Clusters,
    "person_changes": PersonChanges,
    "mothers": Mothers,
    "linkage_quality": LinkageQuality,
    "link_errors": LinkErrors,
    "possibly_one": PossiblyOne,
    "review_of_links": ReviewOfLinks,
    "evidence": Evidence,
    "people": People,
    "people_nationality": PeopleNationality,
    "stays": Stays,
    "implausible_people": ImplausiblePeople,
    "migrations": Migrations,
    "late_migrations": LateMigrations,
    "flow_completeness": FlowCompleteness,
    "conflicts": Conflicts,
    "residents": Residents,
    "bridge": Bridge,
    "unknown_by_quarter": UnknownByQuarter,
    "days_present": DaysPresent,
    "registration_lags": RegistrationLags,
    "counts": Counts,
    "unmeasured": Unmeasured,
    "skipped": Skipped,
    "coverage": Coverage,
    "coverage_by_year": CoverageByYear,
    "coverage_ages": CoverageAges,
    "estimates": Estimates,
    "flow_categories": FlowCategories,
    "flows": Flows,
    "flows_by_age": FlowsByAge,
    "flows_by_reason": FlowsByReason,
    "flows_by_country_of_birth": FlowsByCountryOfBirth,
    "flows_by_area": FlowsByArea,
    "stocks": Stocks,
    "error_sources": ErrorSources,
    "assumptions": Assumptions,
    "account_adjustments": AccountAdjustments,
    "account_left_out": AccountLeftOut,
    "account_biases": AccountBiases,
}


def save(frame: pl.DataFrame, name: str, folder: Path) -> Path:
    """Check a frame against the schema of table `name`, order it by its key and write `folder/name.parquet`.

    Enumerations and types are cast; a frame that breaks its schema is a fault of the program and raises.
    """
    schema = TABLES[name]
    checked = schema.validate(frame.select(schema.column_names()), cast=True)
    key = schema.primary_key() or ["source", "subject_id", "date", "rule_id", "record_id"]
    path = folder / f"{name}.parquet"
    write_table(checked, path, sort_by=key)
    return path


def table_path(folder: Path, name: str) -> Path:
    """Return the path of a table in a stage folder; raises `UserError` if it is missing."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise UserError(f"{path}: this table is missing. Run `sojourn run` again to make it.")
    return path
