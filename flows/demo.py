"""The verb `demo`: a synthetic country, estimated and held against its truth."""

from pathlib import Path

from flows.chain import run_chain
from flows.evaluate import evaluate
from flows.run import close
from flows.simulate import simulate_study
from flows.terminal import Terminal, shown
from pipeline.study import read_study
from synthetic_data.simulate import check_threads


def run_demo(*, residents: int, seed: int, out: Path, threads: int) -> int:
    """Simulate, run and evaluate in one go; `out` will hold `study/` and `run/`."""
    check_threads(threads)
    out = out.resolve()
    terminal = Terminal(out / "run" / "run.log", warn=False)
    terminal.say(f"sojourn demo · {residents:,} residents · seed {seed} · SYNTHETIC DATA, NOT STATISTICS")
    simulate_study(residents, seed, out / "study", terminal, threads=threads)
    study = read_study(out / "study" / "study.toml")
    run = out / "run"
    records = run_chain(study, run, threads=threads, listener=terminal)
    scores = evaluate(run, Terminal())
    close(terminal, run, records, scores)
    terminal.say(f"  next     sojourn evaluate {shown(run)} --json")
    terminal.say(f"           edit a rule in rules/sets/, then: sojourn run {shown(study.path)} --out {shown(run)}")
    return 0
