"""The verb `rekey`: the pseudonyms of a run under another key, for a second recipient, without any clear data.

Every stored token becomes another one by a keyed function of it (SipHash under a key that is derived from the new
secret), so that what was equal stays equal, and nothing else of the first recipient's tokens is left. The two
recipients cannot join their files by token, and links made of either are the same. Whoever has the new key and the
first tokens can make the second: neither recipient may have it.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from flows.evaluate import study_of_run
from flows.stages_again import stored_result
from flows.terminal import typed
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.keys import PseudonymisationKey, key_from_file
from pipeline.store import publish_folder
from pipeline.tables import read_table, write_table, write_text
from publication.run_folder import read_manifest

FOLDERS = ("tokens", "records")
"""The folders of pseudonymised tables; `subjects` and `quarantine` would lead back to the rows of the files."""
ALONE = ("ledger.parquet", "gaps.parquet")
ABOUT = "rekeyed.json"
TOKEN = pl.UInt64
"""The type of a token: no other column of these tables has it."""


def rekey_run(run: Path, key_file: Path, out: Path) -> int:
    """Write the tokens and records of a finished run under the key of a file into the new folder `out`.

    `out` then has what the stage `link` reads, in its layout, and `rekeyed.json` with the ids of both keys. Raises
    `UserError` for a folder that exists, the run's own key, and a run whose stored results are missing. Returns the
    exit status.
    """
    run, out = run.resolve(), out.resolve()
    study = study_of_run(run)
    if out.exists():
        raise UserError(f"--out {typed(out)}: this folder exists. Name a new one.")
    key = key_from_file(key_file, study, "named by --key-file")
    manifest = read_manifest(run) or {}
    first, second = manifest["key_id"], key.key_id
    if first == second:
        raise UserError(f"--key-file {typed(key_file)}: this is the run's own key. A second recipient needs another.")
    ingest = stored_result(run, INGEST.name, manifest["stages"][INGEST.name]["key"]).folder
    with TemporaryDirectory(dir=out.parent, prefix=".rekey-") as folder:
        aside = Path(folder)
        names = [path.relative_to(ingest) for of in FOLDERS for path in sorted((ingest / of).glob("*.parquet"))]
        for name in names:
            write_table(rekeyed(read_table(ingest / name), key), aside / name)
        about = {"key_id": second, "key_id_of_run": first, "study": study.name, "synthetic": study.synthetic}
        write_text(json.dumps(about, indent=1) + "\n", aside / ABOUT)
        files = {str(name): aside / name for name in [*names, Path(ABOUT)]}
        publish_folder(files | {name: ingest / name for name in ALONE if (ingest / name).exists()}, out)
    print(f"{len(names)} tables under the key {second}: {typed(out)}")  # noqa: T201 - the output
    return 0


def rekeyed(table: pl.DataFrame, key: PseudonymisationKey) -> pl.DataFrame:
    """Return a table in which every token, alone or in a list, is another under a key; all else is as it was."""

    def again(tokens: pl.Series) -> pl.Series:
        found = pl.Series(tokens.name, key.again(tokens.fill_null(0).to_numpy()), dtype=TOKEN)
        return pl.select(pl.when(tokens.is_not_null()).then(found).alias(tokens.name)).to_series()

    def again_in_lists(lists: pl.Series) -> pl.Series:
        rows = pl.DataFrame({"row": np.arange(len(lists)), "token": lists})
        single = rows.explode("token", empty_as_null=False, keep_nulls=False).drop_nulls()
        grouped = single.with_columns(again(single["token"])).group_by("row", maintain_order=True).agg("token")
        whole = rows.select("row", known=pl.col("token").is_not_null()).join(grouped, on="row", how="left")
        empty = pl.lit([], dtype=pl.List(TOKEN))
        filled = pl.when("known").then(pl.col("token").fill_null(empty)).alias(lists.name)
        return whole.sort("row").select(filled).to_series()

    changed: list[Any] = [
        again(table[name]) if kind == TOKEN else again_in_lists(table[name])
        for name, kind in table.schema.items()
        if kind in (TOKEN, pl.List(TOKEN))
    ]
    return table.with_columns(changed)
