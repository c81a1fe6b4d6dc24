"""No text becomes code: nothing is unpickled, evaluated or executed, whatever a study, contract or rule set says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipeline", "synthetic_data", "linkage", "rules", "estimation", "publication", "reception", "flows")
LOADS_CODE = re.compile(
    r"^\s*(?:import|from)\s+(?:\w+,\s*)*(?:pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve|jsonpickle|yaml)\b"
    r"|(?<![\w.])(?:eval|exec|compile|__import__)\("
    r"|\bread_pickle\b|\ballow_pickle\s*=\s*True",
    re.MULTILINE,
)


def test_no_module_makes_code_of_a_text():
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > 300
    found = [str(path.relative_to(ROOT)) for path in files if LOADS_CODE.search(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from pickle import loads", "import json, marshal", "x = eval(text)", "    exec(rule)",
        "np.load(path, allow_pickle=True)", "f(compile(text, name, mode))",
    ],
)  # fmt: skip
def test_the_search_finds_it(line):
    assert LOADS_CODE.search(line)


@pytest.mark.parametrize("line", ["re.compile(text)", "ast.literal_eval(text)", "# never pickled", "self.eval(x)"])
def test_the_search_leaves_what_only_looks_like_it(line):
    assert not LOADS_CODE.search(line)
