"""Codes by which names that are written differently agree: their sound, beginning and end.

The sound code is a skeleton of consonants for names from all over the world: what transliterations and spellings of
one name exchange (vowels, voiced and voiceless, `kh` and `h`, `sh` and `sz`) has one letter, in the manner of Soundex
(Russell, 1918) and Daitch-Mokotoff (1985), but whatever its length, and whatever script it is written in.
`docs/names.md` says how it was chosen and what it is worth.
"""

import polars as pl
from anyascii import anyascii

# Letters that are not read in names as `anyascii` writes them. In Arabic and Hebrew a vowel may be written by a
# letter of its own, and h is heard but at the end. Unicode orders the letters of the Indic scripts alike.
_ARABIC = {"ا": "a", "و": "u", "ي": "i", "ع": "a", "ح": "kh", "ه": "kh", "ء": ""}
_HEBREW = {"א": "a", "ע": "a", "ו": "o", "י": "i", "ה": "kh", "ח": "kh", "ב": "v"}
_INDIC = {
    chr(script + letter): sound
    for script in range(0x900, 0xD80, 0x80)
    for letter, sound in ((0x02, "n"), (0x1A, "ch"), (0x1B, "ch"), (0x39, "kh"))
}
_LETTERS = _ARABIC | _HEBREW | _INDIC | {"\u0a70": "n"}
_PLACES = ((r"([ΕΑ])Υ", "${1}v"), (r"^[وו]", "v"), (r"^[يי]", "y"), (r"و([اي])", "w${1}"), (r"[הه]$", ""))
"""What some letters are after or before a vowel, at the beginning and at the end."""

# Spelling to sound, one after another: what stands before and after decides, so later rules see what earlier ones
# left. `^` and `$` are the beginning and the end of a name.
_SPELLINGS = (
    # what is often left out: the Arabic article (Al-Masri), and E of Ekaterina
    (r"^[AE]L([^AEIOUYL].{3})", "${1}"),
    (r"^[YIJ]?EKATER", "KATER"),
    # single groups of letters that would mislead the rules below
    (r"^DZM", "DM"),  # Dzmitry
    (r"^CV", "SV"),  # Cvetkov, Tsvetkov
    (r"^([MN])ICH", "${1}IK"),  # Michael, Nicholas
    (r"^CHARAL", "KARAL"),  # Charalampos
    (r"^(?:GH?EO|GI([AOU]))", "JO"),  # Georgios, Giannis, Yorgos
    (r"^GK", "K"),  # Greek, as the next two
    (r"^MP", "P"),
    (r"^NT", "T"),
    (r"AGGEL", "ANGEL"),
    (r"AGIO", "AIO"),
    (r"EUTH", "EFTH"),
    (r"^EU([^N])", "EV${1}"),  # Eugene, Evgeny
    (r"EIX", "EIS"),  # Teixeira
    (r"EIJ", "EI"),  # Meijer
    (r"OLAJ$", "OLAI"),
    (r"OHN", "ON"),  # John
    (r"MPS", "MS"),  # Thompson
    (r"NIAM$", "NIAN"),  # Subramaniam
    (r"IGH(T|$)", "I${1}"),  # Wright, Leigh
    # w
    (r"^HW", "H"),  # Hwang
    (r"([KGS])W", "${1}"),  # Kwon, Swamy
    (r"([IY])EW$", "${1}EV"),  # Aliyew
    (r"([OE])WS([KC])", "${1}VS${2}"),  # Lewandowski
    (r"(.{2}[NKTPDLRIES])OW$", "${1}OV"),  # Iwanow
    (r"(.L)AW$", "${1}AV"),  # Stanislaw
    (r"AWOO|AWU", "AU"),  # Dawood
    (r"^OU([AEI])", "W${1}"),  # Oualid
    (r"([^AEIOUY])OU([AE])", "${1}W${2}"),  # Marouane
    (r"([AEOU])W([DTNH]|$)", "${1}${2}"),  # Chowdhury, Brown
    # hissing sounds
    (r"DZH|DJ|^XH|JJ+", "J"),  # Djamel, Dzhamal
    (r"^HS([IU])", "S${1}"),  # Hsiao
    (r"^(?:QI|JI([AEOU]))", "SI${1}"),  # Qian, Jiang
    (r"^(?:KS|X|TJ)", "S"),  # Xenia, Xiao
    (r"KSH|X", "KS"),  # Lakshmi, Alexander
    (r"SZCZ|SHCH|SCHTSCH|TSCH|SCZ|TCH|SCH|CZ|SZ|SH|ZH|TS|TZ|DZ|ZS", "S"),
    (r"CH([RLMNT])", "K${1}"),  # Christos
    (r"RICH$", "RIK"),  # Heinrich
    (r"V([AI])C[SH]?$", "V${1}S"),  # Petrovic, Kovacs
    (r"([AOU])CH$", "${1}K"),  # Bach, Baruch
    (r"CH|S?C([EIY])", "S${1}"),
    # k; h that is heard is often written kh, and g in Cyrillic
    (r"([VLR])H(.)", "${1}K${2}"),  # Yevhen, Olha, Serhii
    (r"CK|KH|GH|QU?|C|G", "K"),
    (r"PH", "P"),
    # j and y: glides, or consonants
    (r"^(?:YE|IE|JE([LVK]))", "E${1}"),  # Yelena, Jelena
    (r"^[YI]([AEOU])", "J${1}"),  # Yusuf, Iulia
    (r"([EIOU])J([^AEIOUY]|$)", "${1}${2}"),  # Wojcik, Sergej
    (r"([SRLNFMT])IJ([AEI])", "${1}I${2}"),  # Marija
    (r"([LTVP])J", "${1}"),  # Ljudmila
    (r"(.)J", "${1}K"),  # Najib, Naguib
    # h
    (r"^H", "K"),
    (r"([^AEIOUY])H", "${1}"),
    (r"H$", ""),
    (r"H", "K"),
)
_CLASSES = {"B": "P", "F": "P", "V": "P", "W": "P", "D": "T", "Z": "S"}
_CONSONANTS = "JKLMNPRST"


