"""The stage `count` on a handful of people, every row worked out by hand."""

from datetime import date

import polars as pl
import pytest
from estimation_people import (
    SURVEY_DAY,
    Country,
    late_migration,
    migration,
    nationality,
    person,
    resident,
    small_study,
    stay,
)

from estimation.count_stage import count
from pipeline.errors import UserError
from pipeline.study import CoverageSettings, KnownTotal, KnownTotals

DAYS = [date(2015, 6, 30), date(2016, 6, 30), date(2017, 6, 30)]
MOTHER, CHILD, WORKER, VISITOR, UNFINISHED, NO_BIRTHDAY = range(1, 7)


@pytest.fixture
def country() -> Country:
    """An EU mother, her child, a worker who leaves, a visitor, a newcomer, and a person without a month of birth."""
    it = Country()
    it.people = [
        person(MOTHER, "F", date(1985, 7, 1), "EU"),
        person(CHILD, "M", date(2016, 5, 1)),
        person(WORKER, "M", date(1980, 6, 1), "non_EU"),
        person(VISITOR, "F", date(1990, 1, 1)),
        person(UNFINISHED, "F", date(1995, 3, 1), "EU"),
        person(NO_BIRTHDAY, "F", None, "EU"),
    ]
    it.clusters = [
        ("births", 1, CHILD), ("births", 2, 99), ("pds", 1, MOTHER), ("pds", 2, WORKER), ("pds", 3, NO_BIRTHDAY),
        ("deaths", 1, MOTHER), ("deaths", 2, WORKER), ("deaths", 3, VISITOR), ("deaths", 4, 77),
        ("coverage_survey", 1, MOTHER), ("coverage_survey", 2, NO_BIRTHDAY), ("coverage_survey", 3, 55),
    ]  # fmt: skip
    it.mothers = [("births", 1, "pds", 1)]
    it.births = [(1, "M", date(2016, 5, 1)), (2, "F", date(2016, 8, 1)), (3, "M", date(2014, 1, 1))]
    it.deaths = [
        (1, "F", date(1985, 7, 1), date(2017, 1, 15)),
        (2, "M", date(1980, 6, 1), date(2017, 3, 1)),
        (3, "F", date(1990, 1, 1), date(2016, 9, 1)),
        (4, "F", date(1930, 9, 1), date(2015, 7, 2)),
    ]
    it.migrations = [
        migration(MOTHER, date(2015, 7, 1), "immigration"),
        migration(WORKER, date(2016, 6, 30), "emigration"),
        migration(UNFINISHED, date(2017, 6, 1), "immigration", 0.8),
        migration(NO_BIRTHDAY, date(2014, 6, 1), "immigration"),
    ]
    by_another_definition = {"definition": "short_term_1_12"}  # counts nowhere
    it.migrations += [
        migration(WORKER, date(2017, 6, 1), way, 0.8, **by_another_definition)
        for way in ("immigration", "emigration")
    ]
    it.stays = [
        stay(VISITOR, date(2016, 8, 1), date(2016, 10, 1), "short_term"),
        stay(MOTHER, date(2015, 7, 1), None),
    ]
    it.residents = [resident(who, day) for day in DAYS for who in (MOTHER, NO_BIRTHDAY)]
    it.residents += [resident(CHILD, DAYS[2], trimmed=False), resident(WORKER, DAYS[2], resident=False)]
    by_another_family = {"family": "two_families", "published": False}
    it.residents += [resident(who, day) | by_another_family for day in DAYS for who in (MOTHER, CHILD, WORKER)]
    it.survey = [
        (1, "F", date(1985, 7, 1), "PL", "A", "A1", 10.0),
        (2, "F", date(1985, 2, 1), None, "A", "A2", 10.0),
        (3, "F", date(1988, 2, 1), "LT", "A", "A2", 10.0),
    ]
    return it


