"""Who is linked with whom: the study's wishes, the defaults, and what is refused."""

import pytest

from linkage.plan import models_of, plan_of
from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract, read_contracts
from pipeline.study import LinkageSettings

WHERE = "study.toml, [linkage]"
COLUMNS = {
    "name": 'name = { header = "NAME", type = "text", identifier = "full_name" }',
    "born": 'born = { header = "BORN", type = "date", identifier = "date_of_birth" }',
    "post": 'post = { header = "POST", type = "text", identifier = "postcode" }',
    "number": 'number = { header = "NUMBER", type = "text", identifier = "council_number", direct = true }',
}


@pytest.fixture
def of(tmp_path):
    """Return contracts of sources, each with some of `COLUMNS`."""

    def contracts(**sources):
        made = {}
        for source, columns in sources.items():
            text = "\n".join(COLUMNS[one] for one in columns.split())
            path = tmp_path / f"{source}.toml"
            path.write_text(f'source = "{source}"\n[extracts.{source}]\n[extracts.{source}.columns]\n{text}\n')
            made[source] = read_contract(path)
        return made

    return contracts


ALL = "name born post"


def plan(contracts, **settings):
    return plan_of(LinkageSettings(**settings), contracts, WHERE)


def refusal(contracts, **settings):
    with pytest.raises(UserError) as error:
        plan(contracts, **settings)
    assert str(error.value).startswith(f"{WHERE}: ")
    return str(error.value).removeprefix(f"{WHERE}: ")


def test_without_a_wish_all_sources_that_share_enough_are_linked_and_there_is_no_spine(of):
    found = plan(of(c=ALL, a=ALL, b="name born", d="born"))
    assert found.spine is None
    assert found.sources == ("a", "b", "c", "d") == tuple(found.order_of_people)
    assert found.modelled == (("a", "b"), ("a", "c"), ("b", "c"))
    assert found.by_keys_only == found.duplicates == ()


def test_two_sources_share_enough_by_two_kinds_of_attributes_however_these_are_recorded(of):
    assert plan(of(a="name post", b="born post")).modelled == ()
    assert plan(of(a="name post", b="name post")).modelled == (("a", "b"),)
    # a full name in one column is a given name and a family name to others
    assert plan(of(a="name", b="name")).modelled == (("a", "b"),)
    pds = read_contracts()["pds"]
    assert plan(of(a="name") | {"pds": pds}).modelled == (("a", "pds"),)
    assert plan(of(a="number", b="number")).modelled == ()


def test_the_defaults_are_those_of_sojourn_s_own_sources():
    contracts = read_contracts()
    found = plan(contracts)
    assert found.spine == "pds" == found.sources[-1] == found.order_of_people[0]
    assert found.by_keys_only == ("pr",)
    assert {"review_sample", "benefits", "leave"}.isdisjoint(found.sources)
    linked = ["activity", "births", "coverage_survey", "deaths", "exit_checks", "hesa", "mws", "pds"]
    assert set(found.modelled) == {(a, b) for a in linked for b in linked if a < b}


def test_the_spine_comes_last_in_pairs_and_first_among_people(of):
    found = plan(of(a=ALL, b=ALL, c=ALL), spine="a")
    assert found.sources == ("b", "c", "a")
    assert found.modelled == (("b", "c"), ("b", "a"), ("c", "a"))
    assert found.order_of_people == ["a", "b", "c"]


def test_a_study_may_have_no_spine_even_if_it_has_the_default_one():
    contracts = {name: read_contracts()[name] for name in ("pds", "hesa", "mws")}
    found = plan(contracts, spine="")
    assert found.spine is None
    assert found.modelled == (("hesa", "mws"), ("hesa", "pds"), ("mws", "pds"))


def test_sources_that_are_never_linked_or_by_keys_alone_are_the_study_s(of):
    contracts = of(a=ALL, b=ALL, c=ALL, d=ALL)
    found = plan(contracts, spine="a", never=["d"], by_keys_only=["b"])
    assert found.sources == ("b", "c", "a")
    assert found.modelled == (("c", "a"),)
    assert found.by_keys_only == ("b",)


