"""What the flows are asked for: Prefect shows each model as a form.

Everything here is stored in Prefect's database and shown to all who use it: paths, names and numbers; never a key.
"""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from synthetic_data.simulate import LARGEST

WholePath = Annotated[str, Field(pattern="^/")]
Threads = Annotated[
    int, Field(default=2, ge=1, le=1024, title="Threads", description="Processor threads; no figure depends on it.")
]
KeyBlock = Annotated[
    str | None,
    Field(
        default=None,
        max_length=40,  # shorter than any key: nobody can paste one here
        title="Key block",
        description="Name of a Secret block with the key, if the study names no key file; never the key itself.",
    ),
]
LiveRunsFolder = Annotated[
    WholePath | None,
    Field(
        default=None,
        title="Live runs",
        description="Folder of live runs, in place of a run folder: the run goes live there if it is sound.",
    ),
]
A_STUDY = "The study file (TOML) or the folder that contains it, as the worker sees it."


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuarterlyRun(_Form):
    """One study, estimated."""

    study: WholePath = Field(title="Study", description=A_STUDY)
    out: WholePath | None = Field(default=None, title="Run folder", description="Default: run/ beside the study.")
    live: LiveRunsFolder
    threads: Threads
    key_block: KeyBlock

    @property
    def label(self) -> str:
        """How a flow run is named: by the study's folder."""
        path = Path(self.study)
        return (path.parent if path.suffix == ".toml" else path).name


class AwaitedDelivery(_Form):
    """The delivery that a sensor waits for, and the run that it starts."""

    study: WholePath = Field(title="Study", description=f"{A_STUDY} Its files are the delivery.")
    due: date | None = Field(
        default=None, title="Due", description="After this day a delivery that is not complete is late."
    )
    seconds_between_looks: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        title="Seconds between looks",
        description="A file whose size or time changes in this time is still being written.",
    )
    out: WholePath | None = Field(default=None, title="Run folder", description="Default: run/ beside the study.")
    live: LiveRunsFolder
    threads: Threads
    key_block: KeyBlock

    @property
    def label(self) -> str:
        """How a flow run is named: by the study's folder."""
        return self.run.label

    @property
    def run(self) -> QuarterlyRun:
        """The run to start."""
        return QuarterlyRun(
            study=self.study, out=self.out, live=self.live, threads=self.threads, key_block=self.key_block
        )


class RuleComparison(_Form):
    """The people of a finished run, decided by other sets of rules."""

    run: WholePath = Field(title="Run folder", description="A finished run, as the worker sees it.")
    rule_sets: list[str] = Field(
        min_length=1,
        max_length=20,
        title="Rule sets",
        description="Names of Sojourn's or TOML files; NAME:DEFINITION publishes another definition of the set.",
    )
    counted: bool = Field(
        default=False, title="Counted", description="Figures before coverage and the account: much faster."
    )
    out: WholePath | None = Field(
        default=None,
        title="Folder",
        description="For estimates.csv. Default: rule_comparison/ in the run, unless it is live or was.",
    )
    threads: Threads

    @property
    def label(self) -> str:
        """How a flow run is named."""
        return f"{len(self.rule_sets)} rule sets on {Path(self.run).parent.name}"


class RevisionReplay(_Form):
    """Studies of the same country on several data dates, estimated one after the other."""

    studies: list[WholePath] = Field(
        min_length=2, max_length=100, title="Studies", description="One a delivery, of different data dates."
    )
    out: WholePath = Field(title="Folder", description="For a run folder a data date, and revisions.csv.")
    threads: Threads
    key_block: KeyBlock

    @property
    def label(self) -> str:
        """How a flow run is named."""
        return f"{len(self.studies)} deliveries into {Path(self.out).name}"


class Validation(_Form):
    """Synthetic countries, estimated and compared with their truth."""

    replicates: int = Field(default=5, ge=1, le=1000, title="Replicates", description="How many countries.")
    residents: int = Field(
        default=5_000, ge=1_000, le=LARGEST, title="Residents", description="People on the first day of each."
    )
    scenario: str = Field(
        default="baseline", title="Scenario", description="A scenario of Sojourn, or a TOML file of your own."
    )
    rule_set: str | None = Field(
        default=None, title="Rule set", description="A name or a TOML file, in place of that of the studies."
    )
    calibration: str | None = Field(
        default=None, title="Calibration", description="Of its probabilities, by its name or file."
    )
    seed: int = Field(default=1001, ge=0, le=10**18, title="First seed", description="The next ones follow.")
    out: WholePath = Field(title="Folder", description="For scores, figures and page.")
    threads: int = Field(default=1, ge=1, le=1024, title="Replicates at a time", description="As memory allows.")

    @property
    def label(self) -> str:
        """How a flow run is named."""
        return f"{self.replicates} countries of {self.residents:,}"