@pytest.fixture
def counts(country, tmp_path) -> pl.DataFrame:
    count(country.context(tmp_path, small_study()))
    return pl.read_parquet(tmp_path / "count" / "counts.parquet").with_columns(
        pl.col("measure", "period", "sex", "nationality_group").cast(pl.String)
    )


def rows(counts: pl.DataFrame, measure: str, period: str = "year") -> list[tuple]:
    of = counts.filter(pl.col("measure") == measure, pl.col("period") == period)
    return of.select("time", "sex", "cohort", "nationality_group", "count").sort(pl.all()).rows()


def test_migrations_are_counted_in_their_year(counts):
    assert rows(counts, "immigration") == [
        (date(2016, 6, 30), "F", 1986, "EU", 1.0),  # born in July 1985: the cohort of 1986
        (date(2017, 6, 30), "F", 1995, "EU", 0.8),
    ]
    assert rows(counts, "emigration") == [(date(2016, 6, 30), "M", 1980, "non_EU", 1.0)]


def test_quarters_end_on_the_last_day_of_their_months(counts):
    assert [row[0] for row in rows(counts, "immigration", "quarter")] == [date(2015, 9, 30), date(2017, 6, 30)]


def test_the_unfinished_carry_their_variance_and_make_the_year_provisional(counts):
    row = counts.filter(pl.col("count") == 0.8, pl.col("period") == "year").row(0, named=True)

    assert (row["certain"], row["unfinished"], row["provisional"]) == (0, 1, True)
    assert row["variance_unfinished"] == pytest.approx(0.16)
    assert row["variance_late"] == 0


def test_migrations_that_become_known_later_count_as_expected(country, tmp_path):
    """A certain case, and one of probability 0.8 and factor 0.5: 1.4 cases, of variance 0.4 + 0.4^2 = 0.56."""
    country.migrations[2] = migration(UNFINISHED, date(2017, 6, 1), "immigration")
    country.late_migrations = [late_migration(UNFINISHED, date(2017, 6, 1), "immigration", 0.8, 0.5)]
    count(country.context(tmp_path, small_study()))
    counts = pl.read_parquet(tmp_path / "count" / "counts.parquet")

    for period in ("year", "quarter"):
        counted = counts.filter(
            pl.col("measure").cast(pl.String) == "immigration",
            pl.col("period").cast(pl.String) == period,
            pl.col("time") == date(2017, 6, 30),
        )
        sums = counted.select(pl.col("count", "variance_unfinished", "variance_late").sum()).row(0)
        assert sums == pytest.approx((1.4, 0.56, 0.56))
        assert counted["cohort"].n_unique() == 2, "whoever comes a year later, at the same age, was born a year later"


def test_residents_are_counted_by_cohort(counts):
    # NO_BIRTHDAY has the cohort of the previous person of her sex and nationality group.
    assert rows(counts, "population", "day") == [
        (DAYS[0], "F", 1986, "EU", 1.0),
        (DAYS[0], "F", 1995, "EU", 1.0),
        (DAYS[1], "F", 1986, "EU", 1.0),
        (DAYS[1], "F", 1995, "EU", 1.0),
        (DAYS[2], "F", 1986, "EU", 1.0),
        (DAYS[2], "F", 1995, "EU", 1.0),
        (DAYS[2], "M", 2016, "EU", 1.0),
    ]


def test_residents_whose_stay_is_unfinished_count_with_their_probability(country, tmp_path):
    """Two newcomers of one cell, 0.75 and 0.2, one of them on the list: 0.95 residents, variance 0.1875 + 0.16."""
    country.people.append(person(7, "F", date(1995, 4, 1), "EU"))
    country.residents = [one for one in country.residents if one["person_id"] != NO_BIRTHDAY]
    country.residents += [
        resident(UNFINISHED, DAYS[2]) | {"probability": 0.75},
        resident(7, DAYS[2], resident=False) | {"probability": 0.2},
    ]
    count(country.context(tmp_path, small_study()))
    row = (
        pl.read_parquet(tmp_path / "count" / "counts.parquet")
        .filter(pl.col("measure").cast(pl.String) == "population", pl.col("cohort") == 1995)
        .row(0, named=True)
    )

    assert (row["time"], row["certain"], row["unfinished"], row["provisional"]) == (DAYS[2], 0, 2, True)
    assert (row["count"], row["variance_unfinished"]) == pytest.approx((0.95, 0.3475))


