"""Characters of any script to the few that the analyzer tells apart."""

import re
import unicodedata
from functools import lru_cache

# Letters that Unicode does not take apart into a plain letter and an accent.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
)
# Canonical combining classes of marks that are no accents: vowel signs, nukta, virama.
_KEPT_MARKS = {0, 7, 9}
_CONTRACTION = re.compile(r"(?<=\w)['’](?:s|t|d|m|re|ve|ll)\b")
# Hangul and kana that come in pieces, as file names of macOS do.
_PIECES = re.compile("[\u1100-\u11ff]+|[\u3040-\u30ff][\u3099\u309a]")


# Texts up to so many characters are remembered: more than one looks at each. Those in
# ASCII are not: to look them up takes as long.
_SHORT = 10_000


def fold(text: str) -> str:
    """Return text in lower case, without accents, with five kinds of separator.

    :param text: any text, lone surrogates and control characters included
    :returns: letters and digits, and between them line breaks, blanks, ".", "-"
        and "/" (which stands for every other character)
    """
    remembers = not text.isascii() and len(text) <= _SHORT
    return _folded(text) if remembers else _fold(text)


def _fold(text: str) -> str:
    if "'" in text or "’" in text:
        text = _CONTRACTION.sub("", _lowered(text))
    return fold_as_written(text)


_folded = lru_cache(maxsize=256)(_fold)


def fold_as_written(text: str) -> str:
    """Return text as fold does, with what follows an apostrophe.

    What stands in a text then stands in what is returned of the text, too.
    """
    if text.isascii():
        # Each of these characters becomes one, and bytes are translated far faster.
        return text.encode().translate(_ASCII).decode()
    return _lowered(text).translate(_folding)


def _lowered(text: str) -> str:
    plain = text.casefold()
    return plain if plain.isascii() else _PIECES.sub(_composed, plain)


def _composed(pieces: re.Match[str]) -> str:
    # Not for the whole text: the time it takes grows with the square of the number
    # of marks on one letter.
    return unicodedata.normalize("NFC", pieces[0])


class _Folding(dict[int, str]):
    """Maps characters to what stands for them in folded text, as they turn up."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        # A text with every character there is must not fill the memory for good.
        if code < 0x10000:
            self[code] = folded
        return folded


def _fold_character(char: str) -> str:
    if _is_a_word(char):
        return f"-{char}-"
    category = unicodedata.category(char)
    if char.isalnum() or category in ("Mn", "Mc"):
        return _without_accents(char)
    if char in "\n.":
        return char
    if category in ("Me", "Cf"):  # around other characters, or invisible
        return ""
    if char.isspace() or category == "Cc":
        return " "
    return "-" if category in ("Pd", "Pc") else "/"


def _is_a_word(char: str) -> bool:
    """Tell whether a character is of a script without blanks between the words."""
    kana = char.isalnum() and "\u3040" <= char <= "\u30ff"
    return kana or unicodedata.name(char, "").startswith("CJK UNIFIED IDEOGRAPH")


def _without_accents(char: str) -> str:
    if "\uac00" <= char <= "\ud7a3":  # Hangul: as letters it would be thrice as long
        return char
    apart = unicodedata.normalize("NFKD", char).casefold().translate(_PLAIN_LETTERS)
    return "".join(letter for letter in apart if not _is_accent(letter))


def _is_accent(char: str) -> bool:
    variant = unicodedata.name(char, "").startswith("VARIATION SELECTOR")
    return variant or unicodedata.combining(char) not in _KEPT_MARKS


_folding = _Folding()
# As bytes.translate takes it: what stands for each byte.
_ASCII = "".join(map(chr, range(128))).lower().translate(_folding).encode().ljust(256)
