"""The tool that reads docstrings: each rule on code that breaks it and on code that holds it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nerine
from tools.docstrings.__main__ import main
from tools.docstrings.code import Package
from tools.docstrings.face import public_face
from tools.docstrings.rules import Complaint, check
from tools.docstrings.sections import SECTIONS, Docstring
from tools.docstrings.words import METHODS, methods_named, names_shape, names_source, names_unit

HEAD = '''
    """A made-up package."""
    import numpy as np
    import numpy.typing as npt
    from collections.abc import Iterator
    from dataclasses import dataclass, field

    Vector = npt.NDArray[np.float64]


    class NerineError(Exception):
        """Base."""


    class OddError(NerineError):
        """Something odd."""


    class RareError(OddError):
        """Something rare."""

'''


def package(folder: Path, files: dict[str, str]) -> Package:
    """A package called `made` of these files."""
    root = folder / "made"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return Package.read(root)


def complaints(folder: Path, code: str, name: str = "made") -> list[Complaint]:
    """What the tool finds in a package of one module, whose `__all__` has one name."""
    text = f"{dedent(HEAD)}\n__all__ = [{name!r}]\n\n\n{dedent(code)}"
    return check(package(folder, {"__init__.py": text}))


def function(signature: str, doc: str, body: str = "...") -> str:
    """The code of a function called `made`."""
    inner = indent(f'"""{dedent(doc).strip()}\n"""\n{dedent(body).strip()}', "    ")
    return f"def made{signature}:\n{inner}\n"


def a_class(doc: str, body: str = "") -> str:
    """The code of a class called `made`."""
    inner = indent(f'"""{doc}\n"""\n{body}\n', "    ")
    return f"@dataclass\nclass made:\n{inner}\n"


ONE = "Makes one.\n\nArgs:\n    {}\n\nReturns:\n    The one."
NUMBERS = "(n: int, sizes: tuple[int, ...] | None = None) -> str"

CASES = {
    "docstring": ("def made() -> None:\n    pass\n", function("() -> None", "Makes.")),
    "docstring: of a class": ("class made:\n    pass\n", 'class made:\n    """Made."""\n'),
    "args: one is missing": (
        function("(a: str, b: str) -> str", ONE.format("a: The first."), "return a\nreturn b"),
        function("(a: str, b: str) -> str", ONE.format("a: The first.\n    b: The other.")),
    ),
    "args: one has no text": (
        function("(a: str) -> str", ONE.format("a:")),
        function("(a: str) -> str", ONE.format("a: The first.")),
    ),
    "args: there is no such thing": (
        function("(a: str) -> str", ONE.format("a: The first.\n    c: Another.")),
        function("(a: str) -> str", ONE.format("a: The first,\n        c: not another.")),
    ),
    "args: stars": (
        function("(*a: str, **b: str) -> str", ONE.format("*a: The first.")),
        function("(*a: str, **b: str) -> str", ONE.format("*a: The first.\n    **b: All others.")),
    ),
    "args of a class": (
        a_class("Made.", "def __init__(self, a: str) -> None: ..."),
        a_class("Made.\n\nArgs:\n    a: One.", "def __init__(self, a: str) -> None: ..."),
    ),
    "returns: nothing is said": (
        function("(a: str) -> str", "Makes.\n\nArgs:\n    a: One.", "b = a\nreturn b"),
        function("(a: str) -> str", "The one.\n\nArgs:\n    a: One.", "return a"),
    ),
    "returns: nothing comes back": (
        function("() -> None", "Makes.\n\nReturns:\n    Nothing."),
        function("() -> None", "Makes."),
    ),
    "returns: a colon": (
        function("() -> str", "Makes.\n\nReturns:\n    The one: a name."),
        function("() -> str", "Makes.\n\nReturns:\n    The one,\n    such as: a name."),
    ),
    "returns: a property's colon": (
        a_class("Made.", '@property\ndef a(self) -> str:\n    """A: b."""'),
        a_class("Made.", '@property\ndef a(self) -> str:\n    """An a."""'),
    ),
    "attributes: a field is missing": (
        a_class("Made.\n\nAttributes:\n    a: One.", "a: str\nb: str"),
        a_class("Made.\n\nAttributes:\n    a: One.", "a: str\n_b: str"),
    ),
    "attributes: there is no such field": (
        a_class("Made.\n\nAttributes:\n    a: One."),
        a_class(
            "Made.\n\nAttributes:\n    a: One.", '@property\ndef a(self) -> str:\n    """One."""'
        ),
    ),
    "attributes: what a default says counts": (
        a_class("Made.", 'a: str = field(default="a")'),
        a_class("Made.", 'a: str = field(metadata={"help": "an a"})'),
    ),
    "attributes: what __init__ sets": (
        a_class("Made.", "def __init__(self) -> None:\n    self.a = 'a'"),
        a_class("Made.", "def __init__(self) -> None:\n    self._a = 'a'"),
    ),
    "raises: not named": (
        function("() -> None", "Makes.", "raise OddError"),
        function("() -> None", "Makes.\n\nRaises:\n    OddError: If odd.", "raise OddError('a')"),
    ),
    "raises: by another function": (
        function("() -> None", "Makes.", "_odd()") + "\ndef _odd() -> None:\n    raise OddError\n",
        function("() -> None", "Makes.") + "\ndef _odd() -> None:\n    raise OddError\n",
    ),
    "raises: by one that makes it": (
        function("() -> None", "Makes.", "raise _odd()") + "\ndef _odd() -> OddError: ...\n",
        function("() -> None", "Makes.", "_odd()") + "\ndef _odd() -> OddError: ...\n",
    ),
    "raises: in a try": (
        function(
            "() -> None",
            "Makes.",
            "try:\n    raise OddError\nexcept OddError as e:\n    raise e.at()",
        ),
        function(
            "() -> None", "Makes.", "try:\n    raise RareError\nexcept OddError as e:\n    print(e)"
        ),
    ),
    "raises: in a with": (
        function("() -> None", "Makes.", "with suppress(RareError):\n    raise OddError"),
        function("() -> None", "Makes.", "with suppress(OddError):\n    raise RareError"),
    ),
    "raises: there is no such error": (
        function("() -> None", "Makes.\n\nRaises:\n    OtherError: If other."),
        function("() -> None", "Makes.\n\nRaises:\n    KeyError: If other."),
    ),
    "raises: no reason": (
        function("() -> None", "Makes.\n\nRaises:\n    OddError:"),
        function("() -> None", "Makes.\n\nRaises:\n    OddError: If odd."),
    ),
    "shape: a parameter": (
        function("(a: Vector) -> str", ONE.format("a: The values of words.")),
        function("(a: Vector) -> str", ONE.format("a: The values, `(words,)`.")),
    ),
    "shape: what comes back": (
        function("() -> np.ndarray", "Makes.\n\nReturns:\n    Values (words, tags)."),
        function("() -> np.ndarray", "Makes.\n\nReturns:\n    Values, `(words, tags)`."),
    ),
    "unit: parameters": (
        function(NUMBERS, ONE.format("n: How many.\n    sizes: How large they are.")),
        function(NUMBERS, ONE.format("n: How many words.\n    sizes: Those, in bytes.")),
    ),
    "unit: what comes back": (
        function("() -> float", "How much.", "return 1.0"),
        function("() -> float", "How much, from 0 to 1.", "return 1.0"),
    ),
    "source": (
        function("() -> None", "Does as Viterbi does."),
        function("() -> None", "Does as Viterbi (1967) does."),
    ),
    "source: the name speaks of it": (
        a_class("Made.", 'def viterbi(self) -> None:\n    """The best one."""'),
        a_class("Made (Viterbi, 1967).", 'def viterbi(self) -> None:\n    """The best one."""'),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rule_finds_what_breaks_it_and_nothing_else(case: str, tmp_path: Path) -> None:
    rule = case.partition(":")[0].partition(" ")[0]
    broken, held = CASES[case]
    assert {each.rule for each in complaints(tmp_path / "broken", broken)} == {rule}
    assert complaints(tmp_path / "held", held) == []


def test_a_complaint_says_where_what_and_what_is_expected(tmp_path: Path) -> None:
    (found,) = complaints(tmp_path, function("() -> None", "Makes.", "raise RareError"))
    line = (tmp_path / "made" / "__init__.py").read_text().splitlines().index("def made() -> None:")
    assert str(found).startswith(f"{tmp_path / 'made' / '__init__.py'}:{line + 1}: made: ")
    assert "no RareError in Raises:; expected: every error" in str(found)


def test_the_face_is_all_that_users_get_in_hand(tmp_path: Path) -> None:
    made = package(
        tmp_path,
        {
            "__init__.py": 'from made.a import start\n__all__ = ["start"]\n',
            "a.py": """
                from typing import TYPE_CHECKING
                if TYPE_CHECKING:
                    from made.b import First
                def start(given: "list[First]") -> None: ...
                def other() -> None: ...
                """,
            "b/__init__.py": "from made.b.c import First\n",
            "b/c.py": """
                Alias = tuple["Third", ...]
                class Base: ...
                class Unseen: ...
                class _Private: ...
                class Third: ...
                class Fourth: ...
                class Second:
                    kept: "Alias"
                    def __getitem__(self, index: int) -> "Fourth": ...
                    def _hidden(self) -> "Unseen": ...
                class First(Base):
                    def second(self) -> "Second | None": ...
                    def private(self) -> "_Private": ...
                """,
        },
    )
    keys = {definition.key for definition in public_face(made)}
    reached = {f"made.b.c.{name}" for name in ("First", "Base", "Second", "Third", "Fourth")}
    assert keys == {"made.a.start"} | reached


def raised(folder: Path, files: dict[str, str]) -> set[str]:
    """The errors that the tool misses of `made.start`."""
    errors = "class NerineError(Exception): ...\nclass OddError(NerineError): ...\n"
    head = {"__init__.py": 'from made.a import start\n__all__ = ["start"]\n', "errors.py": errors}
    found = check(package(folder, {**head, **files}))
    return {each.missing.split()[1] for each in found if each.rule == "raises"}


DOC = '"""Starts."""'
ODD = "from made.errors import OddError\n"


def test_errors_are_followed_into_other_modules(tmp_path: Path) -> None:
    thrower = ODD + "class Thrower:\n    def __init__(self) -> None:\n        raise OddError\n"
    start = f"from made import b\ndef start() -> None:\n    {DOC}\n    b.Thrower()\n"
    assert raised(tmp_path, {"a.py": start, "b.py": thrower}) == {"OddError"}


def test_a_value_that_checks_itself_is_taken_to_be_right_elsewhere(tmp_path: Path) -> None:
    value = ODD + "class Value:\n    def __post_init__(self) -> None:\n        raise OddError\n"
    start = f"def start() -> None:\n    {DOC}\n    Value()\n"
    assert raised(tmp_path / "one", {"a.py": value + start}) == {"OddError"}
    there = {"a.py": "from made.b import Value\n" + start, "b.py": value}
    assert raised(tmp_path / "other", there) == set()


def test_functions_that_call_each_other_end(tmp_path: Path) -> None:
    code = ODD + (
        f"def start() -> None:\n    {DOC}\n    _one()\n"
        "def _one() -> None:\n    _two()\n"
        "def _two() -> None:\n    _one()\n    raise OddError\n"
    )
    assert raised(tmp_path, {"a.py": code}) == {"OddError"}


def test_methods_and_properties_of_its_own_are_followed(tmp_path: Path) -> None:
    code = ODD + (
        "class start:\n    '''Starts.'''\n"
        f"    def go(self) -> None:\n        {DOC}\n        print(self._now)\n"
        "    @property\n    def _now(self) -> str:\n        return self._odd()\n"
        "    def _odd(self) -> str:\n        raise OddError.of('a')\n"
    )
    assert raised(tmp_path, {"a.py": code}) == {"OddError"}


def test_a_name_that_is_lost_is_not_passed_over(tmp_path: Path) -> None:
    made = package(tmp_path / "lost", {"__init__.py": '__all__ = ["lost"]\n'})
    assert [each.rule for each in check(made)] == ["all"]
    empty = package(tmp_path / "empty", {"__init__.py": ""})
    assert [each.rule for each in check(empty)] == ["all"]


def test_the_terminal_needs_no_sources(tmp_path: Path) -> None:
    doc = '"""Viterbi, for the terminal."""\n'
    files = {"__init__.py": "__all__ = ['made']\ndef made() -> None:\n    '''Made.'''\n"}
    assert check(package(tmp_path / "a", {**files, "cli/made.py": doc})) == []
    assert len(check(package(tmp_path / "b", {**files, "made.py": doc}))) == 1


def test_the_command_prints_and_says_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(tmp_path, {"__init__.py": "__all__ = ['made']\ndef made() -> None:\n    pass\n"})
    assert main(str(tmp_path / "made")) == 1
    first, counts = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path}/made/__init__.py:2: made: no docstring; expected: one"
    assert counts == "docstring 1"
    assert main(str(tmp_path)) == 2
    assert "there is no package" in capsys.readouterr().out


def test_nerine_holds_every_rule() -> None:
    made = Package.read(Path(nerine.__file__).parent)
    assert [str(each) for each in check(made)] == []
    reached = {definition.name for definition in public_face(made)}
    assert {"Tagger", "Explanation", "Failure", "Origin", "Finding", "Interval"} <= reached
    assert set(nerine.__all__) <= reached


WORDS = st.from_regex(r"[a-z]{1,8}(?: [a-z,]{1,8}){0,6}", fullmatch=True)
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(NAMES, st.lists(WORDS, min_size=1, max_size=3), min_size=1), WORDS)
def test_entries_come_back_as_they_were_written(entries: dict[str, list[str]], prose: str) -> None:
    lines = [
        "\n        ".join([f"    {name}: {texts[0]}", *texts[1:]])
        for name, texts in entries.items()
    ]
    section = "\n".join(lines)
    doc = Docstring.parse(f"{prose}\n\nArgs:\n{section}\n\n{prose} again\n")
    assert doc.summary == prose
    assert doc.entries("Args") == {name: " ".join(texts) for name, texts in entries.items()}
    assert f"{prose} again" in doc.prose
    assert doc.entries("Raises") == {}


def test_sections_are_told_from_prose() -> None:
    doc = Docstring.parse(
        "Made of:\n\nArgs: no section\n\nReturns:\n    A.\n\n    B.\nRaises:\n    C: D."
    )
    assert set(doc.sections) == {"Returns", "Raises"} < set(SECTIONS)
    assert doc.sections["Returns"] == "A.\n\nB."


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("`(words,)`", True),
        ("`(words, tags)`", True),
        ("`(documents + 1,)`", True),
        ("`(subwords, 2)`", True),
        ("`(words)`", False),
        ("(words, tags)", False),
        ("words × tags", False),
        ("`(start, end)`", True),
    ],
)
def test_shapes_have_one_form(text: str, holds: bool) -> None:
    assert names_shape(f"Those, {text}.") is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("How many words.", True),
        ("From 0 to 1.", True),
        ("Counted from 0.", True),
        ("How many.", False),
        ("A keyword.", False),
        ("The value.", False),
    ],
)
def test_units_are_whole_words(text: str, holds: bool) -> None:
    assert names_unit(text) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("(Guo et al., 2017)", True),
        ("of Guo et al. (2017)", True),
        ("(Guo, Pleiss, Sun & Weinberger, 2017)", True),
        ("of Naeini (2015)", True),
        ("(Guo et al., 2016)", False),
        ("by Guo. In 2017", False),
        ("(Wuguo, 2017)", False),
    ],
)
def test_a_source_is_a_name_and_its_year(text: str, holds: bool) -> None:
    assert names_source(f"The calibration error {text}.", "calibration error") is holds


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_sources_that_can_be_cited(method: str) -> None:
    for source in METHODS[method][1]:
        author, _, year = source.rpartition(" ")
        assert author[0].isupper()
        assert 1900 < int(year) < 2030
        assert names_source(f"as {author} ({year}) does", method)
        assert names_source(f"({author} et al., {year})", method)


def test_a_method_is_known_by_its_name_in_code() -> None:
    assert methods_named("approximate_randomisation") == ["approximate randomisation"]
    assert methods_named("the edit\ndistance") == ["edit distance"]
    assert methods_named("a distillery of holmium") == ["distillation"]
