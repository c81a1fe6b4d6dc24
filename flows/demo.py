"""The verb `demo`: a synthetic country, estimated and compared with its truth."""

from pathlib import Path

from flows.chain import run_chain
from flows.evaluate import evaluate
from flows.run import print_result
from flows.simulate import simulate_study
from flows.terminal import Terminal, typed
from pipeline.errors import UserError
from pipeline.study import STUDY_FILE, read_study
from synthetic_data.simulate import check_threads


def run_demo(*, residents: int, seed: int, out: Path, threads: int) -> int:
    """Simulate, run and evaluate in one go; `out` will contain `study/` and `run/`."""
    check_threads(threads)
    out = out.resolve()
    if (out / STUDY_FILE).exists():
        raise UserError(
            f"{out}: contains a study of its own, whose run the demo would replace. Choose another --out."
        )
    terminal = Terminal(out / "run" / "run.log", warn=False)
    terminal.print_line(f"sojourn demo · {residents:,} residents · seed {seed} · SYNTHETIC DATA, NOT STATISTICS")
    simulate_study(residents, seed, out / "study", terminal, threads=threads)
    study = read_study(out / "study" / "study.toml")
    run = out / "run"
    records = run_chain(study, run, threads=threads, listener=terminal)
    scores = evaluate(run, Terminal())
    print_result(terminal, run, records, scores)
    terminal.print_line(f"  next     sojourn evaluate {typed(run)} --json")
    terminal.print_line(
        f"           edit a rule in rules/sets/, then: sojourn run {typed(study.path)} --out {typed(run)}"
    )
    return 0
