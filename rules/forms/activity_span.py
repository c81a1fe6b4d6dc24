"""The form `activity_span`: years with weeks of activity in tax and benefit systems, shorter gaps joined.

Weeks are counts per tax year, without dates. In the first active year of a span they are counted back from its last
day, in the last forward from its first; years in between are whole. Source of the method: ONS, Methods for measuring
international migration using RAPID (2021); the dating of weeks is Sojourn's own rule.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from rules.fields import Age, Days, EvidenceIds, Share, WeeksOfYear
from rules.forms.delivered import delivered_periods
from rules.forms.spells import OPEN, last_day, spells_from_presence
from rules.forms.stay_rule import SpellRule
from rules.sql_text import among, position_in

WEEK = 7
EMPTY_YEAR = 367
"""Days from the last day of a tax year to the first of the year after the next, at most."""


class ActivitySpan(SpellRule):
    """Spans of years with weeks of activity (and of enrolments), shorter gaps joined.

    `arrivals` date a start better than weeks do; those registered after the event (`date_quality` is "registered")
    can only move a start earlier. `signs` are evidence that only people who are present give (they rule out a
    departure), `listings` are entries in a register. People who come back register from abroad: who had registered
    before, and does not within `flag_within_days` after one empty year in which nobody removed them, had not left.
    Removals, dated back by `removal_lag_days`, end a stay after the last year for which weeks are known.
    """

    indispensable = ("activity",)

    form: Literal["activity_span"]
    activity: EvidenceIds = Field(min_length=1)
    enrolments: EvidenceIds = ()
    arrivals: EvidenceIds = ()
    signs: EvidenceIds = ()
    registrations: EvidenceIds = ()
    listings: EvidenceIds = ()
    removals: EvidenceIds = ()
    full_year_weeks: WeeksOfYear
    active_from_age: Age
    first_job_before_age: Age
    flag_within_days: Days
    sign_after_days: Days
    still_present_days: Days
    removal_lag_days: Days
    delivered_share: Share

    @model_validator(mode="before")
    @classmethod
    def _one_key_for_absences(cls, data: Any) -> Any:
        if isinstance(data, dict) and "absent_weeks" in data:
            raise ValueError(
                "'absent_weeks' is no longer a key: every form counts an absence in days. Write "
                "'absent_more_than_days' (365 for the former 52 weeks); a stay ends by an absence of more days"
            )
        return data

    def spells(self) -> str:
        """Return SQL that makes spells from the views `known` and `person`."""
        absent = self.absent_more_than_days
        return f"""
        WITH observed AS (
            SELECT max(closes) AS closes, min(closes) AS first_year_closes
            FROM ({delivered_periods(self.activity, self.delivered_share)})
        ),
        {_flags(self)}, {_years(self)}, {_dated_years(self)},
        presence AS ({_presence(self)}),
        span AS ({spells_from_presence("presence", absent)}),
        {_gaps(self)},
        bridged AS (SELECT * FROM presence UNION ALL {_signs_in_gaps()} UNION ALL {_returns_without_flag(self)}
            UNION ALL {_single_empty_years()}),
        joined AS ({spells_from_presence("bridged", absent)}),
        {_removed_since(self)}
        {_start_kind(self)}
        """

    def longest_absence(self) -> str:
        """Return SQL of that absence: to the end of a year, it may turn out to be one empty year before another."""
        absence = super().longest_absence()
        return f"""CASE WHEN end_reason = 'last_activity' AND (dated_by, stop + 1) IN (
                SELECT (person_id, end_date) FROM known WHERE {among("rule_id", self.activity)})
            THEN greatest({absence}, {EMPTY_YEAR}) ELSE {absence} END"""

    def observed_until(self, day: date) -> str:
        """Return SQL of the end of the last year for which weeks are known, or of the data date without any."""
        weeks = f"SELECT max(closes) FROM ({delivered_periods(self.activity, self.delivered_share)})"
        return f"coalesce(({weeks}), {super().observed_until(day)})"


def _flags(rule: ActivitySpan) -> str:
    """Arrival flags; those registered after the event are `late`: the arrival was on that day or earlier."""
    return f"""
    flag AS (
        SELECT person_id, "date", rule_id, record_id, code, date_quality = 'registered' AS late,
            {position_in(rule.arrivals, "rule_id")} AS precedence
        FROM known WHERE {among("rule_id", rule.arrivals)}
    )"""


def _years(rule: ActivitySpan) -> str:
    """One row per person and active year, with its neighbours.

    Two consecutive years, both partly active, can contain an absence. Weeks are missing after those of the first of
    the two (in a first year from the stated arrival on; without one they reach to its last day) and before those of
    the second (if there is activity in the year after it; in a last year, half of what is missing is expected to be).
    The span breaks if these days make an absence.
    """
    full = rule.full_year_weeks.at('"date"')
    whole = f'sum(CAST(value AS INTEGER)) >= {full} THEN end_date - "date"'
    return f"""
    active_year AS (
        SELECT person_id, "date" AS opens, end_date AS closes, min(rule_id) AS rule_id, min(record_id) AS record_id,
            CAST(CASE WHEN {whole} ELSE {WEEK} * sum(CAST(value AS INTEGER)) END AS INTEGER) AS days
        FROM known WHERE {among("rule_id", rule.activity)} AND value > 0
        GROUP BY person_id, "date", end_date
    ),
    beside AS (
        SELECT active_year.*, closes - opens - days AS missing, came,
            coalesce(lag(closes) OVER following = opens, false) AS after_one,
            coalesce(lead(opens) OVER following = closes, false) AS before_one
        FROM active_year LEFT JOIN (
            SELECT flag.person_id, opens, min(flag."date") AS came
            FROM active_year JOIN flag ON flag.person_id = active_year.person_id AND NOT late
                AND flag."date" >= opens AND flag."date" < closes
            GROUP BY flag.person_id, opens
        ) USING (person_id, opens) WINDOW following AS (PARTITION BY person_id ORDER BY opens)
    ),
    breaks AS (
        SELECT *, before_one AND
                CASE WHEN after_one THEN missing ELSE coalesce(greatest(closes - came - days, 0), 0) END
                + coalesce(lead(CASE WHEN before_one THEN missing ELSE missing // 2 END) OVER following, 0)
            >= {rule.absent_more_than_days.at("closes")} AS breaks_after
        FROM beside WINDOW following AS (PARTITION BY person_id ORDER BY opens)
    ),
    anchored AS (
        SELECT *, NOT after_one OR coalesce(lag(breaks_after) OVER following, false) AS is_first,
            NOT before_one OR breaks_after AS is_last
        FROM breaks WINDOW following AS (PARTITION BY person_id ORDER BY opens)
    )"""


def _dated_years(rule: ActivitySpan) -> str:
    """Start of each year: a better-dated arrival, else counted back in a first year, else the first day."""
    near = rule.absent_more_than_days.at("counted_from")
    return f"""
    counted AS (SELECT *, CASE WHEN is_first THEN closes - days ELSE opens END AS counted_from FROM anchored),
    better AS (
        SELECT counted.person_id, counted.opens, first(struct_pack(
                "date" := flag."date", rule_id := flag.rule_id, record_id := flag.record_id, code := flag.code,
                late := flag.late)
            ORDER BY late, CASE WHEN late THEN 0 ELSE precedence END, flag."date", flag.record_id) AS flag
        FROM counted JOIN flag ON flag.person_id = counted.person_id
            AND flag."date" < closes AND flag."date" >= counted_from - {near}
            AND (flag."date" < counted_from OR NOT late)
        WHERE is_first GROUP BY counted.person_id, counted.opens
    ),
    dated AS (
        SELECT counted.*, coalesce(better.flag."date", counted_from) AS start, better.flag AS flag
        FROM counted LEFT JOIN better USING (person_id, opens)
    )"""


def _presence(rule: ActivitySpan) -> str:
    """Intervals of presence: active years, enrolments, childhoods after an arrival, arrivals not yet active."""
    first_job = rule.first_job_before_age.interval("first_start")
    active_from = rule.active_from_age.interval('flag."date"')
    return f"""
        SELECT person_id, start,
            CASE WHEN dated.closes = observed.closes AND (missing = 0
                    OR (is_first AND (flag.late IS DISTINCT FROM false
                        OR start + days >= dated.closes - {rule.still_present_days.at("dated.closes")}))) THEN {OPEN}
                 WHEN NOT is_last THEN dated.closes
                 WHEN NOT is_first THEN dated.opens + days - 1
                 WHEN flag IS NOT NULL THEN least(greatest(start + days, dated.opens + 1), dated.closes) - 1
                 ELSE dated.closes - 1 END AS stop,
            CASE WHEN flag IS NOT NULL THEN 'arrival' ELSE 'unseen' END AS start_kind,
            'last_activity' AS end_reason,
            coalesce(flag.rule_id, rule_id) AS start_rule, coalesce(flag.record_id, record_id) AS start_record,
            rule_id AS end_rule, record_id AS end_record, flag.code AS code
        FROM dated CROSS JOIN observed
        UNION ALL
        SELECT person_id, "date", {last_day(f"coalesce(end_date, {OPEN})")}, 'unseen', 'last_activity',
            rule_id, record_id, rule_id, record_id, code
        FROM known WHERE {among("rule_id", rule.enrolments)}
        UNION ALL
        SELECT person_id, flag."date", first_start, 'arrival', 'last_activity',
            rule_id, record_id, rule_id, record_id, code
        FROM flag JOIN person USING (person_id)
            JOIN (SELECT person_id, min(start) AS first_start FROM dated GROUP BY person_id) USING (person_id)
        WHERE flag."date" < birth_month + {active_from}
            AND first_start < birth_month + {first_job} AND flag."date" < first_start
        UNION ALL
        SELECT person_id, flag."date", {OPEN}, 'arrival', 'last_activity',
            rule_id, record_id, rule_id, record_id, code
        FROM flag CROSS JOIN observed WHERE flag."date" >= observed.closes"""


def _gaps(rule: ActivitySpan) -> str:
    """Gaps after each span, until the next one or until now, with the last sign of presence in each."""
    return f"""
    gap AS (
        SELECT person_id, stop AS gap_start, end_rule, end_record,
            coalesce(lead(start) OVER (PARTITION BY person_id ORDER BY start), {OPEN}) AS gap_stop
        FROM span
    ),
    unbroken AS (
        SELECT gap.*, last(struct_pack(rule_id := known.rule_id, record_id := known.record_id)
            ORDER BY known."date", known.rule_id, known.record_id) AS sign
        FROM gap JOIN known ON known.person_id = gap.person_id AND {among("rule_id", rule.signs)}
            AND known."date" >= gap_start + {rule.sign_after_days.at("gap_start")}
            AND known."date" < gap_stop - {rule.sign_after_days.at("gap_stop")}
        WHERE gap_start < {OPEN}
        GROUP BY ALL
    )"""


def _signs_in_gaps() -> str:
    """Bridge gaps with evidence that only people who are present give."""
    return """
        SELECT person_id, gap_start, gap_stop, 'unseen', 'last_activity',
            end_rule, end_record, sign.rule_id, sign.record_id, NULL
        FROM unbroken"""


def _returns_without_flag(rule: ActivitySpan) -> str:
    """Bridge single empty years after which registered people do not register from abroad, as people who return do.

    Activity reaches to the last day of the year before, so far as weeks tell: few leave on that day.
    """
    flagged = rule.flag_within_days.at("gap_stop")
    return f"""
        SELECT gap.person_id, gap_start, gap_stop, 'unseen', 'last_activity',
            end_rule, end_record, registration.rule_id, registration.record_id, NULL
        FROM gap ASOF JOIN (
            SELECT person_id, "date", rule_id, record_id FROM known WHERE {among("rule_id", rule.registrations)}
        ) AS registration ON gap.person_id = registration.person_id AND gap_start >= registration."date"
            JOIN active_year ON active_year.person_id = gap.person_id AND closes = gap_start + 1
        WHERE gap_stop < closes + 2 * {EMPTY_YEAR - 1} AND NOT EXISTS (
            SELECT 1 FROM known WHERE known.person_id = gap.person_id AND known."date" >= gap_start
                AND (({among("rule_id", rule.arrivals)} AND known."date" <= gap_stop + {flagged})
                    OR ({among("rule_id", rule.removals)} AND known."date" <= gap_stop)))"""


def _single_empty_years() -> str:
    """Bridge a single empty year between two whole ones: nobody leaves on 5 April and returns on 6 April."""
    return f"""
        SELECT person_id, closes, next_opens, 'unseen', 'last_activity',
            rule_id, record_id, rule_id, record_id, NULL
        FROM (
            SELECT *, lead(opens) OVER following AS next_opens, lead(missing) OVER following AS next_missing
            FROM anchored WINDOW following AS (PARTITION BY person_id ORDER BY opens)
        )
        WHERE missing = 0 AND next_missing = 0 AND next_opens BETWEEN closes + 1 AND closes + {EMPTY_YEAR - 1}"""


def _removed_since(rule: ActivitySpan) -> str:
    """End stays that are still open on the last day with known weeks by a removal after it."""
    return f"""
    ended AS (
        SELECT joined.* REPLACE (
            CASE WHEN removal.day IS NULL THEN stop
                ELSE greatest(closes - 1, start, removal.day - {rule.removal_lag_days.at("removal.day")}) END AS stop,
            CASE WHEN removal.day IS NULL THEN end_reason ELSE 'deregistration' END AS end_reason,
            coalesce(removal.rule_id, end_rule) AS end_rule, coalesce(removal.record_id, end_record) AS end_record)
        FROM joined CROSS JOIN observed LEFT JOIN (
            SELECT person_id, "date" AS day, rule_id, record_id
            FROM known CROSS JOIN observed WHERE {among("rule_id", rule.removals)} AND "date" >= observed.closes
            QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY "date", record_id) = 1
        ) AS removal ON removal.person_id = joined.person_id AND stop = {OPEN} AND start < removal.day
    )"""


def _start_kind(rule: ActivitySpan) -> str:
    """Distinguish arrivals from first jobs: by a flag nearby, an absence or no record before."""
    before = among("rule_id", (*rule.signs, *rule.listings))
    absent, flagged = (one.at("ended.start") for one in (rule.absent_more_than_days, rule.flag_within_days))
    first_job = rule.first_job_before_age.interval("ended.start")
    return f"""
    SELECT ended.person_id, ended.start, ended.stop,
        CASE WHEN start_kind = 'arrival' THEN 'arrival'
             WHEN start < observed.first_year_closes THEN 'unseen'
             WHEN row_number() OVER (PARTITION BY ended.person_id ORDER BY ended.start) > 1 THEN 'arrival'
             WHEN EXISTS (SELECT 1 FROM flag WHERE flag.person_id = ended.person_id AND flag."date"
                 BETWEEN ended.start - {absent} AND ended.start + {flagged})
                 THEN 'arrival'
             WHEN ended.start >= birth_month + {first_job} AND NOT EXISTS (
                 SELECT 1 FROM known WHERE known.person_id = ended.person_id AND {before}
                     AND known."date" BETWEEN ended.start - {flagged} AND ended.start - 1)
                 THEN 'arrival'
             ELSE 'unseen' END AS start_kind,
        end_reason, start_rule, start_record, end_rule, end_record, code
    FROM ended CROSS JOIN observed LEFT JOIN person ON person.person_id = ended.person_id"""
