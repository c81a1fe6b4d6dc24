"""Names of any script have one standard form, and a full name in one column its two halves."""

import polars as pl
import pytest

from pipeline.ingest.names import parts_of_name, split_full_name


def parts(*texts):
    return parts_of_name(pl.Series("name", texts, dtype=pl.String)).to_list()


WRITTEN = {
    # accents, case and letters that Unicode does not decompose
    "  josé ": ["JOSE"],
    "Łukasz": ["LUKASZ"],
    "Großmann": ["GROSSMANN"],
    "GROẞMANN": ["GROSSMANN"],
    "Nguyễn Đặng": ["NGUYEN", "DANG"],
    "Əliyev": ["ALIYEV"],
    "İpek Işık": ["IPEK", "ISIK"],
    "ﬁona": ["FIONA"],
    "Mary\u00adAnn": ["MARYANN"],
    # apostrophes
    "O'Neill": ["ONEILL"],
    "O’Neill": ["ONEILL"],
    "O' Neill": ["ONEILL"],
    "O Neill": ["ONEILL"],
    "D'Souza": ["DSOUZA"],
    "N´Diaye": ["NDIAYE"],
    "Мар'яна": ["МАРЯНА"],
    # hyphens, initials and other signs
    "Anne-Marie": ["ANNE", "MARIE"],
    "J.R.": ["J", "R"],
    "John O. B. Smith": ["JOHN", "O", "B", "SMITH"],
    "Smith;Jones": ["SMITH", "JONES"],
    "Elizabeth (Liz)": ["ELIZABETH", "LIZ"],
    # digits
    "SM1TH": ["SMTH"],
    "John 3rd": ["JOHN"],
    # titles and suffixes
    "Dr. José": ["JOSE"],
    "Prof. Dr Ada Miss": ["ADA", "MISS"],
    "SMITH MR": ["SMITH"],
    "Mme. Curie": ["CURIE"],
    "Haji Ahmed": ["AHMED"],
    "Haji": ["HAJI"],
    "Lord": ["LORD"],
    "Mr": None,
    "Drake": ["DRAKE"],
    "Smith Jr.": ["SMITH"],
    "Henry III": ["HENRY"],
    "Sr Garcia": ["GARCIA"],
    # particles
    "van der Berg": ["VANDERBERG"],
    "VAN DERBERG": ["VANDERBERG"],
    "Vanderberg": ["VANDERBERG"],
    "van de Berg": ["VANDEBERG"],
    "de la Cruz": ["DELACRUZ"],
    "Maria da Silva Santos": ["MARIA", "DASILVA", "SANTOS"],
    "Al-Hassan": ["ALHASSAN"],
    "El Masri": ["ELMASRI"],
    "Ar-Rashid": ["ALRASHID"],
    "Mc Donald": ["MCDONALD"],
    "McDonald": ["MCDONALD"],
    "Mac Donald": ["MACDONALD"],
    "St. John": ["STJOHN"],
    "Abu Bakr": ["ABUBAKR"],
    "Maria De": ["MARIA", "DE"],
    "De B": ["DE", "B"],
    "Nguyen Van Minh": ["NGUYEN", "VAN", "MINH"],
    # servants of God
    "Abdul Rahman": ["ABDULRAHMAN"],
    "Abd al-Rahman": ["ABDULRAHMAN"],
    "Abd ar-Rahman": ["ABDULRAHMAN"],
    "Abdur Rahman": ["ABDULRAHMAN"],
    "Abdurrahman": ["ABDULRAHMAN"],
    "Abdelrahman": ["ABDULRAHMAN"],
    "Abdirahman": ["ABDULRAHMAN"],
    "Abdus Salam": ["ABDULSALAM"],
    "Abdallah": ["ABDULLAH"],
    "Abd Allah Khan": ["ABDULLAH", "KHAN"],
    "Abdul": ["ABDUL"],
    # words between two names
    "Ahmad bin Ali": ["AHMAD", "ALI"],
    "Bin Laden": ["BIN", "LADEN"],
    "Wang Bin": ["WANG", "BIN"],
    "Siti binti Omar": ["SITI", "OMAR"],
    "Raman s/o Muthu": ["RAMAN", "MUTHU"],
    "Raman A/L Muthu": ["RAMAN", "MUTHU"],
    "Mary Jones née Smith": ["MARY", "JONES", "SMITH"],
    "Ivan Petrovich Sidorov": ["IVAN", "PETROVICH", "SIDOROV"],
    "Mohamed Ben Ali": ["MOHAMED", "BEN", "ALI"],
    "Ben Smith": ["BEN", "SMITH"],
    # abbreviations
    "Md. Rahim": ["MOHAMMED", "RAHIM"],
    "Mohd Rahim": ["MOHAMMED", "RAHIM"],
    # what stands for a missing name
    "FNU": None,
    "FNU Khan": ["KHAN"],
    "Unknown": None,
    "No name": None,
    "not known": None,
    "NO LAST NAME": None,
    "xxx": None,
    "X": None,
    "-": None,
    ".": None,
    "N/A": None,
    "null": None,
    "Baby": None,
    "Baby Girl Smith": ["SMITH"],
    "baby of Sarah": None,
    "infant": None,
    "Inconnu": None,
    "123": None,
    "": None,
    None: None,
    "No": ["NO"],
    "Na": ["NA"],
    "Nobel": ["NOBEL"],
    # other scripts
    "Νικόλαος": ["ΝΙΚΟΛΑΟΣ"],
    "Фёдор": ["ФЕДОР"],
    "王 小明": ["王", "小明"],
    "阿卜杜拉·穆罕默德": ["阿卜杜拉", "穆罕默德"],
    "김 민준": ["김", "민준"],
    "ｶﾞ": ["ガ"],
    "राम-कुमार": ["राम", "कुमार"],
    "مُحَمَّد بن عليّ": ["محمد", "علي"],
    "عبد الرحمن": ["عبدالرحمن"],
    "فاطمة": ["فاطمه"],
    "علی": ["علي"],
    "אַבְרָהָם": ["אברהם"],
    "ገብረ": ["ገብረ"],
}


