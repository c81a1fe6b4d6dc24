"""Errors of one source: how careless it is, and its own rates in place of the general ones."""

from pipeline.toml_files import Frozen
from synthetic_data.errors.entries import Amount, Share


class NamesOf(Frozen):
    """Misspelt names of one source; the rate replaces the general rate times the source's factor."""

    rate: Share | None = None
    by_sound: Share | None = None


class FormsOf(Frozen):
    """Forms of names in one source."""

    variant: Share | None = None
    accents_lost: Share | None = None
    reversed: Share | None = None
    main_family_name: Share | None = None
    other_family_name: Share | None = None
    hyphenated: Share | None = None
    one_given_name: Share | None = None
    unnamed: Share | None = None
    nickname: Share | None = None
    marriage_missed: Share | None = None
    marriage_mean_days: Amount | None = None


class DatesOf(Frozen):
    """Wrong dates of birth of one source; `birth` replaces the general rate times the source's factor."""

    birth: Share | None = None
    swapped: Share | None = None
    new_year: Share | None = None
    day_unknown: Share | None = None


class SexesOf(Frozen):
    """Wrong sexes in one source, in place of the general rate times the source's factor."""

    wrong: Share | None = None


class MissingOf(Frozen):
    """Missing values in one source, in place of the general rates times the source's factor."""

    given_name: Share | None = None


class MissingWithPostcode(MissingOf):
    """The same for a source that records postcodes and may lack them."""

    postcode: Share | None = None


class MissingOfStudents(MissingWithPostcode):
    """The same for a source that may also lack nationalities."""

    nationality: Share | None = None


class AddressesOf(Frozen):
    """Stale addresses in one source."""

    stale: Share | None = None
    mean_days: Amount | None = None


class OfSource(Frozen):
    """Errors of one source: how careless it is, and its own rates."""

    factor: Amount
    names: NamesOf = NamesOf()
    forms: FormsOf = FormsOf()
    dates: DatesOf = DatesOf()
    sex: SexesOf = SexesOf()
    missing: MissingOf = MissingOf()
    broken_rows: Share | None = None


class OfPostcodedSource(OfSource):
    """The same for a source that records postcodes and may lack them."""

    missing: MissingWithPostcode = MissingWithPostcode()


class OfAddressedSource(OfPostcodedSource):
    """The same for a source that collects addresses itself and may keep old ones."""

    addresses: AddressesOf = AddressesOf()


class OfStudents(OfAddressedSource):
    """The same for a source that may also lack nationalities."""

    missing: MissingOfStudents = MissingOfStudents()
