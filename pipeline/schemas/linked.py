"""Tables of the linkage: links, people, and how good the links are."""

import dataframely as dy

from pipeline.schemas.categories import ALL, NATIONALITY_GROUPS


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
