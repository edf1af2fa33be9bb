"""Tags from the names of a model's outputs."""

from __future__ import annotations

import itertools

import pytest

from nerine.core.tags import TagScheme, parse_tag
from nerine.core.tags.names import tags_from_names


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        ("O B-PER I-PER", "O B-PER I-PER"),
        ("B-PER I-PER X [CLS] [SEP] PAD O", "B-PER I-PER O O O O O"),
        ("<pad> <s> </s> O B-PER", "O O O O B-PER"),
        ("O B-PER I-PER O", "O B-PER I-PER O"),
        ("O B_PER I_PER", "O B-PER I-PER"),
        ("O PER-B PER-I B-LOC", "O B-PER I-PER B-LOC"),
        ("o b-per i-per", "O B-per I-per"),
        ("O B-PER M-PER E-PER S-PER", "O B-PER I-PER E-PER S-PER"),
        ("O PER LOC", "O I-PER I-LOC"),
        ("O B I", "O B-entity I-entity"),
        ("O B I E S", "O B-entity I-entity E-entity S-entity"),
        ("LABEL_0 B-PER I-PER", "O B-PER I-PER"),
        ("O B-PER I-PER EMAIL", "O B-PER I-PER I-EMAIL"),
        ("other B-PER I-PER", "O B-PER I-PER"),
        ("O other PER", "O I-other I-PER"),
        ("O U-PER B-PER L-PER", "O U-PER B-PER L-PER"),
        ("O B.first.name I.first.name", "O B-first.name I-first.name"),
        ("O VITAMIN-B VITAMIN-C", "O I-VITAMIN-B I-VITAMIN-C"),
        ("O B- I-", "O B-entity I-entity"),
        ("O B I B-PER I-PER", "O B-entity I-entity B-PER I-PER"),
        ("O A B AB", "O I-A I-B I-AB"),
        ("O B-PER i-PER B-Ort I-ORT", "O B-PER I-PER B-Ort I-Ort"),
        ("O B-PER I-PER B-per", "O B-PER I-PER B-per"),
        ("O E-mail PHONE S-Bahn", "O I-E-mail I-PHONE I-S-Bahn"),
        ("O B-PER I-PER S-Bahn E-mail", "O B-PER I-PER I-S-Bahn I-E-mail"),
        ("O B-PER E-PER S-PER S-LOC", "O B-PER E-PER S-PER S-LOC"),
        ("<START> <STOP> O B-PER", "O O O B-PER"),
        ("O B-人名 I-人名 地名-B 地名-I", "O B-人名 I-人名 B-地名 I-地名"),
    ],
)
def test_each_name_is_read_on_its_own(names: str, tags: str) -> None:
    assert tags_from_names(names.split())[0] == tags.split()


def test_names_with_spaces_and_dots_stay_whole() -> None:
    names = ["O", "B-Date of Birth", "I-Date of Birth", "B-ID.number"]
    assert tags_from_names(names) == (names, [])


def test_space_around_names_and_in_place_of_a_hyphen() -> None:
    names = ["O ", " B-PER", "I-PER\n", "B LOC", "I LOC", "B – ORG", "I–ORG", "LOC of birth"]
    tags, notes = tags_from_names(names)
    assert tags[:3] == ["O", "B-PER", "I-PER"]
    assert tags[3:] == ["B-LOC", "I-LOC", "B-ORG", "I-ORG", "I-LOC of birth"]
    assert "labels without a prefix: LOC of birth" in notes


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ("O B-PER X [CLS]", "outputs that are not tags are read as O: X, [CLS]"),
        ("O B_PER I_PER", "not written as tags: B_PER as B-PER, I_PER as I-PER"),
        ("O PER LOC", "labels without a prefix: PER, LOC"),
        ("O B I", "letters without a label; the label is 'entity'"),
        ("O B-PER I-per", "not written as tags: I-per as I-PER"),
        ("O E-mail", "labels without a prefix: E-mail"),
    ],
)
def test_what_was_read_otherwise_is_said(names: str, note: str) -> None:
    assert any(note in each for each in tags_from_names(names.split())[1])


@pytest.mark.parametrize("scheme", list(TagScheme))
def test_complete_labels_have_the_pairs_of_their_scheme(scheme: TagScheme) -> None:
    tags = scheme.tags(["a", "b"])
    table = scheme.transitions(tags)
    for first, second in itertools.product(range(len(tags)), repeat=2):
        pair = [tags[first], tags[second]]
        faults = [fault.reason for fault in scheme.faults(pair)]
        broken = f"{pair[1]!r} cannot follow {pair[0]!r} in {scheme.value}" in faults
        assert table.allowed[first][second] is not broken, pair


@pytest.mark.parametrize(
    ("scheme", "tags", "allowed", "forbidden"),
    [
        ("IOB2", "O B-a I-a I-b", ["O I-b", "B-a I-b", "I-b I-b"], ["O I-a", "I-b I-a"]),
        ("IOB2", "O B-a", ["O B-a", "B-a B-a", "B-a O"], []),
        ("BIOES", "O B-a I-a E-a S-a I-b", ["O I-b", "I-b O", "E-a I-b"], ["B-a I-b", "B-a O"]),
        ("BIOES", "O B-a I-a E-a", ["O B-a", "B-a O", "B-a E-a"], ["I-a O", "O I-a"]),
        ("BIOES", "O B-a I-a S-b", ["B-a I-a", "I-a O", "B-a S-b"], ["O I-a"]),
        ("BILOU", "O U-a", ["O U-a", "U-a U-a"], []),
    ],
)
def test_a_label_is_written_with_the_tags_that_it_has(
    scheme: str, tags: str, allowed: list[str], forbidden: list[str]
) -> None:
    names = tags.split()
    table = TagScheme(scheme).transitions(names)
    for pairs, expected in ((allowed, True), (forbidden, False)):
        for pair in pairs:
            first, second = (names.index(each) for each in pair.split())
            assert table.allowed[first][second] is expected, pair
    for first, second in itertools.product(range(len(names)), repeat=2):
        begins, continues = table.begins[first][second], table.continues[first][second]
        is_entity = parse_tag(names[second]).kind != "O"
        if table.allowed[first][second]:
            assert is_entity == (begins or continues)
        assert not (begins and continues)
