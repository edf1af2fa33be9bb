"""The settings of a model that Nerine did not make, from the names of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nerine.core.errors import CheckpointError, NerineError
from nerine.core.filenames import CONFIG_FILE
from nerine.core.tags import OUTSIDE, TagScheme, bounding_scheme, parse_tag
from nerine.core.tags.names import are_generated, tags_from_names
from nerine.model.loading.usage import foreign_window
from nerine.model.settings import ModelSettings

TagNames = Sequence[str] | Mapping[str, str]
"""The tags of a model's outputs in the order of their ids, or those of some outputs by name."""


def foreign_settings(
    names: Sequence[str],
    longest_input: int,
    place: str,
    scheme: TagScheme | str | None = None,
    stated: TagNames | None = None,
) -> tuple[ModelSettings, list[str]]:
    """The settings of a model that Nerine did not make, and notes on how they were found.

    A stated scheme is decoded by Viterbi. Otherwise, where tags with `B-` and `I-` may be those of
    IOB1 or of IOB2, arg-max tags are read leniently: each `B-` begins an entity, and so does each
    `I-` that continues none.

    Args:
        names: The names of its outputs, in order.
        longest_input: The most subwords that it takes at once.
        place: Its folder or name, for errors.
        scheme: The scheme, if the user states it.
        stated: The tags of its outputs, if the user states them.

    Raises:
        CheckpointError: If the names are not those of tags, or the model takes no subword.
    """
    labels_place = f"{place}/{CONFIG_FILE}, id2label"
    naming = (
        "name them in the order of their ids: --tags O,B-person,… or Tagger.load(…, tags=[…]); "
        "or some by name: --tags LABEL_1=B-person,X=O or tags={'LABEL_1': 'B-person', …}"
    )
    names = _named(names, stated, place)
    if are_generated(names):
        raise CheckpointError(
            f"the model's labels are unnamed ({names[0]} to {names[-1]})",
            place=labels_place,
            expected=f"the names of these {len(names)} tags, such as O, B-person, I-person",
            hint=f"look up what they mean, then {naming}",
        )
    outputs, notes = tags_from_names(names)
    tags = tuple(dict.fromkeys(outputs))
    try:
        found = _scheme_of(tags) if scheme is None else TagScheme.named(scheme)
        found.transitions(tags)
    except NerineError as error:
        raise CheckpointError(
            error.found,
            place=labels_place,
            expected="tags such as O, B-person, I-person",
            hint=naming,
        ) from error
    max_length = foreign_window(longest_input)
    if max_length < 1:
        raise CheckpointError(
            "the model has no position for any subword",
            place=f"{place}/{CONFIG_FILE}",
            expected="max_position_embeddings and pad_token_id of this model",
        )
    settings = ModelSettings(
        tags,
        found,
        words="tokenizer",
        decoding="argmax" if scheme is None and is_open(found, tags) else "viterbi",
        max_length=max_length,
        overlap=max_length // 4,
        outputs=tuple(outputs),
    )
    return settings, notes


def is_open(scheme: TagScheme, tags: Sequence[str]) -> bool:
    """Whether tags that seem to have a scheme may be those of another one, IOB1 or IOB2."""
    return not scheme.bounds_both_ends and any(tag.startswith("I-") for tag in tags)


def _named(names: Sequence[str], stated: TagNames | None, place: str) -> list[str]:
    """The names of outputs, those that the user states in place of the model's own."""
    if stated is None:
        return list(names)
    if isinstance(stated, Mapping):
        unknown = [name for name in stated if name not in names]
        if unknown:
            raise CheckpointError(
                f"the model has no output {unknown[0]!r}",
                place=place,
                expected=f"one of {', '.join(names)}",
            )
        return [stated.get(name, name) for name in names]
    if len(stated) != len(names):
        raise CheckpointError(
            f"{len(stated)} names for {len(names)} tags",
            place=place,
            expected=f"{len(names)} names, in the order of the tags' ids: {', '.join(names)}",
        )
    return list(stated)


def _scheme_of(tags: Sequence[str]) -> TagScheme:
    """The scheme of a model's tags, by their letters; IOB1 if half of the labels have no `B-`."""
    if found := bounding_scheme({tag[0] for tag in tags}):
        return found
    parsed = [parse_tag(tag) for tag in tags if tag != OUTSIDE]
    inside = {tag.label for tag in parsed if tag.kind == "I"}
    begin = {tag.label for tag in parsed if tag.kind == "B"}
    return TagScheme.IOB1 if inside and 2 * len(inside - begin) >= len(inside) else TagScheme.IOB2
