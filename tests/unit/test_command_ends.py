"""How the command ends a process: without Prefect's tear-down, unless the process has other work."""

import sys
from types import ModuleType

import pytest

from flows.cli import main


def test_a_process_that_had_loaded_prefect_goes_on_after_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect", ModuleType("prefect"))
    with pytest.raises(SystemExit) as ended:
        main(["rules", "show", "nowhere.toml"])
    assert ended.value.code == 2
