"""A study that names the run of another survey: whose factors it takes, and which runs it refuses."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from estimation_people import Country, person, resident, small_study
from pydantic import ValidationError

from estimation.count_stage import count
from estimation.coverage.other_surveys import OtherSurvey, read_other_surveys
from estimation.stages import AccountStudy, CountStudy
from pipeline.errors import UserError
from pipeline.stage import StudyFile
from pipeline.study import CoverageSettings, ErrorsByGroup, ExtractFiles

YEARS = (2015, 2016, 2017)
EXTRACTS = ("births", "deaths", "coverage_survey", "review_sample")


def country(day: date, missed: int) -> Country:
    """Return 20 women, listed on every day, whom the survey of `day` found, and `missed` more whom no list has."""
    it = Country()
    it.survey_day = day
    it.people = [person(who, "F", date(1990, 1, 1)) for who in range(1, 21)]
    it.residents = [resident(who, date(year, 6, 30)) for who in range(1, 21) for year in YEARS]
    it.births, it.deaths = [(1, "F", date(2016, 5, 1))], [(1, "F", date(1940, 1, 1), date(2016, 9, 1))]
    it.survey = [(who, "F", date(1990, 1, 1), "GB", "A", f"A{who}", 1.0) for who in range(1, 21 + missed)]
    it.clusters = [(source, who, who) for source in ("pds", "coverage_survey") for who in range(1, 21)]
    return it


def settings(day: date, **more: object) -> CoverageSettings:
    return CoverageSettings(reference_date=day, minimum_matches=2, replicates=20, **more)


@pytest.fixture
def earlier(tmp_path) -> Path:
    """The finished run of the survey of 2015, which found 2 women whom no list has."""
    day, run = date(2015, 6, 30), tmp_path / "earlier"
    count(country(day, missed=2).context(run, small_study(coverage=settings(day))))
    (run / "count").rename(run / "tables")
    (run / "manifest.json").write_text("{}")
    return run


def counted(folder: Path, others: tuple, missed: int = 0) -> Path:
    """Return what the stage writes for the survey of 2017, which found `missed` women whom no list has."""
    day = date(2017, 6, 30)
    context = country(day, missed).context(folder, small_study(coverage=settings(day)))
    count(replace(context, study=context.study.model_copy(update={"other_surveys": others})))
    return folder / "count"


def test_each_year_has_a_factor_between_those_of_both_surveys(earlier, tmp_path):
    """22 residents of 20 counted in 2015 and 20 in 2017, where the surveys are equally sure of it, or nearly."""
    others = read_other_surveys([earlier], date(2017, 6, 30), YEARS, "study.toml")
    table = pl.read_parquet(counted(tmp_path / "now", others) / "coverage_by_year.parquet").sort("year")

    assert others[0].day == date(2015, 6, 30)
    assert table["year"].to_list() == list(YEARS)
    own = table["weight"].to_numpy()
    assert (own[:-1] < own[1:]).all()
    assert table["factor"].to_numpy() == pytest.approx(own * 1.0 + (1 - own) * 1.1, abs=1e-6)


def test_a_study_with_one_survey_has_no_factors_of_years(tmp_path):
    assert not list(counted(tmp_path, ()).glob("coverage_by_year*"))


def depth_used(folder: Path) -> int:
    return pl.read_parquet(folder / "trimming_curve.parquet").filter("used")["depth"].unique().item()


def set_enough(run: Path, depth: int) -> None:
    path = run / "tables" / "trimming_curve.parquet"
    pl.read_parquet(path).with_columns(chosen=pl.col("depth") == depth).write_parquet(path)


def test_the_depth_of_trimming_is_chosen_on_the_curve_of_the_other_survey(earlier, tmp_path):
    def used(folder: str) -> int:
        return depth_used(counted(tmp_path / folder, read_other_surveys([earlier], day, YEARS, "study.toml")))

    day = date(2017, 6, 30)
    assert depth_used(earlier / "tables") == depth_used(counted(tmp_path / "alone", ())) == 1
    for depth in (0, 2, 3):
        set_enough(earlier, depth)
        assert used(f"chosen {depth}") == depth


def test_a_depth_that_the_study_names_is_used_as_it_is(earlier, tmp_path):
    day = date(2017, 6, 30)
    set_enough(earlier, 3)
    others = read_other_surveys([earlier], day, YEARS, "study.toml")
    context = country(day, missed=0).context(tmp_path, small_study(coverage=settings(day, trimming_depth=2)))
    count(replace(context, study=context.study.model_copy(update={"other_surveys": others})))

    assert depth_used(tmp_path / "count") == 2


def test_of_several_surveys_the_nearest_chooses_the_depth(earlier, tmp_path):
    far, near = (
        OtherSurvey.read(earlier, "study.toml").model_copy(update={"day": date(year, 6, 30)}) for year in (2013, 2015)
    )
    study = CountStudy(
        study_file=tmp_path, periods=small_study().periods, coverage=settings(date(2017, 6, 30)), seed=1
    )
    set_enough(earlier, 2)
    moved = earlier.rename(tmp_path / "moved")
    near = near.model_copy(update={"curve": StudyFile.read(moved / "tables" / "trimming_curve.parquet")})

    assert study.model_copy(update={"other_surveys": (far, near)}).trimming_depth == 2


def test_a_run_that_counted_other_people_is_refused(earlier, tmp_path):
    table = pl.read_parquet(earlier / "tables" / "coverage.parquet")
    table.with_columns(listed=pl.lit(25)).write_parquet(earlier / "tables" / "coverage.parquet")
    others = read_other_surveys([earlier], date(2017, 6, 30), YEARS, "study.toml")

    with pytest.raises(UserError, match="on 2015-06-30 the run of .*earlier counted 25 people, and this one 20"):
        counted(tmp_path / "now", others)


def test_runs_that_cannot_serve_are_refused(earlier, tmp_path):
    def read(runs: list[Path], day: date = date(2017, 6, 30), years: tuple[int, ...] = YEARS) -> None:
        read_other_surveys(runs, day, years, "study.toml, [coverage]")

    with pytest.raises(UserError, match=r"^study.toml, \[coverage\]: .*nowhere is not a finished run"):
        read([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="read the survey of 2015-06-30, as this study does"):
        read([earlier], date(2015, 6, 30))
    with pytest.raises(UserError, match="2015-06-30, as .*earlier does"):
        read([earlier, earlier])
    with pytest.raises(UserError, match="of which the study has no stock. Add 2015 to 'stock_years'"):
        read([earlier], years=(2016, 2017))
    (earlier / "tables" / "trimming_curve.parquet").unlink()
    with pytest.raises(UserError, match=r"an earlier version made that run. Run it again"):
        read([earlier])
    (earlier / "tables" / "coverage_covariance.parquet").unlink()
    with pytest.raises(UserError, match=r"coverage_covariance.parquet is not there, so that run has no coverage"):
        read([earlier])


def test_a_study_declares_the_tables_of_the_run_and_not_its_place(earlier, tmp_path):
    """A run that was moved serves as before; one that was made anew does not."""
    extracts = tuple(ExtractFiles(name=one, files=(f"{one}.csv",)) for one in EXTRACTS)

    def declared(run: Path) -> dict:
        chosen = settings(date(2017, 6, 30), other_surveys=(str(run),))
        study = small_study(path=tmp_path / "study.toml", extract=extracts, coverage=chosen)
        return {
            **CountStudy.of(study, tmp_path / "run").declared,
            **AccountStudy.of(study, tmp_path / "run").declared,
        }

    before = declared(earlier)
    assert before == declared(earlier.rename(tmp_path / "moved"))
    table = pl.read_parquet(tmp_path / "moved" / "tables" / "coverage.parquet")
    table.with_columns(pl.col("factor") * 2).write_parquet(tmp_path / "moved" / "tables" / "coverage.parquet")
    assert before != declared(tmp_path / "moved")
    with pytest.raises(UserError, match="names the folder of this run itself"):
        declared(tmp_path / "run")


def test_a_drift_without_another_survey_is_refused():
    with pytest.raises(ValidationError, match="'drift' needs 'other_surveys'"):
        settings(date(2017, 6, 30), drift=ErrorsByGroup(British=0.1, Irish=0.1, EU=0.1, non_EU=0.1))
