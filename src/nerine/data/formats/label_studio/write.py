"""Write documents as Label Studio's tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nerine.core.document import Document, Entity
from nerine.core.errors import FormatError
from nerine.core.files import json_list
from nerine.data.formats.label_studio.annotations import are_annotations, is_cancelled, list_name
from nerine.data.formats.label_studio.read import OWN, READ, USUAL
from nerine.data.formats.label_studio.regions import (
    LABELS,
    NAMES,
    kind_of_result,
    new_regions,
    parse_region,
    taxonomy_label,
    value_of,
    with_score,
)
from nerine.data.formats.options import WriteOptions
from nerine.data.formats.records import Record, id_of, is_ranges, with_meta

Key = tuple[int, int, str]


def write(documents: Iterable[Document], options: WriteOptions) -> Iterator[str]:
    """A JSON array of tasks, one a line."""
    return json_list(_task(document, options.predictions_of) for document in documents)


@dataclass(frozen=True)
class _Stored:
    """The task that a document was read from, without its data, and what was read of it."""

    task: Record
    field: str
    controls: list[str] | None
    texts: list[str] | None
    kind: str
    indices: list[int] | None

    @classmethod
    def of(cls, document: Document) -> _Stored:
        task = document.meta.get(OWN, {})
        if not isinstance(task, dict) or not are_annotations(task.get(list_name(task), [])):
            raise FormatError(
                f"meta has the field {OWN!r}, which is not a task of Label Studio",
                expected="other names in meta",
            )
        what = task.get(READ, {})
        what = what if isinstance(what, dict) else {"text_field": None}
        rest = {name: value for name, value in task.items() if name != READ}
        name, kind = what.get("text_field", USUAL["to_name"]), what.get("type", LABELS)
        controls, texts = what.get("from_name"), what.get("to_name")
        indices, count = what.get("annotations"), len(task.get(list_name(task), []))
        is_valid = isinstance(name, str) and kind in NAMES
        is_valid = is_valid and all(each is None or _are(str, each) for each in (controls, texts))
        if indices is not None:
            is_valid = is_valid and _are(int, indices) and all(0 <= i < count for i in indices)
        if not is_valid:
            raise FormatError(
                f"meta[{OWN!r}] has the field {READ!r}, which does not say what was read",
                expected="the value that Nerine wrote",
            )
        return cls(rest, name, controls, texts, kind, indices)

    def takes(self, result: Record) -> bool:
        """Whether a result is a region that was read."""
        control, text = result.get("from_name"), result.get("to_name")
        control, text = (name if isinstance(name, str) else "" for name in (control, text))
        is_control = self.controls is None or not control or control in self.controls
        is_text = self.texts is None or text in self.texts
        return kind_of_result(result) == self.kind and is_control and is_text

    def regions(self, results: Sequence[Record]) -> list[tuple[Record, list[Key], Any]]:
        """Results with the entities that were read from them, and their score."""
        found = []
        for result in results:
            keys: list[Key] = []
            score = None
            if self.takes(result) and value_of(result).get(self.kind):
                region = parse_region(result)
                score = region.score
                keys = [(region.start, region.end, label) for label in region.labels]
            found.append((result, keys, score))
        return found

    def like(self, annotations: Sequence[Record]) -> Record:
        """A region whose control and text new regions have."""
        results = (each for annotation in annotations for each in annotation["result"])
        known: Record = next(filter(self.takes, results), {})
        names = {
            "from_name": next(iter(self.controls or ()), USUAL["from_name"]),
            "to_name": next(filter(None, self.texts or ()), self.field),
        }
        return {"type": self.kind, **{key: known.get(key) or names[key] for key in names}}


def _are(kind: type, values: Any) -> bool:
    return isinstance(values, list) and all(type(each) is kind for each in values)


def _task(document: Document, model: str | None) -> Record:
    """The task of a document, with its entities as an annotation or as predictions of `model`."""
    stored = _Stored.of(document)
    meta = {name: value for name, value in document.meta.items() if name != OWN}
    own: Record = {stored.field: document.text}
    if document.tokens is not None:
        own["tokens"] = [[token.start, token.end] for token in document.tokens]
    elif is_ranges(meta.get("tokens")):
        raise FormatError("meta has the field 'tokens', which would be read as the tokens")
    rest = stored.task
    # the id belongs to the task, not to its data, if the data had none when it was read
    has_task_id = "id" in rest and id_of(rest) == document.id and "id" not in meta
    data = with_meta(Document("", id=None if has_task_id else document.id), own, meta)
    head = {"id": rest["id"]} if "id" in rest else {}
    rest = {name: value for name, value in rest.items() if name != "id"}
    name = list_name(rest)
    annotations = [dict(each) for each in rest.get(name, [])]
    like = stored.like(annotations)
    if model is not None:
        before = rest.get("predictions") or []
        if not isinstance(before, list):
            raise FormatError("the predictions are not a list", expected="a list")
        result = new_regions(document, document.entities, like)
        predictions = [*before, {"model_version": model, "result": result}]
        return {**head, "data": data, **rest, "predictions": predictions}
    if not annotations and OWN in document.meta and not document.entities:
        return {**head, "data": data, **rest}  # still not annotated
    annotations = annotations or [{"result": []}]
    indices = stored.indices
    if indices is None:
        indices = [i for i, each in enumerate(annotations) if not is_cancelled(each)]
    if not indices and document.entities:
        annotations.append({"result": []})
        indices = [len(annotations) - 1]
    _update([annotations[index] for index in indices], document, stored, like)
    return {**head, "data": data, **rest, name: annotations}


def _update(
    annotations: Sequence[Record], document: Document, stored: _Stored, like: Record
) -> None:
    """Changes the results of annotations so that their entities are those of the document."""
    regions = [stored.regions(each["result"]) for each in annotations]
    before: dict[Key, float | None] = {}
    for _, keys, score in (each for found in regions for each in found):
        for key in keys:
            before[key] = score if before.get(key) is None else before[key]
    entities = {(each.start, each.end, each.label): each for each in document.entities}
    written: set[Key] = set()
    for annotation, found in zip(annotations, regions, strict=True):
        annotation["result"] = []
        removed = []
        for result, keys, _ in found:
            kept = _kept(result, keys, entities, before, written)
            if kept is None:
                removed.append(result.get("id"))
            else:
                annotation["result"].append(kept)
        _check_references(annotation["result"], removed)
    new = [entity for key, entity in entities.items() if key not in written]
    for annotation in annotations[:1]:
        known = annotation["result"]
        annotation["result"] = known + new_regions(document, new, like, known)


def _kept(
    result: Record,
    keys: Sequence[Key],
    entities: Mapping[Key, Entity],
    before: Mapping[Key, float | None],
    written: set[Key],
) -> Record | None:
    """A result with the entities that it still has; None if it had some, and they are gone."""
    present = [key for key in keys if key in entities]
    if not present:
        return None if keys else result
    if any(entities[key].score != before[key] for key in present):
        entity = entities[present[0]]
        # one region has one score: entities with another one become regions of their own
        present = [key for key in present if entities[key].score == entity.score]
        result = with_score(result, entity)
    written.update(present)
    if len(present) < len(keys):
        kind, labels = kind_of_result(result), {label for *_, label in present}
        names = value_of(result)[kind]
        if kind == "taxonomy":
            names = [path for path in names if taxonomy_label(path) in labels]
        else:
            names = [name for name in names if name in labels]
        result = {**result, "value": {**value_of(result), kind: names}}
    return result


def _check_references(results: Sequence[Record], removed: Sequence[Any]) -> None:
    """Raises `FormatError` if a result refers to a region that was removed."""
    present = [each["id"] for each in results if each.get("id") is not None]
    for each in results:
        ends = [each.get(name) for name in ("from_id", "to_id", "parentID")]
        missing = [end for end in ends if end is not None and end in removed]
        missing = [end for end in missing if end not in present]
        if missing:
            raise FormatError(
                f"a {each.get('type', 'result')} refers to the region {missing[0]!r}, "
                "which is no longer an entity",
                expected="the entity as it was read",
                hint=f"meta[{OWN!r}] holds the results",
            )
