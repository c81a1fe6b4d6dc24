"""The standard form of names in any script: their parts in order, and the given and family names of a full name.

Pseudonyms can only be compared for equality, so whatever two sources write differently must be brought to one form
before it is hashed. `docs/names.md` says what is decided here and why. Nothing depends on the source or on the other
names of a file: a name has one standard form everywhere, until `STANDARD_VERSION` changes.
"""

from collections.abc import Callable, Iterable

import polars as pl

from pipeline.ingest.distinct_values import of_distinct

STANDARD_VERSION = "1"
"""Tokens of two versions are not comparable: it changes with every change of a standard form or of a code."""

# Marks that are not letters. In most scripts a vowel is a mark: without it, राम and रमा are one name, か and が one
# letter. So only these are removed: accents (of Latin, Greek and Cyrillic letters), the vowel and reading signs of
# Arabic and Hebrew, which writers leave out, the Arabic stroke that lengthens a word, and signs that choose a glyph.
_ACCENTS = r"\u{300}-\u{36F}\u{483}-\u{489}\u{1AB0}-\u{1AFF}\u{1DC0}-\u{1DFF}\u{20D0}-\u{20FF}\u{FE20}-\u{FE2F}"
_ARABIC = r"\u{610}-\u{61A}\u{640}\u{64B}-\u{65F}\u{670}\u{6D6}-\u{6DC}\u{6DF}-\u{6E4}\u{6E7}\u{6E8}\u{6EA}-\u{6ED}"
_HEBREW = r"\u{591}-\u{5BD}\u{5BF}\u{5C1}\u{5C2}\u{5C4}\u{5C5}\u{5C7}"
_GLYPHS = r"\u{180B}-\u{180D}\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}"
_ZERO_WIDTH = r"\u{AD}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{2064}\u{2066}-\u{206F}\u{FEFF}"
_UNWRITTEN = f"[{_ACCENTS}{_ARABIC}{_HEBREW}{_GLYPHS}{_ZERO_WIDTH}]"

# letters that Unicode does not decompose into a base letter and an accent, and letters that writers exchange
_LETTERS = {
    "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "Ŧ": "T", "Ŋ": "N", "Ə": "A",
    "Ɓ": "B", "Ɗ": "D", "Ɖ": "D", "Ɛ": "E", "Ƒ": "F", "Ɣ": "G", "Ɩ": "I", "Ɨ": "I", "Ƙ": "K", "Ɲ": "N", "Ɔ": "O",
    "Ʊ": "U", "Ʉ": "U", "Ʋ": "V", "Ƴ": "Y", "Ґ": "Г",
    "ى": "ي", "ی": "ي", "ے": "ي", "ک": "ك", "ة": "ه", "ۃ": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه", "ٱ": "ا",
}  # fmt: skip
_APOSTROPHES = r"['’‘‛′`\u{2B9}-\u{2C1}\u{2EE}\u{55A}\u{5F3}\u{5F4}\u{A78B}\u{A78C}]"

# Words that join two names in registers of South and South-East Asia: son, daughter, wife of.
_KINSHIP_SIGNS = r"\b(?:[SDWBC]/O|A/[LP]|N/A)\b"
_ORDINALS = r"\b\p{N}+(?:ST|ND|RD|TH)\b"

_TITLES = (
    "MR", "MRS", "MS", "MX", "DR", "DRS", "PROF", "PROFESSOR", "REV", "REVD", "MISTER", "MME", "MLLE", "MONSIEUR",
    "MADAME", "MADEMOISELLE", "HERR", "FRAU", "SRA", "SRTA", "SENOR", "SENORA", "SENHOR", "SENHORA", "SIGNOR",
    "SIGNORA", "DHR", "MEVR", "SHRI", "SHREE", "SMT", "ENCIK", "PUAN", "CAPT", "CAPTAIN", "COL", "SGT", "LT", "ENGR",
)  # fmt: skip
_HONORIFICS = (
    "MISS", "MASTER", "SIR", "LADY", "LORD", "DAME", "REVEREND", "SR", "HAJI", "HAJJI", "HADJI", "HAJA", "HAJJAH",
    "ALHAJ", "ALHAJJ", "ALHAJI", "ALHAJA", "ELHADJ", "ELHADJI", "CHIEF", "DATO", "DATUK", "MAULANA", "MOULANA",
)  # fmt: skip
"""Titles that are also names: removed only before another part."""
_SUFFIXES = ("JR", "SR", "JNR", "SNR", "II", "III", "ESQ", "PHD", "MBE", "OBE", "CBE")
_CONNECTORS = ("BIN", "IBN", "BINT", "BINTI", "BINTE", "BTE", "BTI", "NEE", "AKA", "بن", "ابن", "بنت")
"""Words that a writer may put between two names or leave out."""

