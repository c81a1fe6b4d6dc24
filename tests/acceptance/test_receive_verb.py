"""`sojourn simulate --deliveries` and `sojourn receive` as a user runs them."""

import json
import shutil

import pytest

from flows.receive import receive_delivery
from flows.simulate import delivery_days, simulate_study
from flows.terminal import Terminal
from pipeline.errors import UserError

DAYS = "2018-12-31,2019-03-31"


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    out = tmp_path_factory.mktemp("verb") / "country"
    simulate_study(1_000, 5, out, Terminal(), deliveries=delivery_days(DAYS))
    return out


def test_the_same_deliveries_are_not_simulated_twice_and_others_replace_them(country, tmp_path, capsys):
    out = tmp_path / "copy"
    shutil.copytree(country, out)
    assert simulate_study(1_000, 5, out, Terminal(), deliveries=delivery_days(DAYS)).reused
    (out / "deliveries" / "2019-03-31" / "extracts" / "pds.parquet").unlink()
    assert not simulate_study(1_000, 5, out, Terminal(), deliveries=delivery_days(DAYS)).reused
    simulate_study(1_000, 5, out, Terminal())
    assert not (out / "deliveries").exists()
    assert (out / "extracts" / "pds.parquet").is_file()


def test_a_clean_delivery_ends_with_0_and_a_faulty_one_with_1_and_a_list(command, country, tmp_path):
    now, before = country / "deliveries" / "2019-03-31", country / "deliveries" / "2018-12-31"
    outcome = command("receive", country, now, "--against", before)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith("0 faults\n")
    faulty = tmp_path / "faulty"
    shutil.copytree(now / "extracts", faulty)  # files alone, without a study: those that the study names
    file = faulty / "mws.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",POSTCODE", ",PLZ", 1), encoding="utf-8")
    outcome = command("receive", now, faulty, "--against", before, "--json")
    assert outcome.status == 1
    assert json.loads(outcome.out) == [
        {"source": "mws", "column": "postcode", "check": "missing column", "expected": "a column 'POSTCODE'",
         "found": "mws.csv: none"},
        {"source": "mws", "column": "PLZ", "check": "added column", "expected": "none of this name",
         "found": "mws.csv: a column 'PLZ'"},
    ]  # fmt: skip


def test_a_missing_file_is_named_and_the_others_are_checked(country, tmp_path, capsys):
    now = country / "deliveries" / "2019-03-31"
    copy = tmp_path / "copy"
    shutil.copytree(now, copy)
    (copy / "extracts" / "births.csv").unlink()
    assert receive_delivery(now, copy, None, as_json=False, threads=1) == 1
    assert "births" in capsys.readouterr().out


def test_what_cannot_be_read_is_a_mistake_of_the_user(country, tmp_path):
    now = country / "deliveries" / "2019-03-31"
    with pytest.raises(UserError, match="contains none of the files"):
        receive_delivery(now, tmp_path, None, as_json=False, threads=1)
    with pytest.raises(UserError, match="Give the later delivery first"):
        receive_delivery(now, country / "deliveries" / "2018-12-31", now, as_json=False, threads=1)
    damaged = tmp_path / "before"
    shutil.copytree(country / "deliveries" / "2018-12-31", damaged)
    (damaged / "extracts" / "pds.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="the delivery before cannot be read"):
        receive_delivery(now, now, damaged, as_json=False, threads=1)


@pytest.mark.parametrize(
    ("days", "message"),
    [("2018-12-31;2019-03-31", "not a list of days"), ("2019-03-31,2018-12-31", "Put them in order")],
)
def test_days_that_are_none_or_not_in_order_are_refused(days, message):
    with pytest.raises(UserError, match=message):
        delivery_days(days)
