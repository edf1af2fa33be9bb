"""Rules about an encoder and a corpus: words that it does not know, texts longer than a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from nerine.core.display import counted, quoted
from nerine.curation.checks.characters import spelled
from nerine.curation.checks.findings import Remark, Spot
from nerine.curation.checks.rule import Rule
from nerine.curation.checks.subwords import Cut, Range
from nerine.curation.checks.view import View, times


def unknown_words(view: View) -> Iterator[Remark]:
    """Words that become the unknown subword: the encoder cannot tell them apart."""
    yield from _by_word(view, lambda cut: cut.unknown, "is unknown to the encoder")


def blind_words(view: View) -> Iterator[Remark]:
    """Words without any subword: the encoder does not see them."""
    yield from _by_word(view, lambda cut: cut.blind, "is not seen by the encoder")


def _by_word(
    view: View, ranges_of: Callable[[Cut], Sequence[Range]], what: str
) -> Iterator[Remark]:
    found: dict[str, list[Spot]] = defaultdict(list)
    for split, index, document, cut in view.cuts:
        for start, end in ranges_of(cut):
            found[document.text[start:end]].append(Spot(split, index, start, end))
    for word, spots in found.items():
        # a word of signs alone may be invisible
        code_points = "" if any(char.isalnum() for char in word) else f" ({spelled(word)})"
        message = f"{quoted(word)}{code_points} {what}, {times(len(spots))}"
        yield Remark(message, spots[0], tuple(spots[1:]))


def long_texts(view: View) -> Iterator[Remark]:
    """Texts that are longer than a window: they are read in several windows, which overlap."""
    for split, index, _, cut in view.cuts:
        if cut.windows > 1:
            longest = view.subwords.encoder.max_length if view.subwords else 0
            message = f"{cut.subwords:,} subwords make {cut.windows} windows of at most {longest}"
            yield Remark(message, Spot(split, index))


def subwords_per_word(view: View) -> Iterator[Remark]:
    """The mean number of subwords per word in each split."""
    for split in view.corpus.splits:
        cuts = [cut for name, _, _, cut in view.cuts if name == split]
        words, subwords = sum(cut.words for cut in cuts), sum(cut.subwords for cut in cuts)
        lost = sum(len({*cut.unknown, *cut.blind}) for cut in cuts)
        if words:
            yield Remark(
                f"{subwords / words:.2f} subwords per word in the {split} split; "
                f"{counted(lost, 'word')} of {words:,} ({lost / words:.2%}) unknown or unseen",
                Spot(split),
            )


_rule = partial(Rule, needs_encoder=True)

RULES = (
    _rule("unknown-word", "warning", "a word that is unknown to the encoder", unknown_words),
    _rule("blind-word", "warning", "a word that the encoder does not see", blind_words),
    _rule("long-text", "note", "a text longer than a window", long_texts),
    _rule("subwords-per-word", "note", "how finely the encoder cuts words", subwords_per_word),
)
