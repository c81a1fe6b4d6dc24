"""The scores of a run against the truth of its synthetic study: frames that only `evaluate` makes."""

from dataclasses import dataclass, field, fields

import polars as pl


@dataclass(frozen=True)
class Scores:
    """The scores that a report shows; an empty frame means that the score was not taken.

    - `flows`: one published flow of a year or a quarter: `period_start`, `period_end`, `measure`, `sex`,
      `age_group`, `nationality_group`, `estimate`, `lower`, `upper`, `truth`, `error` (estimate less truth),
      `relative_error`, `inside` (the truth lies in the interval).
    - `stocks`: the same for a day, `reference_date` in place of the period.
    - `links`: one pair of sources and one group (all, movers, stayers, a sex, an age group, a nationality group):
      `source_l`, `source_r`, `group`, `true_pairs`, `linked_pairs`, `correct`, `precision`, `recall` (null where
      undefined), and what the run estimated without the truth: `precision_estimate`, `precision_low`,
      `precision_high`, and the same of recall.
    - `link_errors`: people counted twice and joined, as the run expects them and as they are:
      `nationality_group`, `people`, `counted_twice`, `joined` with `_se`, `true_counted_twice`, `true_joined`.
    - `review_of_links`: what a review of links says of all sources and of each, with `true_precision`, `true_recall`.
    - `classes`: how far true and estimated migrations and residents agree, one row for each measure and year or day;
      shown with the columns that it has.
    - `definitions`: the same of migrations under every definition of the rule set, by `definition` and true
      `nationality_group` (`all`: of everybody): each beside what truly happened by that definition.
    - `tenths`: probabilities and what happened: `measure`, `from_probability` (of a tenth), `cases`, `predicted`
      (their mean), `actual` (the share that happened), `brier`.
    - `anatomy`: the errors of `classes` by cause: `measure`, `period`, `kind` (missed, false, misdated), `stay_rule`,
      `nationality_group`, `cause`, `days_off`, `people`.
    - `wrong_people`: one example of every measure, kind and cause of error: `measure`, `kind`, `cause`, `errors`,
      `period`, `day`, `people`, `probability`, `days_off`, `person`, `person_id`.
    - `true_presence`: when these people were truly here: `person`, `start`, `end` (null while it lasts).
    - `wrong_nationality`: people found, but counted in a wrong group: `measure`, `period`, `true_group`,
      `estimated_group`, `people`, `found` (all people of the true group who were found).
    - `nationality_tenths`: people whose nationality group is a probability, by tenths of it: `view`, `group` (`all`:
    of
      all groups), `tenth` (its lower end), `people`, `predicted` (mean), `actual` (share), `brier`.
    - `counted_twice`: true residents and how many of them were counted more than once: `reference_date`,
      `nationality_group`, `people`, `twice`.
    - `interval_coverage`: how often intervals contain the truth: `margin`, `measure`, `cells`, `inside`, `share`.
    - `error_rates`: what became of the cases of each `measure`, `time`, `nationality_group` and part of it.
    - `flow_completeness`: how many migrations each case of the run stands for.
    - `nationality_patterns`: the shares of groups with which people of a true group are counted.
    - `survey_links`: how the coverage survey was linked with the spine.
    - `single_sources`: what each `source` alone says of a `measure` and `period`: `estimate`, and the `truth`.
    """

    flows: pl.DataFrame = field(default_factory=pl.DataFrame)
    stocks: pl.DataFrame = field(default_factory=pl.DataFrame)
    links: pl.DataFrame = field(default_factory=pl.DataFrame)
    link_errors: pl.DataFrame = field(default_factory=pl.DataFrame)
    review_of_links: pl.DataFrame = field(default_factory=pl.DataFrame)
    classes: pl.DataFrame = field(default_factory=pl.DataFrame)
    definitions: pl.DataFrame = field(default_factory=pl.DataFrame)
    tenths: pl.DataFrame = field(default_factory=pl.DataFrame)
    anatomy: pl.DataFrame = field(default_factory=pl.DataFrame)
    wrong_people: pl.DataFrame = field(default_factory=pl.DataFrame)
    true_presence: pl.DataFrame = field(default_factory=pl.DataFrame)
    wrong_nationality: pl.DataFrame = field(default_factory=pl.DataFrame)
    nationality_tenths: pl.DataFrame = field(default_factory=pl.DataFrame)
    counted_twice: pl.DataFrame = field(default_factory=pl.DataFrame)
    interval_coverage: pl.DataFrame = field(default_factory=pl.DataFrame)
    error_rates: pl.DataFrame = field(default_factory=pl.DataFrame)
    flow_completeness: pl.DataFrame = field(default_factory=pl.DataFrame)
    nationality_patterns: pl.DataFrame = field(default_factory=pl.DataFrame)
    survey_links: pl.DataFrame = field(default_factory=pl.DataFrame)
    single_sources: pl.DataFrame = field(default_factory=pl.DataFrame)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the scores by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}
