"""Who is a resident on a reference date, where a list is read a little after it."""

import datetime as dt

from rule_timelines import said, tell

D = dt.date


def test_a_child_born_after_the_date_is_no_resident_of_it() -> None:
    """The Patient Register of 31 July holds children born in July."""
    listed = [said("nhs_listed", D(2017, 7, 31)), said("nhs_listed", D(2018, 7, 31))]
    july = tell(listed, born=D(2017, 7, 1))
    june = tell(listed, born=D(2017, 6, 1))
    assert not july.residents.get(2017, False)
    assert june.residents[2017]
    assert july.residents[2018]
