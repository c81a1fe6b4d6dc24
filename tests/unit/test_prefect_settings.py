"""A user's own Prefect settings: in force, or refused in one sentence; never half used."""

import os
import socket

import pytest

from flows.prefect_settings import settings_of_server, settle
from flows.serve import serve
from pipeline.errors import UserError

ADDRESS = "http://127.0.0.1:4999"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """A home without Prefect, and no setting that a test leaves behind."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("os.environ", {"HOME": str(tmp_path / "home"), "PATH": ""})
    mask = os.umask(0o022)
    yield
    os.umask(mask)


def write_profile(tmp_path, *settings: str) -> None:
    folder = tmp_path / "home" / ".prefect"
    folder.mkdir(parents=True)
    (folder / "profiles.toml").write_text('active = "mine"\n[profiles.mine]\n' + "\n".join(settings) + "\n")


def test_a_server_keeps_all_in_its_folder(tmp_path):
    made = settings_of_server(tmp_path / "server", ADDRESS)
    assert made["PREFECT_HOME"] == str(tmp_path / "server")
    assert made["PREFECT_API_URL"] == f"{ADDRESS}/api"
    assert made["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert "PREFECT_PROFILES_PATH" not in made


@pytest.mark.parametrize(
    "name", ["PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_HOME", "PREFECT_SERVER_DATABASE_CONNECTION_URL"]
)
def test_a_server_of_the_user_in_the_environment_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, name, "http://elsewhere/api")
    with pytest.raises(UserError, match=rf"^{name} \(in your environment\): is about a Prefect server of yours"):
        settings_of_server(tmp_path / "server", ADDRESS)


def test_a_server_of_the_users_profile_is_refused(tmp_path):
    write_profile(tmp_path, 'PREFECT_API_URL = "http://elsewhere/api"')
    with pytest.raises(UserError, match=r"^PREFECT_API_URL \(in your Prefect profile 'mine'\)"):
        settings_of_server(tmp_path / "server", ADDRESS)


def test_other_settings_of_the_user_stay_in_force(tmp_path, monkeypatch):
    write_profile(tmp_path, 'PREFECT_UI_V2_ENABLED = "true"')
    monkeypatch.setitem(os.environ, "PREFECT_LOGGING_LEVEL", "DEBUG")
    made = settings_of_server(tmp_path / "server", ADDRESS)
    assert made["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert made["PREFECT_PROFILES_PATH"] == str(tmp_path / "home" / ".prefect" / "profiles.toml")


def test_a_run_with_prefect_uses_the_server_of_the_users_profile(tmp_path):
    write_profile(tmp_path, 'PREFECT_API_URL = "http://elsewhere/api"')
    settle(tmp_path / "run")
    environment = os.environ
    assert environment["PREFECT_HOME"] == str(tmp_path / "run" / ".prefect")
    assert environment["PREFECT_PROFILES_PATH"] == str(tmp_path / "home" / ".prefect" / "profiles.toml")


def test_a_damaged_profile_is_named(tmp_path):
    write_profile(tmp_path, "no toml")
    with pytest.raises(UserError, match=r"profiles\.toml: is not a file of Prefect profiles"):
        settings_of_server(tmp_path / "server", ADDRESS)


def test_a_profile_that_is_not_there_is_refused_and_one_of_prefect_itself_is_known(tmp_path, monkeypatch):
    """Prefect would use another profile, and say so where nobody looks."""
    monkeypatch.setitem(os.environ, "PREFECT_PROFILE", "office")
    for use in (lambda: settings_of_server(tmp_path / "server", ADDRESS), lambda: settle(tmp_path / "run")):
        with pytest.raises(
            UserError, match=r"^PREFECT_PROFILE .*there is no Prefect profile 'office' \(there are .*local"
        ):
            use()
    assert not (tmp_path / "run").exists()
    monkeypatch.setitem(os.environ, "PREFECT_PROFILE", "ephemeral")
    assert settings_of_server(tmp_path / "server", ADDRESS)["PREFECT_PROFILE"] == "ephemeral"
    monkeypatch.setitem(os.environ, "PREFECT_PROFILE", "local")
    with pytest.raises(UserError, match=r"^PREFECT_API_URL \(in your Prefect profile 'local'\)"):
        settings_of_server(tmp_path / "server", ADDRESS)
    monkeypatch.delitem(os.environ, "PREFECT_PROFILE")
    write_profile(tmp_path)
    profiles = tmp_path / "home" / ".prefect" / "profiles.toml"
    profiles.write_text(profiles.read_text().replace('active = "mine"', 'active = "ours"'))
    with pytest.raises(UserError, match=r"profiles\.toml: there is no Prefect profile 'ours'"):
        settle(tmp_path / "run")


def test_a_port_in_use_a_folder_of_other_files_and_an_unusable_one_are_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: cannot be used"):
            serve(None, tmp_path / "server", port)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match="contains files that are not of `sojourn serve`"):
        serve(None, tmp_path, 0)
    with pytest.raises(UserError, match="Prefect cannot use a folder whose path has one of"):
        serve(None, tmp_path / "50%", 0)
    with pytest.raises(UserError, match="--port: 70000 is not a port"):
        serve(None, tmp_path / "server", 70_000)
    with pytest.raises(UserError, match="--live: is the folder of scheduled runs"):
        serve(None, tmp_path / "server", 0, tmp_path / "runs")
    assert not (tmp_path / "server").exists()
