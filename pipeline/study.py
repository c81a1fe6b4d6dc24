"""The study: what to estimate from which files, in one TOML file, frozen for the run."""

import hashlib
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, field_validator, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen, parse, read_toml

Whole = Annotated[int, Strict()]
"""A whole number; text and booleans that could be converted to one are rejected."""
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Years = Annotated[tuple[Annotated[Whole, Field(ge=1900, le=2199)], ...], Field(min_length=1)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
LARGEST_SEED = 2**63 - 1
STUDY_FILE = "study.toml"


class ExtractFiles(Frozen):
    """The files of one extract, relative to the study; `rows` (of all files) is checked when it is given.

    `version` names the layout of a file whose headers fit several: file -> version.
    """

    name: str
    files: tuple[str, ...] = Field(min_length=1)
    rows: Whole | None = Field(default=None, ge=0)
    version: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _versions_are_of_files(self) -> "ExtractFiles":
        for file in self.version:
            if file not in self.files:
                raise ValueError(str(unknown("file", file, self.files, "version")))
        return self


class Periods(Frozen):
    """What is published: years ending and reference days, as years in which 30 June falls."""

    flow_years: Years = (2016, 2017, 2018, 2019)
    stock_years: Years = (2015, 2016, 2017, 2018, 2019)

    @field_validator("flow_years", "stock_years")
    @classmethod
    def _consecutive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != list(range(value[0], value[-1] + 1)):
            raise ValueError("years must be consecutive, without a gap")
        return value


class LinkageSettings(Frozen):
    """Who is linked with whom, and how.

    `spine` (none if it is empty), `pairs` (sources that are compared by a model; otherwise all that share enough),
    `never` and `by_keys_only` are those of `linkage/plan.toml` where the study does not name them. Sources in
    `duplicates` may have several subjects of one person: `duplicate_share` pairs of one person for each subject, an
    assumption. `pairs_per_record` limits the candidate pairs. `accept` is the probability from which a pair is a
    link, `rival_margin` the log2 odds by which it must exceed every rival, `floor` the probability from which pairs
    are listed. `models` names files of models by pair of sources; others are trained, on samples of `training_pairs`;
    a level of which fewer than `minimum_pairs_per_level` pairs are seen counts as resting on defaults.
    `draws` alternative sets of links are made, which differ in what is uncertain. `previous` is the folder of an
    earlier run: its models are used where `models` names none, and its people keep their numbers.
    """

    spine: str | None = None
    pairs: tuple[tuple[str, str], ...] | None = None
    never: tuple[str, ...] | None = None
    by_keys_only: tuple[str, ...] | None = None
    duplicates: tuple[str, ...] = ()
    duplicate_share: Share = 0.01
    name_variants: str | None = None
    pairs_per_record: Whole = Field(default=30, ge=1, le=100_000)
    accept: Share = 0.5
    rival_margin: Annotated[float, Strict(), Field(ge=0)] = 0.5
    floor: Share = 0.01
    training_pairs: Whole = Field(default=1_000_000, ge=10_000, le=1_000_000_000)
    minimum_pairs_per_level: Whole = Field(default=20, ge=1, le=1_000_000)
    draws: Whole = Field(default=0, ge=0, le=1000)
    previous: str | None = None
    models: dict[str, str] = Field(default_factory=dict)


class ErrorsByGroup(Frozen):
    """An error for each nationality group."""

    British: Annotated[float, Strict(), Field(ge=0, le=2)]
    Irish: Annotated[float, Strict(), Field(ge=0, le=2)]
    EU: Annotated[float, Strict(), Field(ge=0, le=2)]
    non_EU: Annotated[float, Strict(), Field(ge=0, le=2)]  # noqa: N815 - the name of the group


class KnownTotal(Frozen):
    """How many people there are of a stratum of the coverage survey, sex, age and nationality group; None: of all."""

    people: Annotated[float, Strict(), Field(gt=0, le=1e10)]
    stratum: str | None = None
    sex: Literal["F", "M"] | None = None
    age_from: Whole | None = Field(default=None, ge=0, le=130)
    age_to: Whole | None = Field(default=None, ge=0, le=130)
    nationality_group: Literal["British", "Irish", "EU", "non_EU"] | None = None


class KnownTotals(Frozen):
    """Totals of the population that are known exactly, to which the weights of the coverage survey are calibrated."""

    total: tuple[KnownTotal, ...] = Field(min_length=1)
    method: Literal["raking", "linear"] = "raking"


class CoverageSettings(Frozen):
    """How coverage is estimated: the survey's day, matches that a class needs, bootstrap replicates.

    `other_surveys` are the folders of finished runs of the study that read surveys of other days; then each year has
    factors of its own, which `drift` by so much a year (a relative standard deviation, by nationality group).

    `known_totals` are those to which the survey's weights are calibrated.

    `trimming_depth` is how deep the list is trimmed that the survey is matched with (`TRIMMING_DEPTHS`). Without
    it the depth is 1, or the one that the trimming curve of the nearest other survey shows to be enough; a depth
    that is named is used as it is, also with other surveys.

    Three errors are assumptions, since no survey can show them. `declared_error` is a relative standard error of all
    factors together, for people who left but still look present on the trimmed list, and `children_error` one more of
    those of children, whom lists keep for longest and who give few signs (of children with a calibrated probability,
    three tenths of what it takes off counts instead). `list_dependence` is the standard error of the logarithm of
    the odds ratio between being on the list and answering the survey, within a class; the ratio itself is taken to
    be 1.
    """

    reference_date: Day = date(2017, 6, 30)
    minimum_matches: Whole = Field(default=50, ge=1, le=1_000_000)
    replicates: Whole = Field(default=200, ge=20, le=100_000)
    declared_error: Share = 0.0004
    children_error: Share = 0.004
    list_dependence: Annotated[float, Strict(), Field(ge=0, le=3)] = 0.1
    trimming_depth: Whole | None = Field(default=None, ge=0, le=3)
    other_surveys: tuple[str, ...] = ()
    known_totals: KnownTotals | None = None
    drift: ErrorsByGroup = ErrorsByGroup(British=0.001, Irish=0.010, EU=0.006, non_EU=0.004)

    @model_validator(mode="after")
    def _drift_is_used(self) -> "CoverageSettings":
        if self.drift != type(self).model_fields["drift"].default and not self.other_surveys:
            raise ValueError("'drift' needs 'other_surveys': the factors of a single survey serve all years alike")
        return self


class FlowErrors(Frozen):
    """Declared errors of counted flows, which the rules cannot show of themselves: assumptions of the study.

    Relative standard errors: `immigration` and `emigration` in each year; `by_group` of each measure and nationality
    group, and `children` of those below 16, whom registers alone know of, in all years; `not_final_immigrations` and
    `not_final_emigrations` of the cases of a group that are not decided yet, beyond what unfinished stays vary by.
    `wrong_immigrations` and `wrong_emigrations` are, for each migration that is counted, how many are false, missed
    or put into another year and not made up for by another: the variance of a count of one. Those of children, who
    are told by their family and come and go with it, are apart. `misdated_immigrations`
    and `misdated_emigrations` are likewise how many of a year are counted in another quarter of it than their own, or
    are false or missed there and not elsewhere; `season` is the relative standard error of a quarter in all years.
    `chance` adds the variation of Poisson counts: intervals are then about the rates behind the migrations that
    happened, no longer about their number.
    """

    immigration: Share = 0.004
    emigration: Share = 0.004
    by_group: Share = 0.007
    children: Share = 0.022
    not_final_immigrations: ErrorsByGroup = ErrorsByGroup(British=0.05, Irish=0.2, EU=0.035, non_EU=0.01)
    not_final_emigrations: ErrorsByGroup = ErrorsByGroup(British=0.065, Irish=0.05, EU=0.02, non_EU=0.075)
    wrong_immigrations: ErrorsByGroup = ErrorsByGroup(British=0.18, Irish=0.08, EU=0.055, non_EU=0.03)
    wrong_emigrations: ErrorsByGroup = ErrorsByGroup(British=0.18, Irish=0.11, EU=0.20, non_EU=0.065)
    wrong_immigrations_of_children: ErrorsByGroup = ErrorsByGroup(British=0.42, Irish=0.25, EU=0.55, non_EU=0.10)
    wrong_emigrations_of_children: ErrorsByGroup = ErrorsByGroup(British=0.70, Irish=0.30, EU=1.0, non_EU=0.25)
    misdated_immigrations: Share = 0.23
    misdated_emigrations: Share = 0.27
    season: Share = 0.005
    chance: bool = False

    def of_year(self, measure: str) -> float:
        """Return the relative standard error that all cells of a gross flow share in a year."""
        return {"immigration": self.immigration, "emigration": self.emigration}[measure]

    def of_open_cases(self, measure: str) -> dict[str, float]:
        """Return the relative standard error of cases of a gross flow that are not decided, by nationality group."""
        of_measure = {"immigration": self.not_final_immigrations, "emigration": self.not_final_emigrations}
        return of_measure[measure].model_dump()

    def of_case(self, measure: str) -> dict[tuple[str, bool], float]:
        """Return the variance of a gross flow for each migration, by nationality group and whether of a child."""
        adults = {"immigration": self.wrong_immigrations, "emigration": self.wrong_emigrations}[measure]
        children = {
            "immigration": self.wrong_immigrations_of_children, "emigration": self.wrong_emigrations_of_children
        }[measure]  # fmt: skip
        return {
            (group, is_child): share + self.chance
            for is_child, wrong in ((False, adults), (True, children))
            for group, share in wrong.model_dump().items()
        }

    def of_quarters(self, measure: str) -> float:
        """Return the variance of how a gross flow divides into quarters, for each migration of the year."""
        misdated = {"immigration": self.misdated_immigrations, "emigration": self.misdated_emigrations}[measure]
        return misdated + self.chance


class AccountSettings(Frozen):
    """How the account takes the errors that cells share: as declared, or as large as its contradictions show.

    With `estimate_scales`, errors of one kind (of flows by year, by nationality group) are scaled by one factor that
    the account estimates; those of which there is only one, and those that are correlated, stay as declared.
    """

    estimate_scales: Annotated[bool, Strict()] = False


class RuleSettings(Frozen):
    """What a study says of its rules beside their names: the file of a `calibration` of their probabilities."""

    calibration: str | None = None


class AreaLookup(Frozen):
    """The CSV file that gives the area of each postcode district, and the headers of its two columns."""

    file: str
    postcode_district: str = "postcode_district"
    area: str = "area"


class Study(Frozen):
    """One study file; relative paths are relative to it.

    `definition` is the one that is published: the id of the rule set's composite (if omitted), or of a stay rule.
    `deliveries_before` names the study files, or their folders, of earlier deliveries: the report shows the rows of
    their extracts beside those of this one.
    """

    path: Path = Field(exclude=True)
    name: str
    synthetic: Annotated[bool, Strict()] = False
    seed: Whole = Field(default=1, ge=0, le=LARGEST_SEED)
    data_date: Day
    key_file: str | None = None
    rule_set: str = "long_term_2019"
    definition: str | None = None
    contracts: tuple[str, ...] = ()
    deliveries_before: tuple[str, ...] = ()
    area_lookup: AreaLookup | None = None
    extract: tuple[ExtractFiles, ...] = Field(min_length=1)
    periods: Periods = Periods()
    linkage: LinkageSettings = LinkageSettings()
    coverage: CoverageSettings = CoverageSettings()
    flow_errors: FlowErrors = FlowErrors()
    account: AccountSettings = AccountSettings()
    rules: RuleSettings = RuleSettings()

    @field_validator("area_lookup", mode="before")
    @classmethod
    def _file_alone(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @property
    def folder(self) -> Path:
        """The folder that contains the study file."""
        return self.path.parent

    def resolve(self, name: str, *, confined: bool = True) -> Path:
        """Return a path in the study file as a path on this machine.

        Raises `UserError` for a relative one that leads out of the study's folder, by `..` or by a link, unless it
        need not be `confined`: whoever reads the study must see which files elsewhere it reads.
        """
        try:
            written = Path(name).expanduser()
            path = self.folder / written
            path.stat()
            found, folder = path.resolve(), self.folder.resolve()
            if confined and not written.is_absolute() and not found.is_relative_to(folder):
                raise UserError(
                    f"{self.path}: the path {name!r} leads out of the folder of the study, to {found}. Put the file "
                    "into the folder, or name it by its whole path."
                )
        except (FileNotFoundError, NotADirectoryError):
            pass  # the caller, which knows what the file is for, reports it
        except (OSError, RuntimeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UserError(f"{self.path}: the path {name!r} cannot be used ({reason}). Correct it.") from None
        return path

    def files_of(self, extract: str) -> list[Path]:
        """Return the files of an extract; raises `UserError` that names a missing one."""
        found = [self.resolve(file) for one in self.extract if one.name == extract for file in one.files]
        for file in found:
            if not file.is_file():
                raise UserError(f"{file}: no such extract file, though {self.path} names it for '{extract}'.")
            if not os.access(file, os.R_OK):
                raise UserError(f"{file}: you may not read this file. Ask its owner for permission.")
        return found


def read_study(path: Path) -> Study:
    """Return the study in a TOML file, or in the folder that contains it; raises `UserError` if it is wrong."""
    path = Path(path).resolve()
    if path.is_dir():
        path /= STUDY_FILE
    if not path.exists():
        raise UserError(f"{path}: no such file. Check the path, or make a study with `sojourn simulate`.")
    data = read_toml(path)
    if "path" in data:
        raise unknown("key", "path", set(Study.model_fields) - {"path"}, str(path))
    study = parse(Study, {"path": path, **data}, str(path))
    names: set[str] = set()
    for one in study.extract:
        if one.name in names:
            raise UserError(f"{path}: the extract '{one.name}' is named twice. List all of its files in one entry.")
        names.add(one.name)
    return study


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; raises `UserError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Correct its permissions or the path.") from None
