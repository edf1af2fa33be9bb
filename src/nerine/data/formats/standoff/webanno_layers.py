"""The header of a WebAnno TSV 3 file: its layers, and the column that holds the labels."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import FormatError
from nerine.core.files import read_lines
from nerine.data.formats.sizes import grown

NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"

_BUILT_IN = "de.tudarmstadt.ukp.dkpro.core."  # parts of speech, lemmas, dependencies, …
_VERSION = re.compile(r"#FORMAT=WebAnno TSV (\d{1,4})(?:\.(\d{1,4}))?\s*")
_OLD_HEADER = re.compile(r"\s?# [A-Za-z]\w*(?:\.\w+)+ \| .*")
_LAYER = re.compile(r"#T_(SP|CH|RL)=(.*)")
_KEEP = (
    '--accept unlabelled (accept={"unlabelled"}) reads a file without such annotations as texts '
    "without entities"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of annotations.

    Attributes:
        name: Its full name, such as `webanno.custom.Person`.
        kind: `SP` for spans, `CH` for chains, `RL` for relations.
        first: The index of its first column among those of all layers.
        features: The name of the feature of each column; "" for a layer without features.
    """

    name: str
    kind: str
    first: int
    features: tuple[str, ...]

    @property
    def short_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def plain_features(self) -> dict[str, int]:
        """The columns of features that hold values, by name: not those of links."""
        is_link = [each.startswith("ROLE_") for each in self.features]
        is_target = [False, *is_link[:-1]]
        return {
            feature: self.first + index
            for index, feature in enumerate(self.features)
            if not is_link[index] and not is_target[index]
        }

    @property
    def controls(self) -> list[str]:
        """The values of `control` that name its features, that of `value` first."""
        features = sorted(self.plain_features, key=lambda each: each != "value")
        return [f"{self.name}:{each}" if each else self.name for each in features]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """The column that holds the labels of entities.

    Attributes:
        layer: Its layer.
        feature: Its feature; "" if the layer has none, so that its name is the label.
        index: Its index among the columns of all layers.
    """

    layer: Layer
    feature: str
    index: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file.

    Attributes:
        version: The version of its format.
        layers: Its layers, in the order of their columns.
        length: Its number of lines.
    """

    version: tuple[int, int]
    layers: list[Layer]
    length: int

    @classmethod
    def of(cls, path: Path) -> Header:
        """The header of a file; raises `FormatError` if the file is not WebAnno TSV 3."""
        layers: list[Layer] = []
        length, size, width = 1, 0, 0
        with contextlib.closing(read_lines(path)) as lines:
            version = _version_of(next(lines, (1, ""))[1], path)
            for number, line in lines:
                layer = _parse_layer(line, width)
                if layer is None and line.strip():
                    break
                length = number
                size = grown(size, line, path, number, "the end of the header")
                if layer is not None:
                    layers.append(layer)
                    width += len(layer.features)
        return cls(version, layers, length)


def _version_of(first_line: str, path: Path) -> tuple[int, int]:
    """The version in the first line of a file; raises `FormatError` for others than 3."""
    match = _VERSION.fullmatch(first_line)
    if match and match[1] == "3":
        return 3, int(match[2] or 0)
    if match or is_old_header(first_line):
        raise FormatError(
            f"this is WebAnno TSV {match[1] if match else '2'}, of which this version is not read",
            place=f"{path}:1",
            expected="WebAnno TSV 3",
            hint="import the file into WebAnno or INCEpTION and export it as WebAnno TSV 3.3 or "
            "CoNLL 2002",
        )
    raise FormatError(
        f"the first line is {first_line[:60]!r}",
        place=f"{path}:1",
        expected="#FORMAT=WebAnno TSV 3.3",
    )


def is_old_header(line: str) -> bool:
    """Whether a line is the header of a WebAnno TSV 2 file."""
    return _OLD_HEADER.fullmatch(line) is not None


def _parse_layer(line: str, first: int) -> Layer | None:
    """The layer that a header line declares; None for another line."""
    match = _LAYER.fullmatch(line)
    if match is None:
        return None
    name, *features = match[2].split("|")
    return Layer(name, match[1], first, tuple(filter(None, features)) or ("",))


def choose_label_column(layers: list[Layer], control: str | None) -> LabelColumn | None:
    """The column of labels: the one that `control` names, the named entities', or the only one.

    None if there is no layer that may hold entities. Raises `FormatError` if there are several, or
    not the one that `control` names.
    """
    spans = [each for each in layers if each.kind == "SP" and each.plain_features]
    named = [each for each in spans if each.name == NAMED_ENTITY]
    if control is None:
        own = [each for each in spans if not each.name.startswith(_BUILT_IN)]
        chosen = named or own
        if not chosen:
            return None
        columns = [LabelColumn(each, *_main_feature(each)) for each in chosen]
    else:
        columns = _columns_named(control, spans)
    if len(columns) == 1:
        return columns[0]
    spans.sort(key=lambda each: each.name.startswith(_BUILT_IN))  # the user's own first
    names = [name for each in spans for name in each.controls]
    raise FormatError(
        f"no single layer or feature is called {control!r}"
        if control is not None
        else f"{len(columns)} layers may hold the entities",
        expected=f"one of: {', '.join(names) or 'none, as the file has no layers of spans'}",
        hint=_hint(names) if control is not None else _named(names[0]),
    )


def no_layer_error(layers: list[Layer]) -> FormatError:
    """The error for a file without a layer that may hold entities."""
    spans = [each for each in layers if each.kind == "SP"]
    return FormatError(
        f"no layer holds entities; the file has: {', '.join(e.name for e in layers) or 'none'}",
        expected=f"the layer {NAMED_ENTITY}, or one of your own",
        hint=_hint([name for each in spans for name in each.controls]),
    )


def _hint(names: list[str]) -> str:
    return f"{_named(names[0])}; {_KEEP}" if names else _KEEP


def _named(name: str) -> str:
    return f"--control {name} (control=…) names a layer and a feature"


def _main_feature(layer: Layer) -> tuple[str, int]:
    """The feature of a layer that holds labels, and its column."""
    features = layer.plain_features
    if "value" in features:
        return "value", features["value"]
    if len(features) == 1:
        return next(iter(features.items()))
    raise FormatError(
        f"the layer {layer.short_name} has {len(features)} features, and none called 'value'",
        expected=f"one of: {', '.join(layer.controls)}",
        hint=_named(layer.controls[0]),
    )


def _columns_named(control: str, spans: list[Layer]) -> list[LabelColumn]:
    layers = [each for each in spans if control in (each.name, each.short_name)]
    if layers:
        return [LabelColumn(each, *_main_feature(each)) for each in layers]
    return [
        LabelColumn(each, feature, index)
        for each in spans
        for feature, index in each.plain_features.items()
        if feature
        and control in (feature, f"{each.name}:{feature}", f"{each.short_name}:{feature}")
    ]