_FAMILY_PARTICLES = (
    "DE", "DA", "DO", "DOS", "DAS", "DI", "DU", "DES", "DEL", "DELLA", "DELLE", "DELLO", "DEGLI", "DEI", "DALLA",
    "LA", "LAS", "LOS", "VAN", "VON", "VOM", "DER", "DEN", "TEN", "TER", "ZU", "ZUM", "ZUR", "AF", "AV", "ST",
    "SAINT", "FITZ", "MC", "MAC", "AL", "EL", "ال", "آل",
)  # fmt: skip
_GIVEN_PARTICLES = (
    "ABU", "ABOU", "ABI", "UMM", "ABD", "ABDUL", "ABDEL", "ABDAL", "ABDOL", "ABDOUL", "ABDIL", "عبد", "ابو", "ام",
)  # fmt: skip
# `Nguyen Van Minh`: here VAN and THI are middle names
_VIETNAMESE = "NGUYEN|TRAN|LE|PHAM|HUYNH|HOANG|PHAN|VU|VO|DANG|BUI|DO|HO|NGO|DUONG|LY"
# `Maria del Carmen Lopez`: not the beginning of the family name
_MARIAN = (
    "CARMEN|PILAR|MAR|ROSARIO|SOCORRO|ROCIO|CARMO|CEU|ANGELES|MERCEDES|DOLORES|JESUS|CONCEPCION|CONCEICAO|LOURDES|"
    "FATIMA|NIEVES|LUZ|GRACA"
)

_MISSING_WORDS = (
    "FNU", "LNU", "MNU", "NFN", "NLN", "NMN", "NONAME", "UNKNOWN", "UNNAMED", "UNK", "ANONYMOUS", "INCONNU",
    "INCONNUE", "UNBEKANNT", "DESCONOCIDO", "DESCONOCIDA", "DESCONHECIDO", "DESCONHECIDA",
    "SCONOSCIUTO", "SCONOSCIUTA", "ONBEKEND", "NIEZNANY", "NIEZNANA", "НЕИЗВЕСТНО", "НЕИЗВЕСТНЫИ", "НЕИЗВЕСТНАЯ",
)  # fmt: skip
_NEWBORN = "(?:BABY|INFANT|NEWBORN)(?: (?:BOY|GIRL|MALE|FEMALE))?"
_MISSING_NAMES = "NIL|NONE|NULL|X|MALE|FEMALE"
_MISSING_PHRASES = (
    r"\b(?:NO|NOT|WITHOUT|SANS|SIN|SEM|OHNE) (?:(?:FIRST|LAST|MIDDLE|GIVEN|FAMILY) )?(?:NAMES?|SURNAMES?|FORENAMES?|"
    r"KNOWN|GIVEN|STATED|PROVIDED|AVAILABLE|RECORDED|APPLICABLE|SPECIFIED|SUPPLIED|DISCLOSED|NOM|PRENOM|NOMBRE|"
    r"APELLIDOS?|NOME|NAMEN)\b|"
    r"\b(?:FIRST|LAST|MIDDLE|GIVEN|FAMILY) NAMES? (?:UNKNOWN|MISSING)\b"
)
# the name that follows is a parent's
_CHILD_OF = r"^(?:BABY|INFANT|NEWBORN|CHILD|SON|DAUGHTER|TWIN)(?: (?:BOY|GIRL|MALE|FEMALE|ONE|TWO|I|II))* OF\b.*"

_TWO_SYLLABLES = "남궁|황보|제갈|선우|독고|사공|欧阳|歐陽|司马|司馬|诸葛|諸葛|上官|司徒|夏侯|皇甫"
_COMMA = "[,،、]"
# How the halves of a name without a comma are told apart; the first rule that fits decides.
_ORDERS = (
    rf"^(?<family>{_VIETNAMESE}) (?<given>(?:VAN|THI)\b.*)$",
    r"^(?<family>[\p{Han}\p{Hangul}]+) (?<given>[\p{Han}\p{Hangul} ]+)$",
    rf"^(?<family>{_TWO_SYLLABLES})(?<given>[\p{{Han}}\p{{Hangul}}]{{1,2}})$",
    r"^(?<family>\p{Hangul})(?<given>\p{Hangul}{1,2})$",
    r"^(?<family>\p{Han})(?<given>\p{Han}{1,2})$",
    r"^(?<given>.+?) (?<family>\x02.*)$",  # a particle begins the family name
    r"^(?:(?<given>.*) )?(?<family>[^ ]+)$",
)

