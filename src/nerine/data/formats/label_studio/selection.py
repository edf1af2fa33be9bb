"""Choose the text and the control of a whole Label Studio file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nerine.core.errors import FormatError
from nerine.data.formats.label_studio.annotations import listed
from nerine.data.formats.label_studio.regions import LABELS, kind_of_result
from nerine.data.formats.label_studio.survey import (
    Survey,
    Target,
    name_of_control,
    strings_in,
    target_of,
)
from nerine.data.formats.options import ReadLog
from nerine.data.formats.records import Record


@dataclass(frozen=True)
class Selection:
    """What is read of a file.

    Attributes:
        field: The field of the text; None decides it for each task.
        targets: The texts of which regions are read; None reads those of all.
        controls: The controls whose regions are read; None reads those of all.
        kind: The kind of these regions, one of `NAMES`.
        fields: The field of each text of the file.
        names: The names of the controls and of the texts in the labelling configuration; an empty
            one stands for a text without a name.
        annotators: The file's annotators, listed.
    """

    field: str | None
    targets: frozenset[Target] | None
    controls: frozenset[str] | None
    kind: str
    fields: Mapping[Target, str | None]
    names: tuple[list[str], list[str]]
    annotators: str

    def takes(self, result: Record) -> bool:
        """Whether a result is a region of the chosen text and control."""
        if kind_of_result(result) != self.kind:
            return False
        control = name_of_control(result)
        is_control = self.controls is None or not control or control in self.controls
        return is_control and self.stands_on_text(result)

    def stands_on_text(self, result: Record) -> bool:
        """Whether a result stands on the chosen text."""
        return self.targets is None or target_of(result) in self.targets

    def text_field(self, data: Record) -> str:
        """The name of the field that holds a task's text."""
        strings = strings_in(data)
        if self.field is not None:
            if self.field in strings:
                return self.field
            found, expected = f"the field {self.field!r} is not a text", f"a text in {self.field!r}"
        else:
            if "text" in strings:
                return "text"
            if len(strings) == 1:
                return next(iter(strings))
            found = "the text field is unclear"
            expected = "a string in 'text', or only one string"
        raise FormatError(
            f"{found}; the fields are: {', '.join(data) or 'none'}",
            expected=expected,
            hint="--text-field (text_field=…) names the field",
        )


def select(survey: Survey, log: ReadLog, place: str) -> Selection:
    """The selection for a file; notes on it go to the log.

    Raises:
        FormatError: If several controls label the text, or several texts are labelled, and no
            option chooses; or if the offsets of the file are in different units.
    """
    survey.check_annotator(place)
    options = survey.options
    kind, controls = _kind_and_controls(survey, place)
    found = Counter[tuple[Target, str]]()
    for (target, control, each), count in survey.controls.items():
        if each == kind and (controls is None or not control or control in controls):
            found[target, control] += count
    targets = {target for target, _ in found}
    fields = {target: survey.field_of(target) for target, _, _ in survey.controls}
    if options.text_field is None:
        same = {target: fields[target] for target, _, each in survey.controls if each == kind}
        field = _field(found, same, place)
    else:
        field = options.text_field
        _check_stated(found, fields, survey, field, place)
    if field is not None:
        for target in targets:  # a control of JSON-MIN of which nothing tells the text
            if not target[0] and fields[target] is None:
                fields[target] = field
        targets = {each for each in targets if fields[each] == field}
    _check_controls(found, targets, controls, place)
    selection = Selection(
        field,
        frozenset(targets) if len(targets) < len({target for target, _ in found}) else None,
        controls,
        kind,
        fields,
        (
            sorted({control for target, control in found if control and target in targets}),
            sorted({name for name, _ in targets}),
        ),
        listed(survey.annotators),
    )
    _add_notes(survey, selection, targets, log)
    return selection


def _kind_and_controls(survey: Survey, place: str) -> tuple[str, frozenset[str] | None]:
    """The kind of the regions to read, and the controls that the options name."""
    stated = survey.options.control
    kinds: dict[str, str] = {}
    counts = Counter[str]()
    for (_, control, kind), count in survey.controls.items():
        if control:
            kinds[control] = LABELS if LABELS in (kind, kinds.get(control)) else kind
            counts[control] += count
    if stated is None or not survey.controls:
        spans = {name: count for name, count in counts.items() if kinds[name] != LABELS}
        if spans and not any(kind == LABELS for *_, kind in survey.controls):
            name = max(spans, key=lambda each: spans[each])
            raise FormatError(
                f"no region has labels, but ranges have {_plural(kinds[name])} of the controls "
                f"{listed(spans)}",
                place=place,
                expected='regions of type "labels"',
                hint=f"--control {name} (control={name!r}) reads the names that this control gives "
                "to ranges as labels",
            )
        return LABELS, None
    names = [stated] if stated in kinds else stated.split(",")
    unknown = [name for name in names if name not in kinds]
    if unknown:
        raise FormatError(
            f"no region is from the control {unknown[0]!r}",
            place=place,
            expected=f"one of the controls: {listed(counts) or 'none has a name'}",
            hint="--control NAME (control=…) takes a control's from_name; several with commas",
        )
    if len({kinds[name] for name in names}) > 1:
        raise FormatError(
            f"the controls {stated} are of different kinds: "
            f"{', '.join(sorted({kinds[name] for name in names}))}",
            place=place,
            expected="controls of one kind",
        )
    return kinds[names[0]], frozenset(names)