def test_people_who_may_be_of_several_groups_count_in_each_with_its_probability(country, tmp_path):
    """A woman of 1995 at 0.75 on the list, British at 0.4 and else of the EU: 0.3 and 0.45 of 0.75 residents.

    Being a resident has the variance 0.75 x 0.25, of which each group has its share; being British,
    0.75^2 x 0.4 x 0.6 in either group, which is as much as one group gains where the other loses.
    """
    country.nationality = [nationality(UNFINISHED, "British", 0.4), nationality(UNFINISHED, "EU", 0.6)]
    country.nationality.append(nationality(UNFINISHED, "British", 1.0, view="current"))
    country.residents = [one for one in country.residents if one["person_id"] != NO_BIRTHDAY]
    country.residents.append(resident(UNFINISHED, DAYS[2]) | {"probability": 0.75})
    count(country.context(tmp_path, small_study()))
    found = pl.read_parquet(tmp_path / "count" / "counts.parquet").with_columns(
        pl.col("measure", "nationality_group", "period").cast(pl.String)
    )
    listed = found.filter(pl.col("measure") == "population", pl.col("cohort") == 1995).sort("nationality_group")
    assert listed["nationality_group"].to_list() == ["British", "EU"]
    assert listed["count"].to_list() == pytest.approx([0.3, 0.45])
    assert listed["certain"].to_list() == [0, 0]
    assert listed["variance_unfinished"].to_list() == pytest.approx([0.4 * 0.1875, 0.6 * 0.1875])
    assert listed["variance_nationality"].to_list() == pytest.approx([0.5625 * 0.24] * 2)
    moved = found.filter(pl.col("measure") == "immigration", pl.col("cohort") == 1995, pl.col("period") == "year")
    assert dict(moved.select("nationality_group", "count").iter_rows()) == pytest.approx(
        {"British": 0.32, "EU": 0.48}
    )
    assert moved["variance_nationality"].to_list() == pytest.approx([0.64 * 0.24] * 2)


def test_children_have_the_groups_of_the_mother_with_her_probabilities(country, tmp_path):
    mother = next(one for one in country.clusters if one[2] != CHILD and one[0] == country.mothers[0][2])[2]
    country.nationality = [nationality(mother, "British", 0.25), nationality(mother, "EU", 0.75)]
    count(country.context(tmp_path, small_study()))
    found = pl.read_parquet(tmp_path / "count" / "counts.parquet").filter(
        pl.col("measure").cast(pl.String) == "population", pl.col("cohort") == 2016
    )
    counted = dict(found.select(pl.col("nationality_group").cast(pl.String), "count").iter_rows())
    assert counted == pytest.approx({"British": 0.25, "EU": 0.75})


def test_births_take_the_mothers_group_and_unlinked_births_are_british(counts):
    assert rows(counts, "births") == [
        (date(2016, 6, 30), "M", 2016, "EU", 1.0),
        (date(2017, 6, 30), "F", 2017, "British", 1.0),
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "probability", "counted"),
    [
        (date(2016, 5, 1), date(2016, 12, 1), 0.0, 0.0),  # taken abroad before a year was over: never a resident
        (date(2016, 5, 20), None, 0.75, 0.75),  # too young to tell; a day of the month of birth
        (date(2017, 3, 1), date(2017, 6, 1), 0.0, 1.0),  # a visit after the child had left: not the stay of its birth
    ],
)
def test_births_are_those_of_children_who_stay(country, tmp_path, begins, ends, probability, counted):
    country.stays.append(stay(CHILD, begins, ends) | {"probability": probability})
    result = count(country.context(tmp_path, small_study()))
    counts = pl.read_parquet(tmp_path / "count" / "counts.parquet")
    births = counts.filter(pl.col("measure").cast(pl.String) == "births", pl.col("cohort") == 2016)

    assert births["count"].sum() == counted
    assert result.counts["births_of_non_residents"] == pytest.approx(1 - counted, abs=0.06)


