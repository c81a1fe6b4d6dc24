"""The files of a delivery: those of a study file in its folder, or those that another study names."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.study import STUDY_FILE, ExtractFiles, Study, read_study


@dataclass(frozen=True)
class Delivery:
    """A delivery: its folder, its data date, and its extracts as a study names them."""

    folder: Path
    data_date: date
    extracts: dict[str, ExtractFiles]

    def path_of(self, file: str) -> Path:
        """Return the path of a file: as named in the study, or by its name alone, directly in the folder."""
        named = self.folder / file
        return named if named.exists() or Path(file).is_absolute() else _first(named, self.folder / Path(file).name)


def _first(named: Path, by_name: Path) -> Path:
    return by_name if by_name.exists() else named


def read_delivery(study: Study, folder: Path, contracts: dict[str, SourceContract]) -> Delivery:
    """Return the delivery in a folder; raises `UserError` if there is none.

    A folder with a study file of its own is the delivery that it describes. In any other, files are those that
    `study` names; its data date is the day that the folder is called by (`2019-03-31`), or else that of the study.
    """
    folder = folder.resolve()
    if folder.is_file() and folder.name == STUDY_FILE:
        folder = folder.parent
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Name the folder with the files of a delivery.")
    own = folder / STUDY_FILE
    described = read_study(own) if own.is_file() else study
    known = {name for contract in contracts.values() for name in contract.extracts}
    extracts = {one.name: one for one in described.extract}
    for name in sorted(set(extracts) - known):
        raise UserError(f"{described.path}: no contract of {study.path} knows the extract '{name}'.")
    delivery = Delivery(folder, described.data_date if own.is_file() else _dated(folder, study), extracts)
    if not any(delivery.path_of(file).exists() for one in extracts.values() for file in one.files):
        raise UserError(f"{folder}: contains none of the files that {described.path} names. Choose another folder.")
    return delivery


def _dated(folder: Path, study: Study) -> date:
    """Return the day in the name of a folder, or the data date of the study."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", folder.name):
        try:
            return date.fromisoformat(folder.name)
        except ValueError:
            pass
    return study.data_date
