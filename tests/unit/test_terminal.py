"""What the terminal prints can be typed again."""

from flows.terminal import typed


def test_a_path_is_printed_as_it_can_be_typed_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert typed(tmp_path / "study" / "run") == "study/run"
    assert typed(tmp_path / "my study" / "run") == "'my study/run'"
    assert typed(tmp_path.parent / "elsewhere") == str(tmp_path.parent / "elsewhere")
