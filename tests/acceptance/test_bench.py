"""Benchmarks print one object with their ratios; a bench is no test of speed."""

import json

import pytest

from flows.bench import BENCHMARKS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_prints_one_object(name, command):
    outcome = command("bench", name, "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert set(found) == {"name", "rows", "seconds", "peak_mib", "ratios"}
    assert found["name"] == name
    assert found["rows"] > 0
    assert all(ratio > 0 for ratio in found["ratios"].values())