def _plural(kind: str) -> str:
    return {"taxonomy": "paths of a taxonomy"}.get(kind, kind)


def _field(
    found: Mapping[tuple[Target, str], int], fields: Mapping[Target, str | None], place: str
) -> str | None:
    """The field of the text, where no option names it; None if each task decides it."""
    targets = {target for target, _ in found}
    names = {fields[target] for target in targets}
    unknown = [target for target, name in fields.items() if name is None]
    if len(names) == 1 and (None not in names or len(unknown) == 1):
        return next(iter(names))
    if "text" in names or not names:
        return "text" if names else None
    name = min(filter(None, names), default=None)
    raise FormatError(
        f"several texts are labelled: {_combinations(found)}"
        if len(targets) > 1
        else f"it is unclear which text the regions stand on: {_combinations(found)}",
        place=place,
        expected="the regions of one text",
        hint=f"--text-field {name} (text_field={name!r}) reads the regions of one"
        if name
        else "--control NAME (control=…) names a control, and --text-field NAME (text_field=…) the "
        "field that it labels",
    )


def _check_stated(
    found: Mapping[tuple[Target, str], int],
    fields: dict[Target, str | None],
    survey: Survey,
    field: str,
    place: str,
) -> None:
    """Maps the only text that may be the stated field to it.

    Raises `FormatError` if its regions cannot be told from others.
    """
    targets = {target for target, _ in found}
    free = [each for each in targets if each[0] == field or each[0] not in survey.fields]
    if len(targets) == 1 and free:
        fields[free[0]] = field
    elif None in (names := {fields[each] for each in targets}) and field not in names:
        raise FormatError(
            f"it is unclear which regions stand on {field!r}: {_combinations(found)}",
            place=place,
            expected="the regions of one text",
            hint="--control NAME (control=…) names the control that labels it",
        )


def _combinations(found: Mapping[tuple[Target, str], int]) -> str:
    """Controls with the texts that they label, and the number of their regions."""
    counts: Counter[str] = Counter()
    for (target, control), count in found.items():
        name = f"{control or 'no name'} on {target[0]}" if target[0] else control or "no name"
        counts[name] += count
    return listed(counts)


def _check_controls(
    found: Mapping[tuple[Target, str], int],
    targets: Collection[Target],
    stated: Collection[str] | None,
    place: str,
) -> None:
    """Raises `FormatError` if several controls label the chosen text, and none is stated."""
    chosen = {pair: count for pair, count in found.items() if pair[0] in targets and pair[1]}
    controls = {control for _, control in chosen}
    if stated is not None or len(controls) < 2:
        return
    name = max(chosen, key=lambda pair: chosen[pair])[1]
    raise FormatError(
        f"several controls label the text: {_combinations(chosen)}",
        place=place,
        expected="the labels of one control, as others may mean something else",
        hint=f"--control {name} (control={name!r}) reads one of them, --control "
        f"{','.join(sorted(controls))} all of them",
    )


def _add_notes(
    survey: Survey, selection: Selection, targets: Collection[Target], log: ReadLog
) -> None:
    others = Counter(survey.others)
    away = Counter[str]()
    unread = Counter[str]()
    for (target, control, kind), count in survey.controls.items():
        if kind != selection.kind:
            others[kind] += count
        elif selection.controls is not None and control and control not in selection.controls:
            unread[control] += count
        elif target not in targets:
            away[selection.fields[target] or target[0]] += count
    if others:
        log.add_note(f"results that are not entities: {listed(others)}")
    if away:
        name = next(iter(away))
        log.add_note(
            f"regions on other texts than {selection.field!r}, not read: {listed(away)}; "
            f"--text-field {name} reads those of one"
        )
    if unread:
        log.add_note(f"regions of other controls, not read: {listed(unread)}")
    is_usual = selection.field in (None, "text", survey.options.text_field)
    if not is_usual and len(survey.fields) > 1:
        log.add_note(f"the text is the field {selection.field!r}, which the regions stand on")
