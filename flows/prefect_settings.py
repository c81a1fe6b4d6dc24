"""Settings of Prefect, made before it is imported: quiet and local by default, and whatever the user has set.

A user's own profile and variables stay in force; what would have to be ignored is refused.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.disk import make_folder
from pipeline.errors import UserError

UNUSABLE_SIGNS = "%?\\"
"""Signs of a folder that the URL of Prefect's database cannot have: it would be refused, or be elsewhere."""
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}
HIDDEN_FROM_OTHERS = 0o077
"""The file mode mask of processes of Prefect: what they write is for their owner, like all that we write."""
OF_A_SERVER = ("PREFECT_API_", "PREFECT_SERVER_API_", "PREFECT_SERVER_DATABASE_", "PREFECT_HOME", "PREFECT_CLOUD_")
"""How settings begin that say which server to use, or where it keeps its state."""


def settle(run: Path) -> None:
    """Set what the user has not set: no telemetry, few messages, state inside the run folder, time to start.

    From now on this process, and those that it starts, write files for their owner alone.
    Raises `UserError` for a folder in which Prefect cannot keep its state, and for a profile that is not there.
    """
    _active_profile()
    _keep_profile(os.environ)
    for name, value in {"PREFECT_HOME": str(run / ".prefect"), **QUIET}.items():
        os.environ.setdefault(name, value)
    home = os.environ["PREFECT_HOME"]
    check_usable(Path(home), "Choose another --out, set PREFECT_HOME to another folder, or run without --prefect.")
    make_folder(Path(home))  # Prefect makes only the last folder
    os.umask(HIDDEN_FROM_OTHERS)


def settings_of_server(home: Path, address: str) -> dict[str, str]:
    """Return the environment of a server with its state in `home`, of its worker and of its flow runs.

    Raises `UserError`, which names it, for a setting of the user that says to use another server.
    """
    for name, where in _set_by_user():
        if name.startswith(OF_A_SERVER):
            raise UserError(
                f"{name} ({where}): is about a Prefect server of yours, and `sojourn serve` starts one of its own. "
                "Unset it; or register the flows with your server (docs/operations.md)."
            )
    check_usable(home, "Choose another --folder.")
    environment = dict(os.environ)
    _keep_profile(environment)
    for name, value in {**QUIET, "PREFECT_LOGGING_LEVEL": "INFO"}.items():
        environment.setdefault(name, value)
    loopback = [environment.get("NO_PROXY", ""), "127.0.0.1", "localhost"]
    return environment | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{address}/api",
        "NO_PROXY": ",".join(filter(None, loopback)),
    }


def check_usable(home: Path, advice: str) -> None:
    """Raise `UserError` for a folder in which Prefect cannot keep its state."""
    if set(str(home)).intersection(UNUSABLE_SIGNS):
        signs = " ".join(UNUSABLE_SIGNS)
        raise UserError(f"{home}: Prefect cannot use a folder whose path has one of {signs}. {advice}")


def _keep_profile(environment: dict[str, str] | os._Environ[str]) -> None:
    """Name the user's profiles, which Prefect looks for in its home: another home must not make it forget them."""
    profiles = _profiles_path()
    if profiles.is_file():
        environment.setdefault("PREFECT_PROFILES_PATH", str(profiles))


def _profiles_path() -> Path:
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect"))
    return Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml")).expanduser()


def _set_by_user() -> Iterator[tuple[str, str]]:
    """Yield the name of each setting of Prefect that the user has made, and where: the environment or a profile."""
    for name in sorted(os.environ):
        if name.startswith("PREFECT_"):
            yield name, "in your environment"
    active, settings = _active_profile()
    for name in settings:
        yield str(name), f"in your Prefect profile '{active}'"


def _active_profile() -> tuple[str, Mapping[str, Any]]:
    """Return the name and the settings of the profile in force: one of the user, or one that comes with Prefect.

    Raises `UserError` for profiles that cannot be read, and for one that is not there: Prefect would use another one.
    """
    path = _profiles_path()
    own, shipped = _read_profiles(path), _read_profiles(_shipped_profiles())
    named = os.environ.get("PREFECT_PROFILE")
    active = str(named or own.get("active") or shipped.get("active"))
    of_user, of_prefect = _profiles_in(own), _profiles_in(shipped)
    if active not in of_user and active not in of_prefect:
        where = "PREFECT_PROFILE (in your environment)" if named else str(path)
        known = ", ".join(sorted({*of_user, *of_prefect}))
        raise UserError(f"{where}: there is no Prefect profile '{active}' (there are {known}). Name one of them.")
    return active, {**of_prefect.get(active, {}), **of_user.get(active, {})}


def _read_profiles(path: Path) -> Mapping[str, Any]:
    """Return the contents of a file of profiles, none if there is none; raises `UserError` if it is damaged."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError as error:
        raise UserError(f"{path}: is not a file of Prefect profiles ({error}). Correct or remove it.") from None


def _profiles_in(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    profiles = found.get("profiles")
    named = profiles if isinstance(profiles, Mapping) else {}
    return {str(name): settings for name, settings in named.items() if isinstance(settings, Mapping)}


def _shipped_profiles() -> Path:
    """Return the file of the profiles that come with Prefect, without importing it, which takes seconds."""
    prefect = find_spec("prefect")
    assert prefect is not None
    assert prefect.origin is not None, "it is one of our requirements"
    return Path(prefect.origin).parent / "settings" / "profiles.toml"
