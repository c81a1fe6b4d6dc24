"""The checks of `sojourn doctor`, each with what it must find and what it must let pass."""

import json

import pytest

from flows import doctor


def test_an_installation_by_the_lock_is_in_order():
    assert {one.severity for one in doctor.installation()} == {"ok"}


def test_another_version_than_the_locked_one_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / doctor.LOCK).write_text("polars==1.0 \\\n    --hash=sha256:0\nno-such-library==1.0 \\\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    found = [one for one in doctor.installation() if one.severity == "fault"]
    assert len(found) == 1
    assert "(locked: ==1.0)" in found[0].found
    assert "no-such-library is missing" in found[0].found


def test_a_library_that_another_python_needs_is_not_missed(tmp_path, monkeypatch):
    (tmp_path / doctor.LOCK).write_text("no-such-library==1.0 ; python_version < '3.0' \\\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert {one.severity for one in doctor.installation()} == {"ok"}


@pytest.mark.parametrize(("text", "severity"), [("ab" * 32, "ok"), ("xy", "fault"), ("ab", "fault")])
def test_a_key_in_the_environment_is_looked_at_and_never_shown(monkeypatch, tmp_path, capsys, text, severity):
    path = tmp_path / "key"
    path.write_text(text)
    monkeypatch.setenv("SOJOURN_KEY_FILE", str(path))
    assert [one.severity for one in doctor.key()] == [severity]
    doctor.doctor(as_json=True)
    found = capsys.readouterr().out
    assert text not in found
    assert {"check", "severity", "found", "advice"} == set(json.loads(found)[0])


def test_a_server_that_does_not_answer_is_a_warning(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert [one.severity for one in doctor.prefect()] == ["warning"]


def test_a_fault_is_the_exit_status(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([doctor.Finding("disk", "warning", "full")]),))
    assert doctor.doctor(as_json=True) == 0
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([doctor.Finding("disk", "fault", "gone")]),))
    assert doctor.doctor(as_json=True) == 1