def test_a_study_may_name_the_pairs_in_any_order_and_once(of):
    found = plan(of(a=ALL, b=ALL, c=ALL), spine="a", pairs=[("a", "c"), ("c", "a"), ("c", "b")])
    assert found.modelled == (("b", "c"), ("c", "a"))


def test_a_source_is_searched_for_duplicates_by_either_key(of):
    for settings in ({"duplicates": ["a"]}, {"pairs": [("a", "b"), ("a", "a")]}):
        found = plan(of(a=ALL, b=ALL), **settings)
        assert found.modelled == (("a", "a"), ("a", "b"))
        assert found.duplicates == ("a",)


def test_one_source_alone_is_searched_for_duplicates(of):
    assert plan(of(a=ALL), duplicates=["a"]).modelled == (("a", "a"),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spine": "councl"}, "unknown source of 'spine' 'councl'. Did you mean 'council'?"),
        ({"never": ["councl"]}, "unknown source of 'never' 'councl'. Did you mean 'council'?"),
        ({"by_keys_only": ["councl"]}, "unknown source of 'by_keys_only' 'councl'. Did you mean 'council'?"),
        ({"duplicates": ["councl"]}, "unknown source of 'duplicates' 'councl'. Did you mean 'council'?"),
        ({"pairs": [("councl", "voters")]}, "unknown source of 'pairs' 'councl'. Did you mean 'council'?"),
        ({"spine": "council", "never": ["council"]}, "the spine 'council' is also listed under 'never'"),
        (
            {"duplicates": ["council"], "never": ["council"]},
            "'council' is listed under 'duplicates' and under 'never'",
        ),
        (
            {"pairs": [("council", "voters")], "never": ["council"]},
            "'council' is named under 'pairs' and under 'never'",
        ),
        ({"pairs": [("council", "tallies")]}, "'council' and 'tallies' cannot be compared by a model."),
        ({"spine": "tallies"}, "'tallies' cannot be the spine, because its contract has fewer than 2 of name"),
        ({"duplicates": ["tallies"]}, "'tallies' is listed under 'duplicates', but its contract has fewer than 2 of"),
    ],
)
def test_what_cannot_be_done_is_refused(of, settings, message):
    found = refusal(of(council=ALL, voters=ALL, tallies="number"), **settings)
    assert message in found
    assert "\n" not in found


def test_a_review_must_name_its_matches_by_the_key_of_the_spine():
    contracts = {name: read_contracts()[name] for name in ("activity", "coverage_survey", "review_sample")}
    message = refusal(contracts, spine="activity")
    assert message.startswith("'activity' cannot be the spine, because the clerical review 'review_sample' does not")


def test_a_model_is_named_by_its_two_sources_in_any_order_or_by_one_that_is_linked_with_the_spine(of):
    found = plan(of(a=ALL, b=ALL, c=ALL), spine="a")
    named = models_of(found, ["b-a", "a-c", "c-b"], WHERE)
    assert named == {"b-a": ("b", "a"), "a-c": ("c", "a"), "c-b": ("b", "c")}
    assert models_of(found, ["b"], WHERE) == {"b": ("b", "a")}


def test_an_unknown_model_is_a_mistake_that_names_the_nearest(of):
    found = plan(of(a=ALL, b=ALL, c=ALL))
    with pytest.raises(UserError, match="unknown model 'a-d'"):
        models_of(found, ["a-d"], WHERE)
    with pytest.raises(UserError, match="unknown model 'a'"):  # no spine
        models_of(found, ["a"], WHERE)


def test_one_model_given_two_files_is_a_mistake(of):
    """Under the names of both orders, so that neither file is silently left out."""
    found = plan(of(a=ALL, b=ALL), spine="b")
    for names in (["a-b", "b-a"], ["a-b", "a"]):
        with pytest.raises(UserError, match="are the same model, 'a-b'"):
            models_of(found, names, WHERE)
