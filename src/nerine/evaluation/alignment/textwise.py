"""Predicted documents ↔ gold documents."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from nerine.core.document import Document, Entity
from nerine.core.errors import CorpusError
from nerine.core.files import errors_at
from nerine.evaluation.alignment.characters import align
from nerine.evaluation.alignment.repairs import Repairs

Placed = tuple[str, Document]
"""A document and where it stands."""


def align_texts(
    gold: Sequence[Placed], predicted: Sequence[Placed], repairs: Repairs
) -> tuple[Document, ...]:
    """The gold documents with the predicted entities.

    Raises `CorpusError`, with both places, where texts differ in more than white space, HTML
    escapes and Unicode forms.
    """
    if len(gold) != len(predicted):
        raise _unlike_numbers(gold, predicted)
    ordered = _in_order(gold, predicted, repairs)
    return tuple(_moved(*pair, repairs) for pair in zip(gold, ordered, strict=True))


def _unlike_numbers(gold: Sequence[Placed], predicted: Sequence[Placed]) -> CorpusError:
    fewer, more = sorted((gold, predicted), key=len)
    texts = {document.text for _, document in fewer}
    alone = next((place for place, document in more if document.text not in texts), more[-1][0])
    last = fewer[-1][0] if fewer else "nowhere, as it is empty"
    return CorpusError(
        f"there are {len(predicted)} predicted documents and {len(gold)} gold ones",
        place=alone,
        expected=f"a document on the other side too, whose last one stands at {last}",
        hint="--split names the split of the gold corpus that was predicted",
    )


def _in_order(
    gold: Sequence[Placed], predicted: Sequence[Placed], repairs: Repairs
) -> Sequence[Placed]:
    """The predicted documents in the order of the gold ones, found by their texts or ids."""
    if all(ours[1].text == theirs[1].text for ours, theirs in zip(gold, predicted, strict=True)):
        return predicted
    keys: tuple[Callable[[Document], Hashable], ...] = (lambda d: d.text, lambda d: d.id)
    for key in keys:
        wanted = [key(document) for _, document in gold]
        found = {key(placed[1]): placed for placed in predicted}
        if None not in found and len(found) == len(gold) and set(wanted) == set(found):
            ordered = [found[each] for each in wanted]
            moved = [b[0] for a, b in zip(ordered, predicted, strict=True) if a is not b]
            if moved:
                repairs.add("documents in another order", moved[0], len(moved))
            return ordered
    return predicted


def _moved(gold: Placed, predicted: Placed, repairs: Repairs) -> Document:
    """The gold document with the entities of the predicted one."""
    place, reference = gold
    other_place, output = predicted
    if reference.text == output.text:
        return reference.with_entities(output.entities)
    alignment = align(reference.text, output.text)
    if alignment is None:
        raise CorpusError(
            f"the text {output.text[:60]!r} is not that of the gold document",
            place=other_place,
            expected=f"{reference.text[:60]!r}, as at {place}",
            hint="documents are compared in their order, by their texts, or by their ids",
        )
    repairs.add("texts with other white space, HTML escapes or Unicode forms", other_place)
    entities = []
    for entity in output.entities:
        moved = alignment.gold_range(entity.start, entity.end)
        if moved is None:
            raise CorpusError(
                f"the entity [{entity.start}, {entity.end}) {output.surface(entity)!r} is blank",
                place=other_place,
                expected="an entity with a character that stands in the gold text too",
            )
        entities.append(Entity(*moved, entity.label, entity.score))
    with errors_at(other_place):
        return reference.with_entities(entities)
