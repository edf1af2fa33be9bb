"""Alignment of predicted documents with gold documents."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError
from nerine.core.files import errors_at
from nerine.evaluation.alignment.characters import align_characters
from nerine.evaluation.alignment.repairs import Repairs

Placed = tuple[str, Document]
"""A document's place, such as `file:line`, and the document."""


def align_documents(
    gold: Sequence[Placed], predicted: Sequence[Placed], repairs: Repairs
) -> tuple[Document, ...]:
    """The gold documents with the predicted entities.

    Raises `CorpusError`, with both places, if texts differ in more than white space, HTML escapes
    and Unicode forms.
    """
    if len(gold) != len(predicted):
        fewer, more = sorted((gold, predicted), key=len)
        texts = {document.text for _, document in fewer}
        extra = next((place for place, document in more if document.text not in texts), more[-1][0])
        last = f"the last one is at {fewer[-1][0]}" if fewer else "it has none"
        raise CorpusError(
            f"{len(predicted)} predicted documents for {len(gold)} gold ones",
            place=extra,
            expected=f"this document on the other side too ({last})",
            hint="--split names the predicted split of the gold corpus",
        )
    ordered = _in_gold_order(gold, predicted, repairs)
    return tuple(_moved(*both, repairs) for both in zip(gold, ordered, strict=True))


def _in_gold_order(
    gold: Sequence[Placed], predicted: Sequence[Placed], repairs: Repairs
) -> Sequence[Placed]:
    """The predicted documents in the order of the gold ones, matched by their texts or ids."""
    if all(one.text == other.text for (_, one), (_, other) in zip(gold, predicted, strict=True)):
        return predicted
    keys: tuple[Callable[[Document], Hashable], ...] = (lambda d: d.text, lambda d: d.id)
    for key in keys:
        gold_keys = [key(document) for _, document in gold]
        by_key = {key(placed[1]): placed for placed in predicted}
        if None not in by_key and len(by_key) == len(gold) and set(gold_keys) == set(by_key):
            ordered = [by_key[each] for each in gold_keys]
            moved = [b[0] for a, b in zip(ordered, predicted, strict=True) if a is not b]
            if moved:
                repairs.add("documents in another order", moved[0], len(moved))
            return ordered
    return predicted


def _moved(gold: Placed, predicted: Placed, repairs: Repairs) -> Document:
    """The gold document with the entities of the predicted one, moved to its text."""
    gold_place, gold_document = gold
    place, document = predicted
    if gold_document.text == document.text:
        return gold_document.with_entities(document.entities)
    alignment = align_characters(gold_document.text, document.text)
    if alignment is None:
        raise CorpusError(
            f"the text {document.text[:60]!r} is not that of the gold document",
            place=place,
            expected=f"{gold_document.text[:60]!r}, as at {gold_place}",
            hint="documents are matched by their texts, by their ids, or else by their order",
        )
    repairs.add("texts with other white space, HTML escapes or Unicode forms", place)
    entities = []
    for entity in document.entities:
        moved = alignment.gold_range(entity.start, entity.end)
        if moved is None:
            raise CorpusError(
                f"the entity [{entity.start}, {entity.end}) {document.surface(entity)!r} is blank",
                place=place,
                expected="an entity with at least one character of the gold text",
            )
        entities.append(Entity(*moved, entity.label, entity.score))
    entities.sort(key=lambda each: (each.start, each.end, each.label))
    with errors_at(place):
        return gold_document.with_entities(entities)
