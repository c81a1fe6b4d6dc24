"""How many rows earlier deliveries had, as their study files state them."""

from datetime import date

from pipeline.errors import UserError
from pipeline.study import Study, read_study


def rows_before(study: Study) -> dict[str, dict[date, int]]:
    """Return the rows of each extract of a study in its `deliveries_before`, by their data dates.

    Raises `UserError` for an earlier study that states no number of rows, and for two of one data date.
    """
    found: dict[str, dict[date, int]] = {one.name: {} for one in study.extract}
    dates = {study.data_date}
    for named in study.deliveries_before:
        before = read_study(study.resolve(named, confined=False))
        if before.data_date in dates:
            raise UserError(
                f"{study.path}, deliveries_before: {named} is of {before.data_date}, as another delivery is. Name "
                "each earlier delivery once, and not this one."
            )
        dates.add(before.data_date)
        for one in before.extract:
            if one.name not in found:
                continue
            if one.rows is None:
                raise UserError(
                    f"{before.path}: states no number of 'rows' for '{one.name}', which {study.path} compares "
                    "with its own. Add it, or leave the delivery out of 'deliveries_before'."
                )
            found[one.name][before.data_date] = one.rows
    return found
