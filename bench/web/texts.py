"""Texts of all scripts, ordinary and hostile, the same in every run."""

from __future__ import annotations

import random
from collections.abc import Sequence

import regex

_PARTS = """'s|’s|İstanbul|Ω ΣΑΣ|ǅ|Straße|ﬁ|①|½|क्षत्रिय|Mumbai मुंबई|
กรุงเทพมหานคร|北京市|東京タワー|カナダ|서울|강남구|القاهرة|ירושלים|שׁ|Москва|Київ|
Αθήνα|Tbilisi თბილისი|😀|👩‍👩‍👧|👩🏽|🇫🇷|🇩|é|[SEP]|[MASK]|[UNK]|<mask>|
<s>|</s>|Mira Okonjo|Lisbon|Tandem Labs|@paul|#ner|http://x.yz/a|
mira@tandem.example|U.S.|AT&T|O'Brien|l'Oréal|Ankara'da|pro-Trump|
Stoke-on-Trent|…|“|”|x|豈|𝔘|ß|1,000.50|a_b|aa|COVID-19|Mr.Smith|₿|€5"""
_CODES = (
    "65 301",
    "301",
    "200d",
    "fe0f",
    "0",
    "7",
    "1c",
    "20",
    "9",
    "a",
    "d a",
    "85",
    "2028",
    "feff",
    "fffd",
    "d800",
    "dfff",
    "2a6d6",
    "20000",
    "f900",
    "1100 1161",
    "302e",
    "323 302 61",
    "202e",
    "e0001",
    "10ffff",
    "94d",
    "600",
    "d4e",
)
"""Difficult characters by their code points, surrogates without their other half among them."""
PIECES = (
    *(each.strip("\n") for each in _PARTS.split("|")),
    *("".join(chr(int(code, 16)) for code in each.split()) for each in _CODES),
)
_BLOCKS = """0 80 300 370 400 590 600 700 900 980 b00 c00 d00 e00 f00 1000 1100 1200
1780 1800 1e00 1f00 2000 2600 3000 4e00 a900 ac00 d7a0 f900 fb00 fe00 10a00 11000 11300 16100 1d100
1f100 1f300 1f900 20000 e0000"""
BLOCKS = tuple(int(each, 16) for each in _BLOCKS.split())
_LONG = (
    "",
    "   \n\t\r\n",
    "\u200b",
    "word " * 5000,
    "Mira Okonjo met Jonas in Lisbon , " * 715,
    "a" * 3000,
    "北京" * 1500,
)
_PAIR = regex.compile("[\ud800-\udbff](?=[\udc00-\udfff])")


def hostile_texts(count: int, seed: int = 5) -> list[str]:
    """So many texts of difficult parts, of random characters of a script, and of extreme lengths.

    None has two surrogates that are halves of one character: only JavaScript takes them for it.
    """
    chance = random.Random(seed)
    texts = list(_LONG)[: count // 2]
    while len(texts) < count:
        texts.append(_joined(chance) if len(texts) % 3 else _of_a_block(chance))
    return [_PAIR.sub("", text) for text in texts]


def web_texts(ordinary: Sequence[str], count: int = 500) -> list[str]:
    """So many texts, half of them ordinary."""
    first = list(ordinary[: count // 2])
    return [*first, *hostile_texts(count - len(first))]


def _joined(chance: random.Random) -> str:
    between = chance.choice(["", " "])
    return between.join(chance.choices(PIECES, k=chance.randint(1, 25)))


def _of_a_block(chance: random.Random) -> str:
    first = chance.choice(BLOCKS)
    characters = (
        chr(chance.randrange(first, first + 0x100))
        if chance.random() < 0.8
        else chance.choice(PIECES)
        for _ in range(chance.randint(1, 30))
    )
    return "".join(characters)
