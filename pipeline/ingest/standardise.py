"""One standard form of names, postcodes, numbers and dates, the same for every source.

Pseudonyms can only be compared for equality, so whatever two sources write differently must be brought to one form
before it is hashed. All functions take and return Polars expressions of text; missing or empty gives null.
"""

from collections.abc import Sequence

import polars as pl

TITLES = ("MR", "MRS", "MS", "MISS", "MX", "DR", "PROF", "PROFESSOR", "REV", "SIR", "LADY", "LORD", "DAME")

# letters that Unicode does not decompose into a base letter and an accent
_LETTERS = {
    "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "Ŧ": "T", "Ŋ": "N",
}  # fmt: skip
_APOSTROPHES = r"['’‘ʼ`´.\u{02BB}]"
_ZERO_WIDTH = r"[\u{AD}\u{200B}-\u{200D}\u{2060}\u{FEFF}]"

# Marks that are not letters. In most scripts a vowel is a mark: without it, राम and रमा are one name, か and が one
# letter. So only these are removed: accents (of Latin, Greek and Cyrillic letters), the vowel and reading signs of
# Arabic and Hebrew, which writers leave out, the Arabic stroke that lengthens a word, and signs that choose a glyph.
_ACCENTS = r"\u{300}-\u{36F}\u{483}-\u{489}\u{1AB0}-\u{1AFF}\u{1DC0}-\u{1DFF}\u{20D0}-\u{20FF}\u{FE20}-\u{FE2F}"
_ARABIC = r"\u{610}-\u{61A}\u{640}\u{64B}-\u{65F}\u{670}\u{6D6}-\u{6DC}\u{6DF}-\u{6E4}\u{6E7}\u{6E8}\u{6EA}-\u{6ED}"
_HEBREW = r"\u{591}-\u{5BD}\u{5BF}\u{5C1}\u{5C2}\u{5C4}\u{5C5}\u{5C7}"
_GLYPHS = r"\u{180B}-\u{180D}\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}"
_MARKS = f"[{_ACCENTS}{_ARABIC}{_HEBREW}{_GLYPHS}]"
_INWARD_CODE = 3  # characters of a postcode after its outward code
_SHORTEST_POSTCODE = 5


def known(text: pl.Expr, missing: Sequence[str] = ()) -> pl.Expr:
    """Return a text without leading and trailing blanks, null where nothing or one of the texts `missing` is left."""
    trimmed = text.str.strip_chars()
    return pl.when((trimmed.str.len_bytes() > 0) & ~trimmed.is_in(list(missing))).then(trimmed)


def standard_name(text: pl.Expr) -> pl.Expr:
    """Return a name as its parts in upper case, one space between: `Dr. José O'Neill-Śmith` -> `JOSE ONEILL SMITH`.

    Accents, apostrophes, full stops and titles are removed; hyphens and other signs become spaces. Letters of other
    scripts are kept with their vowel and tone signs, in composed form, except signs that writers leave out. A name
    that consists of titles keeps the last: Lord can be a family name.
    """
    plain = (
        text.str.replace_all("´", "", literal=True)  # NFKD makes it a blank and an accent
        .str.normalize("NFKD")
        .str.replace_all(f"{_MARKS}|{_ZERO_WIDTH}", "")
        .str.to_uppercase()
        .str.replace_many(list(_LETTERS), list(_LETTERS.values()))
        .str.replace_all(_APOSTROPHES, "")
        .str.replace_all(r"[^\p{L}\p{M}]+", " ")
        .str.strip_chars()
        .str.normalize("NFC")  # a syllable of Hangul is one letter, as in a prefix of three letters
    )
    without_titles = plain.str.replace(rf"^(?:(?:{'|'.join(TITLES)}) )+", "")
    return known(without_titles)


def joined_name(name: pl.Expr) -> pl.Expr:
    """Return a standard name without its spaces, so that `MARY ANN` and `MARYANN` are equal."""
    return name.str.replace_all(" ", "", literal=True)


def first_part(name: pl.Expr) -> pl.Expr:
    """Return the first part of a standard name."""
    return name.str.extract(r"^([^ ]+)")


def sorted_parts(*names: pl.Expr) -> pl.Expr:
    """Return all parts of several standard names in alphabetical order; null if one of the names is null."""
    return pl.concat_str(*names, separator=" ").str.split(" ").list.sort().list.join(" ")


def standard_postcode(text: pl.Expr) -> pl.Expr:
    """Return a postcode in upper case without spaces and punctuation: `sw1a 1aa` -> `SW1A1AA`."""
    return known(text.str.to_uppercase().str.replace_all("[^0-9A-Z]", ""))


def full_postcode(postcode: pl.Expr) -> pl.Expr:
    """Return a standard postcode if it is complete, null if it is only an outward code."""
    return pl.when(postcode.str.len_bytes() >= _SHORTEST_POSTCODE).then(postcode)


def outward_code(postcode: pl.Expr) -> pl.Expr:
    """Return the outward code (district) of a standard postcode: `SW1A1AA` -> `SW1A`."""
    whole = postcode.str.len_bytes() >= _SHORTEST_POSTCODE
    return pl.when(whole).then(postcode.str.head(-_INWARD_CODE)).otherwise(postcode)


def standard_number(text: pl.Expr) -> pl.Expr:
    """Return a direct identifier in upper case without blanks: `943 476 5919` -> `9434765919`."""
    return known(text.str.replace_all(r"\s", "").str.to_uppercase())
