"""The first stage in which two runs differ, on manifests by hand."""

from copy import deepcopy

from flows.again.difference import first_difference, same_tables


def manifest() -> dict:
    """Return what is compared of the manifest of a run with two stages."""

    def stage(key: str, table: str) -> dict:
        made_from = {"code": "c", "library polars": "2.0", "study rules": "r", "study seed": "1"}
        return {"key": key, "made_from": made_from, "wrote": [table]}

    return {
        "stages": {"stays": stage("s", "stays.parquet"), "count": stage("c", "counts.parquet")},
        "outputs": {"tables/stays.parquet": {"sha256": "1"}, "tables/counts.parquet": {"sha256": "2"}},
        "inputs": [{"file": "pds.csv", "sha256": "9"}],
        "rule_set": {"id": "long_term_2019", "digest": "abc"},
        "commit": "1234567",
    }


def changed(**more: str) -> tuple[dict, dict]:
    """Return a manifest, and one whose stage `count` was made from other things."""
    one = manifest()
    other = deepcopy(one)
    other["stages"]["count"]["key"] = "another"
    other["stages"]["count"]["made_from"] |= {name.replace("__", " "): value for name, value in more.items()}
    return one, other


def test_equal_manifests_do_not_differ():
    assert first_difference(manifest(), manifest()) is None
    assert same_tables(manifest(), manifest())


def test_the_reason_is_what_the_first_stage_was_made_from():
    for more, reason in [
        ({"library__polars": "2.1"}, "library (polars 2.0, 2.1)"),
        ({"study__seed": "2"}, "study (seed)"),
        ({"study__rules": "q"}, "rule (long_term_2019 abc)"),
        ({"code": "d"}, "code (1234567)"),
    ]:
        found = first_difference(*changed(**more))
        assert found is not None
        assert (found.stage, found.reasons, found.tables) == ("count", (reason,), ())


def test_an_input_is_named_by_its_file():
    one, other = changed(study__deliveries="x")
    other["inputs"].append({"file": "pr_2016.csv", "sha256": "7"})
    found = first_difference(one, other)
    assert found is not None
    assert found.reasons == ("input (pr_2016.csv)",)


def test_the_same_things_and_another_table_are_a_difference_too():
    one, other = manifest(), manifest()
    other["outputs"]["tables/stays.parquet"]["sha256"] = "3"
    found = first_difference(one, other)
    assert found is not None
    assert (found.stage, found.reasons, found.tables) == ("stays", (), ("stays.parquet",))
    assert "made from the same things" in found.sentence
    assert not same_tables(one, other)


def test_a_run_that_does_not_say_what_it_was_made_from_is_named_as_such():
    one, other = changed()
    del other["stages"]["count"]["made_from"]
    found = first_difference(one, other)
    assert found is not None
    assert "an earlier version made it" in found.reasons[0]
