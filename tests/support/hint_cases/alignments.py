"""Cases about a system's file that is aligned with gold documents."""

from __future__ import annotations

import json

from hints import Case

GOLD = "Ines B-PER\nmet O\nBo B-PER\n\nBo B-PER\nran O\n"
TAGS = "B-PER\nO\nB-PER\n\nB-PER\nO\n"
SCORE = "score gold.conll system.conll"
ALL = "1.000"


def files(system: str, name: str = "system.conll", gold: str = GOLD) -> dict[str, str]:
    return {"gold.conll": gold, name: system}


Stated = tuple[str, tuple[tuple[int, int], ...]]


def records(*texts: Stated) -> str:
    found = [
        {"text": text, "entities": [{"start": s, "end": e, "label": "PER"} for s, e in ranges]}
        for text, ranges in texts
    ]
    return "".join(f"{json.dumps(each)}\n" for each in found)


FIRST: Stated = ("Ines met Bo", ((0, 4), (9, 11)))
SECOND: Stated = ("Bo ran", ((0, 2),))
RIGHT = records(FIRST, SECOND)

CASES = {
    "a column file of gold tags alone": Case(
        "score gold.conll",
        files(GOLD),
        then=SCORE,
        right=ALL,
    ),
    "changed tokens": Case(
        SCORE,
        files("Ynes B-PER\nmed O\nBow B-PER\n\nBaw B-PER\nrun O\n"),
        {"--changed-tokens 1": ALL},
    ),
    "tags without tokens of other sentences": Case(
        SCORE,
        files(TAGS.replace("B-PER\n\nB", "\nB-PER\nB", 1)),
        changes={"system.conll": GOLD},
        right=ALL,
    ),
    "other tokens": Case(
        SCORE,
        files("Ines B-PER\nleft O\n\nfor O\nQuill B-PER\n\nBo B-PER\nran O\n"),
        changes={"system.conll": GOLD},
        right=ALL,
    ),
    "a file that ends early": Case(
        SCORE,
        files("Ines B-PER\nmet O\n"),
        changes={"system.conll": GOLD},
        right=ALL,
    ),
    "an unknown format": Case(
        "score gold.conll system.out",
        files("Ines and Bo\n", "system.out"),
        changes={"system.out": GOLD},
        then="score gold.conll system.out --predicted-format columns",
        right=ALL,
    ),
    "a folder in the place of predictions": Case(
        "score gold.conll system",
        files(GOLD, "system/all.conll"),
        then="score gold.conll system/all.conll",
        right=ALL,
    ),
    "no tags in the last column": Case(
        SCORE,
        files("Ines B-PER B-X x1\nmet O O x2\nBo B-PER B-X x3\n\nBo B-PER B-X x4\nran O O x5\n"),
        {"--predicted-column 1": ALL},
    ),
    "tags of an unknown form": Case(
        f"{SCORE} --predicted-column 2",
        files("Ines B-PER /x/\nmet O /y/\nBo B-PER /x/\n\nBo B-PER /x/\nran O /y/\n"),
        {"--predicted-column 1": ALL},
    ),
    "predictions of another split": Case(
        "score corpus system.jsonl",
        {
            "corpus/train.jsonl": records(FIRST, ("Al ran", ((0, 2),))),
            "corpus/dev.jsonl": RIGHT,
            "corpus/test.jsonl": records(SECOND),
            "system.jsonl": RIGHT,
        },
        {"--split validation": ALL},
    ),
    "predictions for other texts": Case(
        "score gold.conll system.jsonl",
        files(records(FIRST, ("Al slept", ((0, 2),))), "system.jsonl"),
        changes={"system.jsonl": records(SECOND, FIRST)},
        right=ALL,
    ),
    "an option of reading": Case(
        "score gold.conll system.jsonl",
        files(records(FIRST, SECOND).replace('"text"', '"line"'), "system.jsonl"),
        then="convert system.jsonl converted.jsonl --text-field line",
        right=["[Ines](PER) met [Bo](PER)", "[Bo](PER) ran"],
    ),
    "predictions that are converted": Case(
        "score gold.conll system.jsonl",
        files(records(FIRST, SECOND).replace('"text"', '"line"'), "system.jsonl"),
        changes={"converted.jsonl": RIGHT},
        then="score gold.conll converted.jsonl",
        right=ALL,
    ),
}