def test_a_birth_without_its_month_is_counted_in_the_year_of_its_registration(country, tmp_path):
    country.births.append((4, "F", None, date(2016, 7, 1)))
    count(country.context(tmp_path, small_study()))
    counted = pl.read_parquet(tmp_path / "count" / "counts.parquet").filter(pl.col("measure") == "births")
    assert dict(counted.select("cohort", "count").iter_rows()) == {2016: 1.0, 2017: 2.0}


def test_deaths_are_those_of_usual_residents(counts):
    # The worker had left and the visitor stayed briefly; subject 4 is linked to nobody, but counted.
    assert rows(counts, "deaths") == [
        (date(2016, 6, 30), "F", 1931, "British", 1.0),
        (date(2017, 6, 30), "F", 1986, "EU", 1.0),
    ]


@pytest.mark.parametrize(("probability", "deaths_of_1980"), [(0.4, 1), (0.6, 0)])
def test_a_death_after_an_emigration_that_is_unlikely_is_one_of_a_resident(
    country, tmp_path, probability, deaths_of_1980
):
    country.migrations[1] = migration(WORKER, date(2016, 6, 30), "emigration", probability)
    count(country.context(tmp_path, small_study()))
    counts = pl.read_parquet(tmp_path / "count" / "counts.parquet")
    deaths = counts.filter(pl.col("measure").cast(pl.String) == "deaths", pl.col("cohort") == 1980)

    assert deaths["count"].sum() == deaths_of_1980


def test_assumptions_are_reported(country, tmp_path):
    result = count(country.context(tmp_path, small_study()))

    assert result.counts["registrations_taken_as_british"] == 2
    assert result.counts["deaths_of_non_residents"] == 2
    assert result.counts["without_birth_month"] == 1
    assert len(result.warnings) == 2


def test_a_false_link_rate_that_the_review_does_not_show_is_reported(country, tmp_path):
    country.recall = (0.97, 0.01, None, None)
    *_, warning = count(country.context(tmp_path, small_study())).warnings

    assert warning.startswith("Neither review nor linkage shows a false-link rate")


def test_a_review_that_contradicts_linkage_on_false_links_is_reported(country, tmp_path):
    country.recall, country.precision = (0.97, 0.01, 0.4, 0.001), (0.9999, 0.9998, 1.0)
    *_, warning = count(country.context(tmp_path, small_study())).warnings

    assert warning.startswith("The clerical review finds that 40% of the survey people who are not on the spine")


def test_coverage_compares_the_survey_with_the_list(country, tmp_path):
    # Three on the list of 2017, two of them on the trimmed list; three surveyed, two of them found there.
    count(country.context(tmp_path, small_study()))
    table = pl.read_parquet(tmp_path / "count" / "coverage.parquet")
    row = table.row(0, named=True)

    assert table.height == 1
    assert (row["listed"], row["surveyed"], row["matches"]) == (3, 3, 2)
    assert row["factor"] == pytest.approx(((2 + 1) * (3 + 1) / (2 + 1) - 1) / 3)
    # At least that of a survey of three with one more person missed, p = 3 / 5: (1 - p) / (p n);
    assert (row["standard_error"] / row["factor"]) ** 2 >= 0.4 / (0.6 * 3)


