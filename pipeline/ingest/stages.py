"""The stage of this package: what it reads, and the part of a study that it declares."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import Field

from pipeline.errors import UserError, unknown
from pipeline.ingest.areas import areas_of
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.earlier_deliveries import rows_before
from pipeline.ingest.name_variants import SHIPPED, read_name_variants
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.keys import PseudonymisationKey, read_key
from pipeline.stage import Stage, StudyFile, StudyPart
from pipeline.study import ExtractFiles, Study
from pipeline.toml_files import Frozen


class Delivery(Frozen):
    """The files of one extract as the study names them, and their contents."""

    named: ExtractFiles
    files: tuple[StudyFile, ...]


class IngestStudy(StudyPart):
    """The part of a study on which records and tokens depend.

    `areas` is the look-up of areas, read (postcode district -> area), and `area_lookup` its name in the study; both
    are empty for a study without areas. `name_variants` are the tables of names that stand for one another: the one
    that ships, and that of the study. `rows_before` are the rows of each extract in earlier deliveries. The key
    itself is in no digest: its id is.
    """

    data_date: date
    contracts: dict[str, SourceContract]
    deliveries: dict[str, Delivery]
    area_lookup: str | None
    areas: dict[str, str]
    name_variants: tuple[StudyFile, ...]
    rows_before: dict[str, dict[date, int]]
    key_id: str
    key: PseudonymisationKey = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study; raises `UserError` for a file that is missing and for an unfit key."""
        contracts = delivered_contracts(study)
        deliveries = {one.name: _delivery(study, one, contracts) for one in study.extract}
        key = read_key(study)
        return cls(
            study_file=study.path,
            data_date=study.data_date,
            contracts=contracts,
            deliveries=deliveries,
            area_lookup=study.area_lookup.file if study.area_lookup else None,
            areas=areas_of(study),
            name_variants=_name_variants(study),
            rows_before=rows_before(study),
            key_id=key.key_id,
            key=key,
        )


def _name_variants(study: Study) -> tuple[StudyFile, ...]:
    """Return the tables of name variants; raises `UserError` if that of the study is not one."""
    named = [study.resolve(study.linkage.name_variants)] if study.linkage.name_variants else []
    for path in named:
        read_name_variants(path)
    return tuple(StudyFile.read(path) for path in (SHIPPED, *named))


def _delivery(study: Study, named: ExtractFiles, contracts: Mapping[str, SourceContract]) -> Delivery:
    """Return the files of an extract; raises `UserError` for two of one name, and for a version that there is not."""
    paths = study.files_of(named.name)
    for path, times in Counter(path.name for path in paths).items():
        if times > 1:
            raise UserError(f"{study.path}: two files of '{named.name}' have the name '{path}'. Rename one.")
    extract = next(one.extracts[named.name] for one in contracts.values() if named.name in one.extracts)
    for file, version in named.version.items():
        if version not in extract.layouts:
            where = f"{study.path}, [[extract]] '{named.name}', 'version' of '{file}'"
            raise unknown("version", version, extract.layouts, where)
    return Delivery(named=named, files=tuple(StudyFile.read(path) for path in paths))


INGEST = Stage("ingest", reads=(), package="pipeline", part=IngestStudy, work="pipeline.ingest.ingest:ingest")
