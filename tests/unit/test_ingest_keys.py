"""The key: where it is read from, what is refused, and that it is never shown."""

import copy
import hashlib
import hmac
import pickle
import traceback
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from slow_token import key_of_domain, slow_token
from small_study import KEY, SmallStudy

from pipeline.errors import UserError
from pipeline.keys import PseudonymisationKey, read_key, token
from pipeline.study import read_study

SECRET = "1f" * 31 + "7e"


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.delenv("SOJOURN_KEY", raising=False)
    monkeypatch.delenv("SOJOURN_KEY_FILE", raising=False)
    SmallStudy(tmp_path / "study", {"visits.csv": ""})

    def of(**changes):
        return read_study(tmp_path / "study" / "study.toml").model_copy(update=changes)

    return of


def test_the_study_comes_before_the_file_and_the_file_before_the_hex(study, tmp_path, monkeypatch):
    ids = {name: PseudonymisationKey(bytes.fromhex(name * 32)).key_id for name in ("ab", "22", "33")}
    monkeypatch.setenv("SOJOURN_KEY", "33" * 32)
    assert read_key(study(key_file=None)).key_id == ids["33"]
    (tmp_path / "env.key").write_text("# a comment\n\n" + "22" * 16 + "\n" + "22" * 16 + "\n")
    monkeypatch.setenv("SOJOURN_KEY_FILE", str(tmp_path / "env.key"))
    assert read_key(study(key_file=None)).key_id == ids["22"]
    assert read_key(study()).key_id == ids["ab"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SECRET[:-2], "31 bytes"),
        (SECRET[:-1], "hexadecimal"),
        (SECRET[:-2] + "zz", "hexadecimal"),
        ("", "0 bytes"),
        (SECRET[:-2] + "é", "hexadecimal"),
    ],
)
def test_a_short_or_malformed_key_is_refused_without_showing_it(study, text, says, monkeypatch):
    folder = study().folder
    (folder / "a.key").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says) as from_file:
        read_key(study())
    monkeypatch.setenv("SOJOURN_KEY", text or "00")
    with pytest.raises(UserError) as from_variable:
        read_key(study(key_file=None))
    for error in (from_file, from_variable):
        assert SECRET[:8] not in str(error.value)
        assert error.value.__context__ is None or SECRET[:8] not in repr(error.value.__context__)


def test_a_missing_key_says_how_to_make_one(study):
    with pytest.raises(UserError, match=r"SOJOURN_KEY.*token_hex"):
        read_key(study(key_file=None))
    with pytest.raises(UserError, match=r"gone\.key: no such key file"):
        read_key(study(key_file="gone.key"))


def test_a_synthetic_key_serves_synthetic_data_only(study):
    (study().folder / "a.key").write_text(f"# SYNTHETIC ONLY: follows from the seed\n{KEY}\n")
    with pytest.raises(UserError, match="not marked 'synthetic = true'"):
        read_key(study())
    assert read_key(study(synthetic=True)).key_id == PseudonymisationKey(bytes.fromhex(KEY)).key_id


def test_the_key_cannot_be_shown_pickled_or_copied():
    key = PseudonymisationKey(bytes.fromhex(SECRET))
    assert repr(key) == str(key) == "PseudonymisationKey(redacted)"
    assert not hasattr(key, "__dict__")
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            copying(key)


def test_a_token_is_the_beginning_of_the_standard_hmac():
    key = PseudonymisationKey(bytes.fromhex(SECRET))
    assert token(key, "name", "JOSE") == slow_token(bytes.fromhex(SECRET), "name", "JOSE")
    assert token(key, "postcode", "JOSE") != token(key, "name", "JOSE")


def test_threads_change_no_token():
    key = PseudonymisationKey(bytes.fromhex(SECRET))
    texts = pl.Series([f"{number:07d}" for number in range(50_000)])
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda domain: key.tokens(domain, texts), ["name", "postcode"] * 4))
    assert all(tokens.equals(found[at % 2]) for at, tokens in enumerate(found))
    at = [0, 24_999, 49_999]
    for domain, tokens in zip(("name", "postcode"), found, strict=False):
        assert tokens.gather(at).to_list() == [slow_token(bytes.fromhex(SECRET), domain, texts[row]) for row in at]


@pytest.mark.parametrize("texts", [pl.Series([1, 2]), pl.Series([["JOSE"]])])
def test_what_cannot_be_hashed_is_refused_without_a_word_of_the_key_or_the_values(texts):
    with pytest.raises(RuntimeError, match="the values of 'name' cannot be hashed") as error:
        PseudonymisationKey(bytes.fromhex(SECRET)).tokens("name", texts)
    shown = "".join(traceback.TracebackException.from_exception(error.value, capture_locals=True).format())
    assert "JOSE" not in str(error.value)
    assert error.value.__context__ is None
    assert not any(secret in shown for secret in secrets_of("name"))


def test_no_plan_shows_the_key(monkeypatch, capfd):
    """What Polars is given shows no argument: neither itself, nor its plan, nor what Polars logs of its work."""
    plans = []

    def recording(frame, expression):
        plans.append(repr(expression) + str(expression))
        plans.extend(frame.lazy().select(expression).explain(engine=engine) for engine in ("in-memory", "streaming"))
        return frame.lazy().select(expression).collect(engine="streaming")  # which logs more than the other engine

    monkeypatch.setattr(pl.DataFrame, "select", recording)
    with pl.Config(verbose=True):
        PseudonymisationKey(bytes.fromhex(SECRET)).tokens("name", pl.Series(["JOSE"]))
    logged = capfd.readouterr()
    assert all("hmac_sha256" in plan for plan in plans)
    assert "polars-stream" in logged.err  # it did log
    for shown in (*plans, logged.out, logged.err):
        assert not any(secret in shown for secret in secrets_of("name"))


def secrets_of(domain: str) -> list[str]:
    """Return the key and that of a domain, as text and as Python shows bytes of them."""
    return [SECRET, repr(bytes.fromhex(SECRET))[2:-1], key_of_domain(bytes.fromhex(SECRET), domain)]


def test_the_id_distinguishes_keys():
    assert PseudonymisationKey(b"a" * 32).key_id != PseudonymisationKey(b"b" * 32).key_id
    expected = hmac.new(b"a" * 32, b"key id", hashlib.sha256).hexdigest()[:16]
    assert PseudonymisationKey(b"a" * 32).key_id == expected