def skeleton(texts: pl.Series) -> pl.Series:
    """Return the sound code of each part of a name, or of a joined name, in standard form; null where it is null.

    First A for a vowel, J for a consonantal y or j, or another consonant; then further consonants, equal neighbours
    once: `MUHAMMAD` -> MKMT. Behind a single consonant stands its vowel (A, E or O), so that Li and Lu differ.
    """
    sound = latin_letters(texts).to_frame("text").lazy().select(pl.col("text"))
    for spelling, rest in _SPELLINGS:
        sound = sound.with_columns(pl.col("text").str.replace_all(spelling, rest))
    text = pl.col("text")
    sound = sound.with_columns(text.str.replace_many(list(_CLASSES), list(_CLASSES.values())))
    for _ in range(2):  # three equal letters become two, then one
        sound = sound.with_columns(text.str.replace_many([2 * one for one in _CONSONANTS], list(_CONSONANTS)))
    first = text.str.head(1).str.replace("[AEIOUY]", "A")
    code = first + text.str.slice(1).str.replace_all("[AEIOUY]", "")
    vowel = text.str.replace("A[IY]", "E").str.extract("([AEIOUY])").str.replace("[IY]", "E").str.replace("U", "O")
    with_vowel = pl.when(code.str.len_bytes() == 1).then(code + vowel.fill_null("")).otherwise(code)
    return sound.select(with_vowel).collect().to_series().rename(texts.name)


def latin_letters(texts: pl.Series) -> pl.Series:
    """Return each text in the letters A to Z, by the sound of its letters where it is in another script.

    A text of which no letter has a known sound (cuneiform) stays as it is.
    """
    text = texts.cast(pl.String)
    foreign = (~text.str.contains(r"^[A-Z]*$")).fill_null(False)
    if not foreign.any():
        return text
    kept = pl.col("text")
    written = text.filter(foreign).to_frame("text").select(kept.str.normalize("NFKD").str.to_uppercase())
    for place, sound in _PLACES:
        written = written.with_columns(kept.str.replace_all(place, sound))
    letters = written.select(kept.str.split("").explode().unique().sort()).to_series().drop_nulls().to_list()
    letters = [letter for letter in letters if not letter.isascii()]
    sounds = [_LETTERS.get(letter, anyascii(letter)) for letter in letters]
    latin = written.select(kept.str.replace_many(letters, sounds).str.to_uppercase().str.replace_all("[^A-Z]", ""))
    unknown = latin.to_series().str.len_bytes() == 0
    return text.scatter(foreign.arg_true(), latin.to_series().zip_with(~unknown, text.filter(foreign)))


def prefix(texts: pl.Series, letters: int = 3) -> pl.Series:
    """Return the first letters of each name, null if it has fewer than two letters."""
    return texts.to_frame("text").select(_long_enough().str.head(letters)).to_series().rename(texts.name)


def suffix(texts: pl.Series, letters: int = 3) -> pl.Series:
    """Return the last letters of each name, null if it has fewer than two letters."""
    return texts.to_frame("text").select(_long_enough().str.tail(letters)).to_series().rename(texts.name)


def initial(texts: pl.Series) -> pl.Series:
    """Return the first letter of each name."""
    return texts.to_frame("text").select(pl.col("text").str.head(1)).to_series().rename(texts.name)


def _long_enough() -> pl.Expr:
    return pl.when(pl.col("text").str.len_chars() >= 2).then("text")
