"""The key: where it is read from, what is refused, and that it is never shown."""

import copy
import hashlib
import hmac
import pickle

import pytest
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
    expected = hmac.new(bytes.fromhex(SECRET), b"name\x1fJOSE", hashlib.sha256).digest()[:8]
    assert token(key, "name", "JOSE") == int.from_bytes(expected, "big")
    assert token(key, "postcode", "JOSE") != token(key, "name", "JOSE")


def test_the_id_distinguishes_keys():
    assert PseudonymisationKey(b"a" * 32).key_id != PseudonymisationKey(b"b" * 32).key_id
    expected = hmac.new(b"a" * 32, b"key id", hashlib.sha256).hexdigest()[:16]
    assert PseudonymisationKey(b"a" * 32).key_id == expected
