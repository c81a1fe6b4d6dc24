"""What the terminal shows can be typed again."""

from flows.terminal import shown


def test_a_path_is_shown_as_it_can_be_typed_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "study" / "run") == "study/run"
    assert shown(tmp_path / "my study" / "run") == "'my study/run'"
    assert shown(tmp_path.parent / "elsewhere") == str(tmp_path.parent / "elsewhere")
