"""The grid of a sweep, as options of the command give it."""

import pytest
from rule_timelines import default_rules

from flows.variants.grid import read_grid, variants_of
from pipeline.errors import UserError


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("activity_window=9..15", (9, 10, 11, 12, 13, 14, 15)),
        ("activity_window = 12", (12,)),
        ("absence_days=30..365:100", (30, 130, 230, 330)),
        ("absence_days=365,30..31,365", (365, 30, 31)),
        ("delivered_share=0.1..0.3:0.1", (0.1, 0.2, 0.3)),
        ("delivered_share=0.05, 0.5", (0.05, 0.5)),
    ],
)
def test_values_of_a_parameter(setting: str, values: tuple[float, ...]) -> None:
    found = read_grid([setting], default_rules().parameters)
    assert list(found.values()) == [values]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "--set: no parameter is given"),
        (["activity_window"], "--set activity_window: no value is given."),
        (["activity_windw=9"], "unknown parameter 'activity_windw'. Did you mean 'activity_window'?"),
        (["activity_window=9", "activity_window=10"], "activity_window is set twice"),
        (["activity_window=9..30"], "activity_window = 25: the value 25 is outside its range, 6 to 24."),
        (["activity_window=9.5"], "activity_window = 9.5: 9.5 is not a whole number of months."),
        (["activity_window=15..9"], "'15..9' is empty. Give the lower end first, and a step above 0."),
        (["activity_window=9..15:0"], "'9..15:0' is empty. Give the lower end first, and a step above 0."),
        (["activity_window=nine"], "'nine' is not a number."),
        (["activity_window=9..inf"], "'inf' is not a finite number."),
        (["activity_window=9:2"], "'9:2' has a step and is no range."),
        (["delivered_share=0.1..0.3"], "a range of share needs a step. Write 0.1..0.3:0.1, say."),
        (["delivered_share=0.1..0.3:0.00001"], "has more than 2,000 values. Give a larger step."),
        (["absence_days=30..130", "removal_lag=0..30"], "these are 3,131 variants, and at most 2,000 are possible"),
    ],
)
def test_what_cannot_be_varied_is_reported(settings: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        read_grid(settings, default_rules().parameters)
    assert message in str(error.value)
    assert str(error.value).startswith("--set")


def test_every_combination_is_a_variant_and_later_rules_vary_fastest() -> None:
    """Residence follows from stays: with stays unchanged, only residence is decided again."""
    rules = default_rules()
    grid = read_grid(["activity_window=9,10", "absence_days=30,31", "unfinished.band_days=91,92"], rules.parameters)
    found = [tuple(values.values()) for values in variants_of(grid, rules)]
    assert found == [(window, days, band) for days in (30, 31) for band in (91, 92) for window in (9, 10)]
