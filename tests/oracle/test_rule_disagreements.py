"""Probabilities of values on which sources disagree: as in a plain loop, and right as often as they say."""

import math
from collections import defaultdict

import numpy as np
import polars as pl
import pytest

from rules.disagreements import value_probabilities

ERRORS = {"a": 0.02, "b": 0.05, "c": 0.2}


def population(draw: np.random.Generator, people: int) -> dict[int, dict[str, str]]:
    """Return what three sources say of the sex of people, who are all female; each errs at its own rate."""
    return {
        person: {source: "M" if draw.random() < error else "F" for source, error in ERRORS.items()}
        for person in range(people)
    }


def frames(said: dict[int, dict[str, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    disagree = [
        (person, source, value)
        for person, values in said.items()
        if len(set(values.values())) > 1
        for source, value in values.items()
    ]
    compared = [(source, len(said)) for source in ERRORS]
    schema = {"person_id": pl.Int64, "source": pl.String, "value": pl.String}
    return (
        pl.DataFrame(disagree, schema=schema, orient="row"),
        pl.DataFrame(compared, schema=["source", "people"], orient="row"),
    )


def in_a_loop(said: dict[int, dict[str, str]], steps: int) -> dict[tuple[int, str], float]:
    """Estimate error rates and probabilities in turn, person by person."""
    disagree = {person: values for person, values in said.items() if len(set(values.values())) > 1}
    probability = {(person, value): 0.5 for person, values in disagree.items() for value in set(values.values())}
    for _ in range(steps):
        wrong: dict[str, float] = defaultdict(float)
        for person, values in disagree.items():
            for source, value in values.items():
                wrong[source] += 1 - probability[person, value]
        error = {source: (wrong[source] + 0.5) / (len(said) + 1) for source in ERRORS}
        for person, values in disagree.items():
            weight = {
                value: math.prod((1 - error[s]) / error[s] for s, said_value in values.items() if said_value == value)
                for value in set(values.values())
            }
            for value, one in weight.items():
                probability[person, value] = one / sum(weight.values())
    return probability


def test_probabilities_are_those_of_a_plain_loop() -> None:
    said = population(np.random.default_rng(1), 500)
    found = value_probabilities(*frames(said), other_values=1)
    expected = in_a_loop(said, 100)
    assert found.height == len(expected) > 100
    for person, value, probability in found.iter_rows():
        assert probability == pytest.approx(expected[person, value], abs=2e-6)


def test_probabilities_are_right_as_often_as_they_say() -> None:
    found = value_probabilities(*frames(population(np.random.default_rng(2), 20_000)), other_values=1)
    for low in (0.0, 0.5):
        band = found.filter(pl.col("probability").is_between(low, low + 0.5, closed="left"))
        assert band.height > 1_000
        assert (band["value"] == "F").mean() == pytest.approx(band["probability"].mean(), abs=0.02)


def test_without_disagreement_there_is_nothing_to_estimate() -> None:
    said = {1: dict.fromkeys(ERRORS, "F")}
    assert value_probabilities(*frames(said), other_values=1).is_empty()
