"""Notes for the user on what a corpus holds: labels that training lacks, words that begin alike."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence

from nerine.core.display import listed, quoted
from nerine.core.document import count_entities, labels_of
from nerine.data.corpus.corpus import Corpus

_MOST_LABELS = 8
_FEWEST_PREFIXED = 100


def unseen_label_notes(
    corpus: Corpus, splits: Sequence[str] = ("validation", "test")
) -> tuple[str, ...]:
    """A note for each split with labels that the training split lacks.

    Args:
        corpus: A corpus; without a training split, there is nothing to note.
        splits: The splits to look at, as far as they are there.
    """
    notes = []
    for name in splits if "train" in corpus.splits else ():
        documents = corpus.splits.get(name, ())
        found = count_entities(documents)
        unseen = [label for label in labels_of(documents) if label not in corpus.labels]
        if not unseen:
            continue
        index, entity = next(
            (index, entity)
            for index, document in enumerate(documents)
            for entity in document.entities
            if entity.label == unseen[0]
        )
        said = listed((f"{label!r} ({found[label]:,})" for label in unseen), _MOST_LABELS)
        hints = filter(None, (similar_label(label, corpus.labels) for label in unseen[:1]))
        notes.append(
            f"the {name} split has labels that the training split lacks: {said}, the first at "
            f"{corpus.place_within(name, index, entity.start)}: no model can learn them, and "
            "evaluation counts them as missed" + "".join(f"; {hint}" for hint in hints)
        )
    return tuple(notes)


def similar_label(label: str, labels: Iterable[str]) -> str | None:
    """A hint that names the one of `labels` most similar to `label`, if any is similar."""
    known = list(labels)
    same = [each for each in known if each.casefold() == label.casefold()]
    if same:
        return f"{same[0]!r} differs only in upper and lower case"
    near = difflib.get_close_matches(label, known, n=1)
    return f"the nearest one is {near[0]!r}" if near else None


def shared_prefix_note(corpus: Corpus, split: str) -> str | None:
    """A note if all words of a split begin alike, as WikiANN's do: `de:Anton de:Wilhelm`."""
    prefix, words = None, 0
    for document in corpus.splits[split]:
        if own := document.text.split():
            known = own if prefix is None else [prefix, *own]
            prefix = os.path.commonprefix(known)  # noqa: RUF071 - of their characters
            words += len(own)
        if prefix == "":
            return None
    if prefix is None or words < _FEWEST_PREFIXED:
        return None
    return (
        f"each of the {words:,} words of the {split} split begins with {quoted(prefix)}, which "
        "other texts will not: remove it from the words"
    )
