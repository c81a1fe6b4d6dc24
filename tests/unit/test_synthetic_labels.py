"""Labels: a small set of texts for many rows, compared by number."""

import numpy as np
import polars as pl
import pytest

from synthetic_data.numbers.labels import Labels

PURPOSES = Labels.looked_up(["work", "study", "work", "visit"], np.array([0, 1, 2, 3, 1]))


def test_repeated_texts_in_a_table_are_one_label() -> None:
    assert PURPOSES.texts == ("work", "study", "visit")
    assert PURPOSES.are("work").tolist() == [True, False, True, False, False]


def test_rows_are_selected_by_index_and_by_mask() -> None:
    assert PURPOSES[np.array([3, 0])].series("purpose").to_list() == ["visit", "work"]
    assert len(PURPOSES[PURPOSES.are_any("study", "nothing")]) == 2


def test_a_column_returns_its_texts() -> None:
    column = pl.Series("group", ["EU", "British", "EU"])
    assert Labels.of(column, ["British", "EU", "Irish"]).series("group").equals(column)


def test_every_text_has_a_value() -> None:
    assert PURPOSES.values({"work": 1, "study": 2.5, "visit": 3}).tolist() == [1, 2.5, 1, 3, 2.5]
    with pytest.raises(KeyError, match="visit"):
        PURPOSES.values({"work": 1, "study": 2})


def test_some_rows_change() -> None:
    changed = PURPOSES.changed(PURPOSES.are_any("study", "visit"), "work")
    assert changed.are("work").all()
    assert PURPOSES.are("study").sum() == 2


def test_a_text_that_no_row_can_have_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        PURPOSES.are("studies")
    with pytest.raises(ValueError, match="nulls"):
        Labels.of(pl.Series("group", ["British", None]), ["British"])
    with pytest.raises(ValueError, match="200 texts are too many"):
        Labels.of(pl.Series(["t199"]), [f"t{number}" for number in range(200)])
    with pytest.raises(pl.exceptions.InvalidOperationError):
        Labels.of(pl.Series(["Martian"]), ["British"])
