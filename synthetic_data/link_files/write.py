"""Files to link as a user would have them: CSV files, a contract each, a key and a study; and the truth.

`python -m synthetic_data.link_files.write KIND SEED FOLDER` writes the usual number of people.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from pipeline.errors import UserError, unknown
from pipeline.tables import write_text
from synthetic_data.link_files.agencies import census_register, four_sources, noisy
from synthetic_data.link_files.directories import dedupe, two_files
from synthetic_data.link_files.link_file import SERIAL, LinkFile

KINDS: Mapping[str, Callable[[int, int], list[LinkFile]]] = {
    "two_files": two_files,
    "dedupe": dedupe,
    "census_register": census_register,
    "noisy": noisy,
    "four_sources": four_sources,
}
"""Each kind of files, and what makes them from a seed and a number of people."""
PEOPLE = {"two_files": 5_000, "dedupe": 2_000, "census_register": 10_000, "noisy": 10_000, "four_sources": 10_000}
"""The usual number of people of each kind."""
FEWEST = 100
DATA_DATE = "2021-01-01"
STUDY, TRUTH, KEY = "study.toml", "truth.csv", "key.hex"


def link_files(kind: str, people: int, seed: int) -> list[LinkFile]:
    """Return the files of a kind, the same for the same seed.

    Raises `UserError` for an unknown kind and for too few people.
    """
    if kind not in KINDS:
        raise unknown("kind of files", kind, KINDS, "--kind")
    if people < FEWEST:
        raise UserError(f"--size: {people:,} people are too few to train a model. Choose {FEWEST} or more.")
    return KINDS[kind](seed, people)


def write_link_files(files: Sequence[LinkFile], out: Path, name: str, seed: int) -> Path:
    """Write the files, their contracts, a key, a study that links them and the truth; returns the study's path.

    The truth (`truth.csv`) has `source`, `subject` (the serial of a row) and `person`.
    """
    for file in files:
        rows = file.rows.with_columns(pl.all().replace("", None))
        write_text(rows.write_csv(), out / f"{file.source}.csv")
        write_text(contract_text(file), out / f"{file.source}.toml")
    write_text(hashlib.sha256(f"link files {seed}".encode()).hexdigest() + "\n", out / KEY)
    write_text(study_text([file.source for file in files], name), out / STUDY)
    write_text(truth_of(files).write_csv(), out / TRUTH)
    return out / STUDY


def truth_of(files: Sequence[LinkFile]) -> pl.DataFrame:
    """Return who each row is: `source, subject, person`."""
    return pl.concat(
        pl.DataFrame({"source": file.source, "subject": file.rows[SERIAL], "person": file.person}) for file in files
    )


def contract_text(file: LinkFile) -> str:
    """Return the least contract of a file: its serial is the public id, and it has no person key."""
    ignored = [header for header, said in file.columns.items() if not said]
    lines = [f'source = "{file.source}"', f'public_id = "{SERIAL}"', "", f"[extracts.{file.source}]"]
    lines += [f'unique = ["{SERIAL}"]', f"ignore = {json.dumps(ignored)}", "", f"[extracts.{file.source}.columns]"]
    lines += [f"{header} = {_in_toml({'header': header, **said})}" for header, said in file.columns.items() if said]
    return "\n".join(lines) + "\n"


def study_text(sources: Sequence[str], name: str) -> str:
    """Return the least study of some sources; a source that is alone is linked with itself."""
    contracts = json.dumps([f"{source}.toml" for source in sources])
    lines = [
        f"name = {json.dumps(name)}",
        f"data_date = {DATA_DATE}",
        f'key_file = "{KEY}"',
        f"contracts = {contracts}",
    ]
    for source in sources:
        lines += ["", "[[extract]]", f'name = "{source}"', f'files = ["{source}.csv"]']
    if len(sources) == 1:
        lines += ["", "[linkage]", f"duplicates = {json.dumps(list(sources))}"]
    return "\n".join(lines) + "\n"


def _in_toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_in_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    chosen, seed_given, folder = sys.argv[1:]
    made = link_files(chosen, PEOPLE.get(chosen, FEWEST), int(seed_given))
    write_link_files(made, Path(folder), f"{chosen} {seed_given}", int(seed_given))