# Signs that no name contains: before a part that joins nothing, and before a part that begins a family name.
_APART = "\x01"
_FAMILY = "\x02"

Step = Callable[[pl.Expr], pl.Expr]


def parts_of_name(texts: pl.Series) -> pl.Series:
    """Return the parts of each name in their order (List[String]): `Dr. José O'Neill-Śmith` -> JOSE, ONEILL, SMITH.

    Parts are in upper case, without accents, apostrophes, digits, titles and suffixes; each has at least one letter.
    A particle is one part with what follows (`van der Berg` -> VANDERBERG), a full stop or hyphen ends a part (`J.R.`
    -> J, R). Letters of other scripts are kept with their vowel and tone signs, in composed form. Missing, empty and
    what stands for a missing name (`FNU`, `not known`, `xxx`) gives null.
    """
    return _of_distinct(texts, _standard).str.split(" ").rename(texts.name)


def split_full_name(texts: pl.Series) -> pl.DataFrame:
    """Return `given_name` and `family_name` of full names in one column, as standard parts with one space between.

    What stands before a comma (or a single slash: `SMITH/JOHN MR`) is the family name. Without one, the family name
    is the last part, or begins with the first particle (`Maria da Silva Santos` -> MARIA and DASILVA SANTOS). Chinese
    and Korean names in their own script, and Vietnamese ones that their middle name shows, begin with it. A single
    part is a family name, and the given name null.
    """
    distinct = texts.cast(pl.String).drop_nulls().unique(maintain_order=True).alias("text")
    signs = pl.col("text").str.normalize("NFKD").str.to_uppercase().str.replace_all(_KINSHIP_SIGNS, " ")
    one_slash = (signs.str.count_matches("/", literal=True) == 1) & ~signs.str.contains(_COMMA)
    halves = pl.when(one_slash).then(signs.str.replace("/", ",", literal=True)).otherwise(signs)
    table = (
        distinct.to_frame()
        .with_columns(family=halves.str.extract(f"^(.*?){_COMMA}"), given=halves.str.extract(f"{_COMMA}(.*)$"))
        .with_columns(pl.col("family", "given").map_batches(lambda half: _of_distinct(half, _standard)))
        .with_columns(pl.col("given").str.replace(f"^(?:(?:{_any(_SUFFIXES)})(?: |$))+", ""))
        .with_columns(by_comma=pl.col("family").is_not_null() & (pl.col("given").str.len_bytes() > 0))
        .with_columns(whole=pl.when(pl.col("by_comma").not_().fill_null(True)).then("text"))
        .with_columns(pl.col("whole").map_batches(lambda whole: _of_distinct(whole, _standard_with_marks)))
        .select(
            "text",
            given_name=pl.when("by_comma").then("given").otherwise(_half(pl.col("whole"), "given")),
            family_name=pl.when("by_comma").then("family").otherwise(_half(pl.col("whole"), "family")),
        )
    )
    asked = pl.DataFrame({"text": texts.cast(pl.String)})
    return asked.join(table, on="text", how="left", maintain_order="left").select("given_name", "family_name")


def plain_letters(text: pl.Expr) -> pl.Expr:
    """Return the letters of a text in upper case, without accents and apostrophes, one space for every other sign."""
    return (
        text.str.replace_all("´", "", literal=True)  # NFKD makes it a blank and an accent
        .str.normalize("NFKD")
        .str.replace_all(_UNWRITTEN, "")
        .str.to_lowercase()
        .str.to_uppercase()  # ẞ has no upper case, ß has one
        .str.normalize("NFKD")
        .str.replace_all(_UNWRITTEN, "")
        .str.replace_many(list(_LETTERS), list(_LETTERS.values()))
        .str.replace_all(rf"\b(\p{{L}}){_APOSTROPHES}\s+(\p{{L}})", "${1}${2}")
        .str.replace_all(_APOSTROPHES, "")
        .str.replace_all(rf"{_KINSHIP_SIGNS}|\bPH\.? ?D\b", " ")
        .str.replace_all(_ORDINALS, "")
        .str.replace_all(r"\p{N}", "")
        .str.replace_all(r"[^\p{L}\p{M}]+", " ")
        .str.replace_all(r"(^| )\p{M}+", "${1}")  # a mark without its letter
        .str.replace_all(" +", " ")
        .str.strip_chars(" ")
        .str.normalize("NFC")  # a syllable of Hangul is one letter, as in a prefix of three letters
    )


def _standard(texts: pl.Series) -> pl.Series:
    """Return the standard parts of each text, with one space between."""
    return _until_stable(_apply(texts, plain_letters), lambda text: _without_marks(_shortened(text)))