@pytest.mark.parametrize(("written", "standard"), WRITTEN.items())
def test_the_parts_of_a_name(written, standard):
    assert parts(written) == [standard]


def test_a_name_has_the_same_parts_whatever_names_stand_beside_it():
    assert parts(*WRITTEN, *WRITTEN) == 2 * list(WRITTEN.values())


def test_the_parts_keep_the_name_of_the_column():
    assert parts_of_name(pl.Series("given", ["Ada"])).name == "given"
    assert parts_of_name(pl.Series("given", [None])).dtype == pl.List(pl.String)


@pytest.mark.parametrize(
    ("written", "given", "family"),
    [
        ("SMITH, John William", "JOHN WILLIAM", "SMITH"),
        ("Smith, Jr., John", "JOHN", "SMITH"),
        ("John Smith, Jr.", "JOHN", "SMITH"),
        ("SMITH, FNU", None, "SMITH"),
        ("van der Berg, Jan", "JAN", "VANDERBERG"),
        ("王，小明", "小明", "王"),
        ("SMITH/JOHN MR", "JOHN", "SMITH"),
        ("RAMAN S/O MUTHU", "RAMAN", "MUTHU"),
        ("John William Smith", "JOHN WILLIAM", "SMITH"),
        ("Maria da Silva Santos", "MARIA", "DASILVA SANTOS"),
        ("Maria del Carmen Lopez", "MARIA DELCARMEN", "LOPEZ"),
        ("Maria del Carmen", "MARIA", "DELCARMEN"),
        ("Jan van der Berg", "JAN", "VANDERBERG"),
        ("van der Berg", None, "VANDERBERG"),
        ("Mohamed Ben Ali", "MOHAMED", "BEN ALI"),
        ("Khalid Al Hassan", "KHALID", "ALHASSAN"),
        ("Abdul Rahman Khan", "ABDULRAHMAN", "KHAN"),
        ("Osama bin Laden", "OSAMA", "LADEN"),
        ("Nguyễn Văn Minh", "VAN MINH", "NGUYEN"),
        ("王小明", "小明", "王"),
        ("欧阳小明", "小明", "欧阳"),
        ("王 小明", "小明", "王"),
        ("김민준", "민준", "김"),
        ("남궁민수", "민수", "남궁"),
        ("すずき", None, "すずき"),
        ("Suharto", None, "SUHARTO"),
        ("FNU Suharto", None, "SUHARTO"),
        ("Dr.", None, None),
        (",", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_the_halves_of_a_full_name(written, given, family):
    halves = split_full_name(pl.Series([written], dtype=pl.String))
    assert halves.columns == ["given_name", "family_name"]
    assert halves.rows() == [(given, family)]


def test_full_names_keep_their_rows():
    names = pl.Series(["Ada Byron", None, "Li, Na", "Ada Byron"])
    assert split_full_name(names)["given_name"].to_list() == ["ADA", None, "NA", "ADA"]
