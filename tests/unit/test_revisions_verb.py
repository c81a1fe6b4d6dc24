"""`sojourn revisions`: what it computes again, writes and draws; the runs and what is computed again are made up."""

from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from publish_example import manifest, write_example

from flows import revisions_verb
from flows.revisions_verb import revisions_of_runs
from flows.variants.estimates import published_estimates
from pipeline.errors import UserError
from pipeline.study import AccountSettings, CoverageSettings, FlowErrors, LinkageSettings

FIRST, SECOND = date(2019, 9, 30), date(2019, 12, 31)


def vintage(run: Path, day: date, models: dict[str, str], flow_errors: FlowErrors | None = None) -> SimpleNamespace:
    if not run.exists():
        write_example(run, person_level=False)
    study = SimpleNamespace(
        data_date=day, linkage=LinkageSettings(), coverage=CoverageSettings(), account=AccountSettings(),
        flow_errors=flow_errors or FlowErrors(), rules=SimpleNamespace(calibration=None),
    )  # fmt: skip
    return SimpleNamespace(run=run, study=study, manifest=manifest() | {"models": models}, rules="the same")


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Compares two made-up runs, of which the later has other models; what these change is 7 people."""

    def compared(now_models: dict[str, str], **options) -> tuple[Path, list[str]]:
        before = vintage(tmp_path / "before", FIRST, {"pds-pr": "a"})
        now = vintage(tmp_path / "now", SECOND, now_models)
        asked = []

        @contextmanager
        def opened(*_: Path):
            yield now, before

        def by_models(*_: object) -> pl.DataFrame:
            asked.append("models")
            return published_estimates(now.run / "tables").with_columns(pl.col("estimate") - 7)

        monkeypatch.setattr(revisions_verb, "opened", opened)
        monkeypatch.setattr(revisions_verb, "_by_earlier_models", by_models)
        assert revisions_of_runs([now.run, before.run], **options) == 0
        return now.run, asked

    return compared


def test_other_models_have_their_part_and_it_adds_up_with_the_others(replay):
    run, asked = replay({"pds-pr": "b"})
    table = pl.read_parquet(run / "revisions" / "revisions.parquet").filter(pl.col("data_date") == SECOND)
    assert asked == ["models"]
    assert set(table["new_model"]) == {7.0}
    assert set(table["new_data"]) == {-7.0}  # the figures are the same
    assert set(table["new_rules"]) == {0.0}
    assert set(table["revision"]) == {0.0}


def test_nothing_is_computed_again_where_both_runs_share_models_settings_and_rules(replay):
    run, asked = replay({"pds-pr": "a"})
    table = pl.read_parquet(run / "revisions" / "revisions.parquet").filter(pl.col("data_date") == SECOND)
    assert asked == []
    assert set(table["new_model"]) == {0.0}


def test_the_report_of_the_latest_run_gets_the_triangle_and_provisional_figures_their_ranges(replay):
    run, _ = replay({"pds-pr": "a"})
    assert "Revision triangle" in (run / "report.html").read_text(encoding="utf-8")
    ranges = pl.read_csv(run / "revisions" / "provisional_ranges.csv", try_parse_dates=True)
    assert ranges.columns == [
        "measure",
        "period",
        "group",
        "data_date",
        "estimate",
        "months",
        "revisions",
        "lower",
        "upper",
    ]
    assert ranges.height > 0
    assert ranges["lower"].null_count() == ranges.height  # nothing has been revised after three months


def test_other_settings_of_estimation_belong_to_the_model(tmp_path):
    one = vintage(tmp_path / "one", FIRST, {})
    other = vintage(tmp_path / "one", SECOND, {}, FlowErrors(by_group=0.3))
    assert revisions_verb._models_differ(one, other)
    assert not revisions_verb._models_differ(one, vintage(tmp_path / "one", SECOND, {}))


def test_a_single_run_two_of_one_data_date_and_a_history_that_is_none_are_refused(tmp_path):
    one, other = (vintage(tmp_path / name, FIRST, {}) for name in ("one", "other"))
    with pytest.raises(UserError, match="two runs or more"):
        revisions_verb._check([one])
    with pytest.raises(UserError, match="both have the data date"):
        revisions_verb._check([one, other])
    (tmp_path / "history.csv").write_text("no,revisions\n1,2\n")
    with pytest.raises(UserError, match=r"--history .*: is no table of revisions"):
        revisions_of_runs([one.run], history=[tmp_path / "history.csv"])