def _standard_with_marks(texts: pl.Series) -> pl.Series:
    """Return standard parts with `_FAMILY` before each that begins a family name by its particle."""
    return _until_stable(_apply(texts, plain_letters), _shortened)


def _shortened(text: pl.Expr) -> pl.Expr:
    return _without_words(_joined(text))


def _joined(text: pl.Expr) -> pl.Expr:
    """Return parts with their particles joined to what follows; a family particle has the mark before it."""
    alone = (
        text.str.replace_all(r"\b(\p{L}\p{M}*)\b", f"{_APART}${{1}}")
        .str.replace_all(rf"\b({_VIETNAMESE}) (VAN|THI)\b", f"${{1}} ${{2}}{_APART}")
        .str.replace_all(r"\bBEN \b", f"{_FAMILY}BEN ")
    )
    # the article before a consonant that it takes over: Ar-Rashid, Abdus Salam
    for sun in ("R", "S", "Z", "D", "T", "SH"):
        alone = alone.str.replace_all(rf"\bA{sun} ({sun}\p{{L}}{{3}})", "AL ${1}")
    for sun in ("R", "S", "Z", "D", "T", "SH", "N"):
        alone = alone.str.replace_all(rf"\bABD(?:OU|[AEIU])(?:{sun} {sun}|{sun}{sun})", f"ABDUL{sun}")
    family = (
        alone.str.replace_all(rf"\b({_any(_FAMILY_PARTICLES)}) \b", f"{_FAMILY}${{1}}")
        .str.replace_all(rf"{_APART}O \b", f"{_FAMILY}O")
        .str.replace_all(rf"\b({_any(_GIVEN_PARTICLES)}) ({_FAMILY})?\b", "${1}")
    )
    return (
        family.str.replace_all(_APART, "", literal=True)
        .str.replace_all(rf"(\w|{_FAMILY}){_FAMILY}+", "${1}")
        .str.replace_all(r"\bABD(?:OU|[AEIOU])L(\p{L}{2})", "ABDUL${1}")
        .str.replace_all(r"\bABD[AEIU]R(A[HSUOZ])", "ABDULR${1}")
    )


def _without_words(text: pl.Expr) -> pl.Expr:
    """Return a name without titles, suffixes, connectors and words that stand for a missing name."""
    return (
        text.str.replace_all(r"\bM(?:D|HD|OHD|UHD)\b", "MOHAMMED")  # in Bangladesh, Malaysia and Indonesia
        .str.replace_all(_MISSING_PHRASES, " ")
        .str.replace(_CHILD_OF, "")
        .str.replace_all(rf"\b(?:{_any((*_TITLES, *_MISSING_WORDS))}|{_NEWBORN}|X{{2,}}|Z{{3,}})\b", "")
        .str.replace_all(" +", " ")
        .str.strip_chars(" ")
        .str.replace(rf"^(?:{_FAMILY}?(?:{_any(_HONORIFICS)}) )+", "")
        .str.replace_all(rf" (?:{_any(_SUFFIXES)})\b", "")
        .str.replace_all(rf" (?:{_any(_CONNECTORS)}) ", " ")
        .str.replace(rf"^(?:(?:{_MISSING_NAMES})(?: |$))+$", "")
    )


def _without_marks(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(f"[{_APART}{_FAMILY}]", "")


def _half(marked: pl.Expr, half: str) -> pl.Expr:
    """Return the half `given` or `family` of a name without a comma, by the first rule that fits."""
    name = marked.str.replace_all(rf"{_FAMILY}(D(?:E|A|O|EL|AS|ELA|ELOS|ELAS)(?:{_MARIAN}) )", "${1}")
    return _without_marks(
        pl.coalesce(
            pl.when(name.str.contains(rule)).then(name.str.extract_groups(rule).struct.field(half))
            for rule in _ORDERS
        )
    )


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


def _apply(texts: pl.Series, step: Step) -> pl.Series:
    return texts.to_frame("text").select(step(pl.col("text"))).to_series()


def _until_stable(texts: pl.Series, step: Step) -> pl.Series:
    """Return the texts after as many steps as change them: what is removed can bring two words together."""
    after = _apply(texts, step)
    changed = (after != texts).arg_true()
    if changed.is_empty():
        return after
    return after.scatter(changed, _until_stable(after.gather(changed), step))


def _of_distinct(texts: pl.Series, function: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return a function of each text, computed once for each distinct one; null where nothing is left."""
    results = of_distinct(texts, function)
    return results.set(results.str.len_bytes() == 0, None)
