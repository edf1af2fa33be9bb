"""Text from bytes in UTF-8; another encoding is named, with the command that converts the file."""

from __future__ import annotations

import codecs

from nerine.core.errors import FormatError


def decoded(raw: bytes, place: str, where: str = "of the line") -> str:
    """The text of some bytes; raises `FormatError` if they are not UTF-8, as far as is known why.

    Text in UTF-16 without a byte order mark may be valid UTF-8: letters with NUL characters.
    """
    try:
        text = raw.decode()
        if "\0" not in text or not (wide := wide_encoding(raw)):
            return text
        raise _encoding_error(f"the file is in {wide}", wide, place)
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02x} at position {error.start} {where} is not UTF-8"
    if wide := wide_encoding(raw):
        raise _encoding_error(f"{found}: the file is in {wide}", wide, place)
    if not raw.decode(errors="ignore").isascii():
        raise FormatError(
            f"{found}, but other bytes near it are",
            place=place,
            expected="a file in UTF-8",
            hint="a part is damaged or in another encoding; this leaves such bytes out: "
            "iconv -c -f utf-8 -t utf-8 FILE > NEW",
        )
    if not _UNDEFINED_1252.intersection(raw):
        name = "cp1252 (Windows, Western European)" if _C1.intersection(raw) else "latin1 or cp1252"
        raise _encoding_error(f"{found}; it may be {name}", "cp1252", place)
    raise FormatError(
        f"{found}",
        place=place,
        expected="a file in UTF-8",
        hint="find out its encoding, and convert it, as in: iconv -f shift_jis -t utf-8 FILE > NEW",
    )


_C1 = frozenset(range(0x80, 0xA0))
_UNDEFINED_1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_FEWEST_WIDE = 8


def wide_encoding(raw: bytes) -> str | None:
    """UTF-16 or UTF-32, if bytes begin with its mark, or every other one is 0 as in Latin text."""
    for mark, name in _WIDE_MARKS:
        if raw.startswith(mark):
            return name
    if len(raw) < _FEWEST_WIDE:
        return None
    # a line of little-endian text ends inside a line feed, and the next one begins there
    odd, even = raw[1::2].rstrip(b"\n"), raw[::2].rstrip(b"\n")
    for zeros, letters, name in ((odd, even, "UTF-16LE"), (even, odd, "UTF-16BE")):
        if zeros.count(0) >= len(zeros) - 1 and not letters.count(0):
            return name
    return None


def _encoding_error(found: str, encoding: str, place: str) -> FormatError:
    return FormatError(
        found,
        place=place,
        expected="a file in UTF-8",
        hint=f"convert the file: iconv -f {encoding.lower()} -t utf-8 FILE > NEW",
    )