def test_people_on_the_trimmed_list_count_as_probably_as_they_live_here(country, tmp_path):
    """Of the two, one lives here with the probability 0.8: 1.8 on the trimmed list, and 2.8 on that of 2017."""
    one = next(row for row in country.residents if row["reference_date"] == SURVEY_DAY and row["trimming_depth"])
    one["probability"] = 0.8
    count(country.context(tmp_path, small_study()))
    row = pl.read_parquet(tmp_path / "count" / "coverage.parquet").row(0, named=True)

    assert row["factor"] == pytest.approx(((1.8 + 1) * (3 + 1) / (2 + 1) - 1) / 2.8)


def test_people_listed_where_the_survey_went_are_looked_for_by_tokens_of_postcodes(country, tmp_path):
    """Without tokens nothing is measured; with them, all people on the spine at the postcode that was sampled."""
    context = country.context(tmp_path, small_study())
    count(context)
    path = tmp_path / "count" / "over_coverage.parquet"
    assert set(pl.read_parquet(path)["status"]) == {"not measured"}

    (tmp_path / "ingest" / "tokens").mkdir()
    for source in ("coverage_survey", "pds"):
        subjects = range(1, 100)
        pl.DataFrame(
            {"subject_id": subjects, "postcode": [7] * len(subjects)},
            schema={"subject_id": pl.Int64, "postcode": pl.UInt64},
        ).write_parquet(tmp_path / "ingest" / "tokens" / f"{source}.parquet")
    before = {one.name: one.read_bytes() for one in (tmp_path / "count").glob("*.parquet")}
    count(context)
    row = pl.read_parquet(path).row(by_predicate=pl.col("nationality_group") == "all", named=True)
    assert row["status"] == "measured"
    assert row["listed"] >= row["found"] > 0
    after = {one.name: one.read_bytes() for one in (tmp_path / "count").glob("*.parquet")}
    assert [name for name in before if before[name] != after[name]] == ["over_coverage.parquet"]


def test_people_on_the_list_are_known_though_no_spine_has_them(country, tmp_path):
    """All three surveyed are linked, one to the child, who is on the list and not on the spine: nobody is unknown.

    So no link is false: K = (3 - 0.2 x 3) / (1 - 0.2) = 3, and 2 matches are 2. With the child unknown K were 1.75.
    """
    country.recall = (1.0, 0.0, 0.2, 0.0)
    country.clusters[-1] = ("coverage_survey", 3, CHILD)
    count(country.context(tmp_path, small_study()))
    row = pl.read_parquet(tmp_path / "count" / "coverage.parquet").row(0, named=True)

    assert row["estimated"] == pytest.approx((2 + 1) * (3 + 1) / (2 + 1) - 1)
    assert row["share_missed"] == pytest.approx(0)


def test_neither_visitors_nor_people_of_an_earlier_survey_are_surveyed(country, tmp_path):
    context = country.context(tmp_path, small_study())
    file = tmp_path / "ingest" / "records" / "coverage_survey.parquet"
    answers = pl.read_parquet(file)
    visitors = answers.with_columns(usual_resident=pl.lit(value=False))
    earlier = answers.with_columns(reference_date=pl.lit(date(2015, 6, 30)))
    pl.concat([visitors, earlier, answers]).write_parquet(file)
    count(context)

    row = pl.read_parquet(tmp_path / "count" / "coverage.parquet").row(0, named=True)
    assert (row["listed"], row["surveyed"], row["matches"]) == (3, 3, 2)


def test_survey_people_without_a_nationality_have_that_of_the_list(country, tmp_path):
    country.survey.append((4, "M", date(1950, 1, 1), None, "A", "A3", 10.0))
    context = country.context(tmp_path, small_study(coverage=CoverageSettings(minimum_matches=1, replicates=20)))
    count(context)
    table = pl.read_parquet(tmp_path / "count" / "coverage.parquet")

    assert table["surveyed"].sum() == 4
    assert table.filter(pl.col("coverage_class").str.contains("EU"))["matches"].sum() == 2


def nobody_listed(country: Country) -> None:
    country.residents = [one for one in country.residents if one["reference_date"] != SURVEY_DAY]


