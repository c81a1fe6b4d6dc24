"""The verbs `verify` and `reproduce`: a run is computed again from its study, and its tables are compared.

Nothing of the run is used or changed: what is computed again is written beside it and removed at the end.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flows.again.difference import first_difference
from flows.chain import STAGES, declared_parts, run_chain
from flows.evaluate import manifest_of
from flows.progress import ProgressListener
from flows.run import check_threads
from flows.terminal import Terminal, typed
from pipeline.checkout import CHANGED, commit, lock_digest
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST, IngestStudy
from pipeline.store import code_digest
from pipeline.study import Study, digest_of_file, read_study
from publication.run_folder import read_manifest
from publication.stages import PACKAGES

DIFFERENT = 1
FORGOTTEN = "forgotten"
"""The entry of the manifest of a run whose person-level tables were deleted."""


def verify_run(run: Path, *, threads: int) -> int:
    """Compute a run again, print whether its tables are the same, and return 0 if they are, else 1.

    Raises `UserError` if the study, an input or the key is no longer that of the run: nothing can be compared then.
    """
    check_threads(threads)
    run = run.resolve()
    manifest = manifest_of(run)
    terminal = Terminal()
    study = study_as_it_was(run, manifest)
    expected = dict(_compared(manifest))
    if FORGOTTEN in manifest:
        terminal.print_line(
            f"  The person-level tables of this run were deleted on {manifest[FORGOTTEN]}: its "
            f"{len(expected):,} aggregate tables alone are verified."
        )
    damaged = next((name for name, sha in sorted(expected.items()) if _digest(run / name) != sha), None)
    if damaged is not None:
        terminal.print_line(f"different: {typed(run / damaged)} is not the table that the run wrote.")
        return DIFFERENT
    again = _computed_again(study, run, threads, terminal)
    found = dict(_compared(again))
    changed = [name for name in _in_order(manifest, expected) if found.get(name) != expected[name]]
    terminal.close()
    if not changed:
        terminal.print_line(f"equal: {len(expected):,} tables were computed again, byte for byte the same")
        return 0
    difference = first_difference(manifest, again)
    why = "" if difference is None else f" ({'; '.join(difference.reasons) or 'from the same inputs and code'})"
    terminal.print_line(
        f"different: the first table that differs is {changed[0]}{why}; {len(changed):,} of {len(expected):,} differ"
    )
    return DIFFERENT


def reproduce_run(run: Path, *, threads: int) -> int:
    """Verify a run on its own commit and libraries; raises `UserError` that names what to check out on others."""
    manifest = manifest_of(run.resolve())
    if manifest["code"] != code_digest(PACKAGES) or manifest.get("lock") != lock_digest():
        raise UserError(_what_to_check_out(run, manifest))
    return verify_run(run, threads=threads)


def study_as_it_was(run: Path, manifest: Mapping[str, Any]) -> Study:
    """Return the study of a run; raises `UserError` naming the file or key that is no longer the run's."""
    study = read_study(run / manifest["study"]["path"])
    if digest_of_file(study.path) != manifest["study"]["digest"]:
        raise UserError(f"{study.path}: changed since {run} was made. Restore it, then verify the run.")
    ingest = declared_parts(study, run, (INGEST,))[INGEST.name]
    assert isinstance(ingest, IngestStudy)
    if ingest.key_id != manifest["key_id"]:
        raise UserError(
            f"{study.path}: its key has the id {ingest.key_id}, and {run} was made with the key "
            f"{manifest['key_id']}. Give that key, then verify the run."
        )
    used = {(one["extract"], one["file"]): one["sha256"] for one in manifest["inputs"]}
    for extract, delivery in ingest.deliveries.items():
        for file in delivery.files:
            if used.get((extract, file.name)) != file.sha256:
                raise UserError(
                    f"{file.path}: not the file of which {run} was made. Restore it, then verify the run."
                )
    return study


def _computed_again(study: Study, run: Path, threads: int, listener: ProgressListener) -> dict[str, Any]:
    """Return the manifest of the same study, computed in a folder beside the run that does not stay."""
    with TemporaryDirectory(prefix=f".{run.name}-again-", dir=run.parent) as folder:
        again = Path(folder, "run")
        run_chain(study, again, threads=threads, listener=listener)
        manifest = read_manifest(again)
    assert manifest is not None
    return manifest


def _compared(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the tables to compare, with their digests: all, or the aggregates where the others were deleted."""
    for name, output in manifest["outputs"].items():
        if FORGOTTEN not in manifest or output["sensitivity"] != "person-level":
            yield name, output["sha256"]


def _in_order(manifest: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Return the names of tables in the order of the stages that wrote them."""
    stages = [manifest["stages"][stage.name] for stage in STAGES if stage.name in manifest["stages"]]
    written = [f"tables/{name}" for stage in stages for name in stage.get("wrote", ())]
    return sorted(names, key=lambda name: (written.index(name) if name in written else len(written), name))


def _digest(path: Path) -> str | None:
    return digest_of_file(path) if path.is_file() else None


def _what_to_check_out(run: Path, manifest: Mapping[str, Any]) -> str:
    made, lock = manifest.get("commit") or "", str(manifest.get("lock") or "")
    here = f"this is commit {commit() or 'unknown'} with lock file {lock_digest()[:12] or 'unknown'}"
    if not made:
        return (
            f"{run}: was made by code that is not this one ({manifest['code'][:12]}) and of no known commit; {here}."
        )
    if made.endswith(CHANGED):
        return (
            f"{run}: was made from commit {made.removesuffix(CHANGED)} with changes that were not committed, so that "
            f"nobody can check it out; {here}. `sojourn verify` computes it again with the code that is here."
        )
    return (
        f"{run}: was made from commit {made} with lock file {lock[:12]}; {here}. Check out {made}, run `make setup`, "
        "and try again."
    )
