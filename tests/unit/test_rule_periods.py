"""Which periods the rules on people refuse before anything is computed."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.study import Periods, Study
from rules.evidence_spans import check_evidence_covers


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        (Periods(flow_years=(2018, 2019, 2020), stock_years=(2017, 2018, 2019, 2020)),
         r"study\.toml, \[periods\]: the year ending 2020-06-30 ends after the data date 2019-12-31.*'flow_years'"),
        (Periods(flow_years=(2018, 2019), stock_years=(2017, 2018, 2019, 2020)),
         r"the stock of 2020-06-30 ends after the data date.*'stock_years'"),
    ],
)  # fmt: skip
def test_a_period_that_ends_after_the_data_date_is_refused(periods, message):
    study = Study.model_construct(path=Path("study.toml"), periods=periods, data_date=date(2019, 12, 31))
    with pytest.raises(UserError, match=message):
        check_evidence_covers(study, (), {})


def test_a_period_that_ends_on_the_data_date_is_not():
    periods = Periods(flow_years=(2019,), stock_years=(2018, 2019))
    study = Study.model_construct(path=Path("study.toml"), periods=periods, data_date=date(2019, 6, 30))
    check_evidence_covers(study, (), {})
