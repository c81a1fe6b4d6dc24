"""The states of Prefect in which runs end: who must act, and nothing that may not be stored."""

import errno

import pytest

from flows.delivery import LateDeliveryError
from flows.scheduled.outcomes import CAUGHT, EndedInStateError, ended, failed, is_passing
from pipeline.errors import UserError
from pipeline.study import digest_of_file


def raise_(error: BaseException):
    raise error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (LateDeliveryError("births.csv is missing"), "Late delivery"),
        (UserError("study.toml: unknown key"), "Failed check"),
        (OSError(errno.ENOSPC, "No space left on device", "tables"), "Failed check"),
        (KeyError("Olszewska"), "Program fault"),
        (EndedInStateError("Late delivery", "study: births.csv is missing"), "Late delivery"),
    ],
)
def test_the_state_says_who_must_act(error, name):
    state = ended(lambda: raise_(error))
    assert (state.type.name, state.name) == ("FAILED", name)


def test_a_program_fault_says_where_and_quotes_no_value():
    state = ended(lambda: raise_(ValueError("Olszewska, born 1990-05-20")))
    assert "ValueError in test_run_outcomes.py, line " in state.message
    assert "Olszewska" not in state.message
    assert "1990" not in state.message


def test_a_caller_finds_the_error_itself():
    caught = []
    token = CAUGHT.set(caught)
    error = UserError("wrong")
    ended(lambda: raise_(error))
    CAUGHT.reset(token)
    assert caught == [error]


def test_what_a_flow_says_is_the_message_of_its_state():
    assert ended(lambda: "done").message == "done"


def test_ctrl_c_is_no_outcome():
    with pytest.raises(KeyboardInterrupt):
        ended(lambda: raise_(KeyboardInterrupt()))


def test_reading_is_tried_again_after_errors_of_a_disk_that_may_pass():
    assert is_passing(OSError(errno.EIO, "Input/output error"))
    assert is_passing(OSError(errno.ESTALE, "Stale file handle"))
    assert not is_passing(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_passing(UserError("unknown key"))
    assert not is_passing(ValueError("no number"))


def test_a_file_that_cannot_be_read_is_told_from_one_that_is_not_there(tmp_path, monkeypatch):
    def unreadable(*_: object):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(UserError) as missing:
        digest_of_file(tmp_path / "births.csv")
    assert not is_passing(missing.value)
    (tmp_path / "births.csv").touch()
    monkeypatch.setattr("hashlib.file_digest", unreadable)
    with pytest.raises(UserError) as lost:
        digest_of_file(tmp_path / "births.csv")
    assert is_passing(lost.value)
    assert failed(lost.value).name == "Failed check"
