"""The stages of this package: what each reads, and the part of a study that it declares."""

from datetime import date
from pathlib import Path
from typing import Self

from estimation.coverage.lists import USUAL_DEPTH
from estimation.coverage.other_surveys import OtherSurvey, read_other_surveys
from estimation.periods import check_periods, check_survey_day
from estimation.required_extracts import check_required_columns, steps_without_extracts
from pipeline.errors import UserError
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.stage import Skip, Stage, StudyPart
from pipeline.study import AccountSettings, CoverageSettings, FlowErrors, Periods, Study


class CountStudy(StudyPart):
    """The part of a study on which counts and coverage factors depend; `skips` are steps whose extracts it lacks.

    `other_surveys` are read from the runs that `coverage` names, and no longer named there.
    """

    periods: Periods
    coverage: CoverageSettings
    seed: int
    skips: tuple[Skip, ...] = ()
    other_surveys: tuple[OtherSurvey, ...] = ()

    @property
    def trimming_depth(self) -> int:
        """The depth of the trimmed list: as the study says, else what the curve of the nearest other survey says.

        A depth that is chosen on the curve of the survey itself would follow its errors.
        """
        if self.coverage.trimming_depth is not None:
            return self.coverage.trimming_depth
        day = self.coverage.reference_date
        nearest = min(self.other_surveys, key=lambda one: (abs(one.day - day), one.day), default=None)
        return USUAL_DEPTH if nearest is None else nearest.enough_depth()

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` if what it names cannot serve estimates."""
        skips = steps_without_extracts([one.name for one in study.extract])
        check_required_columns(delivered_contracts(study), study.path)
        check_periods(study.periods, study.path)
        others: tuple[OtherSurvey, ...] = ()
        if "coverage" not in {skip.step for skip in skips}:
            check_survey_day(study.coverage.reference_date, study.periods, study.path)
            others = _other_surveys(study, run)
        return cls(
            study_file=study.path,
            periods=study.periods,
            coverage=study.coverage.model_copy(update={"other_surveys": ()}),
            seed=study.seed,
            skips=skips,
            other_surveys=others,
        )


def _other_surveys(study: Study, run: Path) -> tuple[OtherSurvey, ...]:
    """Return the surveys of other runs that a study names; raises `UserError` if they cannot serve."""
    where = f"{study.path}, [coverage] 'other_surveys'"
    runs = [study.resolve(name, confined=False).resolve() for name in study.coverage.other_surveys]
    if run.resolve() in runs:
        raise UserError(f"{where}: names the folder of this run itself. Choose another --out.")
    return read_other_surveys(runs, study.coverage.reference_date, study.periods.stock_years, where)


class AccountStudy(StudyPart):
    """The part of a study on which the account depends.

    `coverage` has the declared errors of coverage factors; `rule_set` and `data_date` are written into published
    tables.
    """

    periods: Periods
    flow_errors: FlowErrors
    coverage: CoverageSettings
    account: AccountSettings
    rule_set: str
    data_date: date

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` if no account can be made of its periods."""
        check_periods(study.periods, study.path)
        return cls(
            study_file=study.path,
            periods=study.periods,
            flow_errors=study.flow_errors,
            coverage=study.coverage.model_copy(update={"other_surveys": ()}),
            account=study.account,
            rule_set=study.rule_set,
            data_date=study.data_date,
        )


COUNT = Stage(
    "count",
    reads=("ingest", "link", "stays"),
    package="estimation",
    part=CountStudy,
    work="estimation.count_stage:count",
)
ACCOUNT = Stage(
    "account", reads=("count",), package="estimation", part=AccountStudy, work="estimation.account_stage:account"
)