def nobody_linked(country: Country) -> None:
    country.clusters = [one for one in country.clusters if one[0] != "coverage_survey"]


def nobody_reviewed(country: Country) -> None:
    country.recall = (None, 0.0, 0.0, 0.0)


def poor_links(country: Country) -> None:
    country.recall = (0.6, 0.01, 0.3, 0.01)


def nobody_surveyed(country: Country) -> None:
    country.survey_day = date(2015, 6, 30)


def nobody_delivered(country: Country) -> None:
    country.survey = []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nobody_listed, "nobody is on the list"),
        (nobody_linked, "none of its people is linked"),
        (nobody_reviewed, "review_sample"),
        (poor_links, r"below 0\.5"),
        (nobody_surveyed, "nobody was found on 2017-06-30"),
        (nobody_delivered, r"coverage_survey\.csv has a header and no row, .* and coverage is estimated from it"),
    ],
)
def test_a_survey_that_does_not_allow_an_estimate_is_refused(country, tmp_path, spoil, message):
    spoil(country)

    with pytest.raises(UserError, match=message):
        count(country.context(tmp_path, small_study()))


@pytest.mark.parametrize("extract", ["births", "deaths"])
def test_an_empty_delivery_is_not_taken_as_zero(country, tmp_path, extract):
    setattr(country, extract, [])
    with pytest.raises(UserError, match=rf"{extract}\.csv has a header and no row.*takes {extract} as exact"):
        count(country.context(tmp_path, small_study()))


def test_a_year_without_any_is_reported_where_there_are_few(country, tmp_path):
    """The country has births in both years of the account, and no death in the year ending June 2016 but one."""
    country.deaths = country.deaths[:3]
    warnings = count(country.context(tmp_path, small_study())).warnings
    assert [one for one in warnings if "exactly zero" in one] == [
        "deaths: no row is dated in the year ending June 2016; the account takes this as exactly zero."
    ]


@pytest.mark.parametrize(("left", "refused"), [(0, True), (2, True), (3, False)])
def test_a_year_without_births_where_others_have_many_is_refused(country, tmp_path, left, refused):
    """30 births a year from 2014 on, but in the year ending June 2016: a tenth of 30 is 3."""
    numbers = {2014: 30, 2015: 30, 2016: left, 2017: 30}
    births = [date(year, 1 + number % 6, 1) for year, times in numbers.items() for number in range(times)]
    country.births = [(number, "F", day) for number, day in enumerate(births, 1)]
    if not refused:
        assert not [one for one in count(country.context(tmp_path, small_study())).warnings if "births: no" in one]
        return
    message = rf"births: {left} in the year ending June 2016, but 30 in that ending June 2014: rows are missing"
    with pytest.raises(UserError, match=message):
        count(country.context(tmp_path, small_study()))


def test_totals_that_the_study_knows_calibrate_the_survey(country, tmp_path):
    """One total of all people changes no factor; two of the same people that differ are refused."""
    plain, known = ({"minimum_matches": 2, "replicates": 20, **more} for more in ({}, {"known_totals": ALL_PEOPLE}))
    rows = []
    for at, settings in enumerate((plain, known)):
        count(country.context(tmp_path / str(at), small_study(coverage=CoverageSettings(**settings))))
        rows.append(pl.read_parquet(tmp_path / str(at) / "count" / "coverage.parquet").row(0, named=True))
    assert rows[0]["factor"] == pytest.approx(rows[1]["factor"])

    twice = KnownTotals(total=(*ALL_PEOPLE.total, KnownTotal(people=70.0)))
    contradictory = small_study(coverage=CoverageSettings(minimum_matches=2, replicates=20, known_totals=twice))
    with pytest.raises(UserError, match="no weights of the survey add up to all totals"):
        count(country.context(tmp_path / "wrong", contradictory))


ALL_PEOPLE = KnownTotals(total=(KnownTotal(people=60.0),))
