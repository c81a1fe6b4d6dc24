"""Whatever text is given, its standard parts are well formed and do not depend on how it is typed."""

import re
import unicodedata

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.ingest import names as standard
from pipeline.ingest.name_codes import initial, prefix, skeleton, suffix
from pipeline.ingest.names import parts_of_name, split_full_name

WORDS = (
    *standard._TITLES, *standard._HONORIFICS, *standard._SUFFIXES, *standard._CONNECTORS, *standard._FAMILY_PARTICLES,
    *standard._GIVEN_PARTICLES, *standard._MISSING_WORDS, "NO", "NOT", "NAME", "KNOWN", "BABY", "BOY", "OF", "NGUYEN",
    "BEN", "O", "J", "AR", "RASHID", "ABDUR", "ALLAH", "SMITH", "MD", "XXX", "X", "DY", "NULL", "'", "-", ".", "3RD",
    "S/O", "N/A", "é", "ß", "Ə", "王", "小明", "김", "राम", "م", "שלום", "Ѐ", "ñ", "\u0301", "\u093f", "1",
)  # fmt: skip
texts = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join))


def parts(*names):
    return parts_of_name(pl.Series(names, dtype=pl.String)).to_list()


@given(texts)
@example("LA DY X")
@example("NO MR NAME")
@example("AHMAD BIN MR IBN ALI")
def test_the_standard_form_is_its_own_standard_form(text):
    once = parts(text)
    assert parts(" ".join(once[0] or [])) == once


# Python may not know letters that Polars knows
@given(texts.filter(lambda text: not any(unicodedata.category(sign) == "Cn" for sign in text)))
def test_parts_are_letters_in_upper_case_without_what_writers_leave_out(text):
    for part in parts(text)[0] or []:
        assert part
        assert re.fullmatch(r"\w+", re.sub(r"[^\W\d_]|[\U00000300-\U0001FFFF]", "a", part))
        assert unicodedata.category(part[0]).startswith("L")
        assert not any(unicodedata.category(sign)[0] in "NPSZC" for sign in part)
        assert part == part.upper()
        assert unicodedata.is_normalized("NFC", part)
        assert not any("\u0300" <= sign <= "\u036f" for sign in unicodedata.normalize("NFD", part))


@given(texts)
def test_case_blanks_and_composition_do_not_matter(text):
    forms = {
        text,
        unicodedata.normalize("NFC", text),
        unicodedata.normalize("NFD", text),
        f"  {text}\t",
        re.sub(" ", "  ", text),
    }
    assert len({str(one) for one in parts(*forms)}) == 1


@given(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join))
def test_case_does_not_matter(text):
    assert parts(text.lower()) == parts(text.upper()) == parts(text.title())


@given(st.lists(st.text("abcdefghijklmnoprstuvyz", min_size=6, max_size=9), min_size=1, max_size=5))
def test_hyphens_and_accents_do_not_matter_and_parts_keep_their_order(words):
    upper = [word.upper() for word in words]
    accented = [word.replace("a", "á").replace("o", "ö").replace("n", "ñ") for word in words]
    plain, hyphens, accents = parts(" ".join(words), "-".join(words), " ".join(accented))
    assert plain == hyphens == accents
    assert plain == upper or set(plain or []) != set(upper)  # a word may happen to be a title


@given(texts)
def test_the_halves_of_a_name_are_its_parts(text):
    given_name, family_name = split_full_name(pl.Series([text])).row(0)
    assert (given_name is None) or (family_name is not None)
    for half in (given_name, family_name):
        assert half is None or (half and half == half.strip() and not set(half) & {"\x01", "\x02"})
    if not re.search("[,/]", unicodedata.normalize("NFKD", text)):
        assert (family_name is None) == (parts(text) == [None])


@given(texts)
def test_every_text_has_codes(text):
    names = parts_of_name(pl.Series([text])).list.join("")
    code, begin, end, first = (of(names).item() for of in (skeleton, prefix, suffix, initial))
    assert (code is None) == (names.item() is None)
    if names.item() is not None:
        assert code
        assert first == names.item()[0]
        assert (begin is None) == (end is None) == (len(names.item()) < 2)
        assert begin is None or (names.item().startswith(begin) and names.item().endswith(end))
