"""Inputs at URLs: what is written is what the same files on the disk would give."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buckets import Web, web_server
from kills import Stopping
from nerine.core.errors import FormatError, MissingExtraError, NerineError, TaggingError
from nerine.serving.files import TaggingOptions, plan_tagging, tag_files
from nerine.serving.files.lines import closing
from nerine.serving.files.options import Rows
from nerine.serving.files.remote import RemoteFile, find_remote, is_url
from nerine.serving.files.shards import plan_shards
from streams import POISON, StubTagger, files_in, look_aheads_of_four

Put = Callable[[Path], str]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerine.model.batching.look_aheads", look_aheads_of_four)


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty folder of fsspec's file system in memory."""
    url = f"memory://{uuid.uuid4().hex}"
    yield url
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


def put(bucket: str, name: str, content: bytes) -> str:
    fsspec.filesystem("memory").pipe_file(f"{bucket}/{name}", content)
    return f"{bucket}/{name}"


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
NAMES = ["in.txt", "in.jsonl", "in.csv", "in.tsv", "in.parquet"]
NAMES += [f"in.jsonl{suffix}" for suffix in PACKED] + ["in.csv.gz", "in.txt.xz"]


def content_of(name: str, count: int = 40) -> bytes:
    texts = [f"Mira in Oslo {n}" for n in range(count)]
    texts[7], texts[15] = POISON, "Ana"
    if name.endswith("parquet"):
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        sink = arrow.BufferOutputStream()
        ids = [*range(count)]
        parquet.write_table(arrow.table({"id": ids, "text": texts}), sink, row_group_size=5)
        return bytes(sink.getvalue())
    if ".csv" in name:
        texts[9] = "Ana\nJonas"
        content = "n,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(texts))
    elif ".tsv" in name:
        content = "n\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(texts))
    elif ".jsonl" in name:
        lines = [json.dumps({"text": text}) for text in texts]
        lines[3], lines[20] = "{bad", ""
        content = "\n".join(lines)
    else:
        content = "\n".join(texts)
    packed = PACKED.get(Path(name).suffix)
    return packed(content.encode()) if packed else content.encode()


def tagged(source: str | list[str], folder: Path, **options: Any) -> dict[str, bytes]:
    """All files that tagging writes, without the names of the inputs."""
    folder.mkdir(exist_ok=True)
    first = source if isinstance(source, str) else source[0]
    name = Path(first.partition("?")[0]).name.replace(".txt", ".jsonl")
    tag_files(StubTagger(), source, folder / name, TaggingOptions(**options))
    return without_places(folder)


def without_places(folder: Path) -> dict[str, bytes]:
    found = files_in(folder)
    for name in [name for name in found if name.endswith(".failed.jsonl")]:
        lines = [json.loads(line) for line in found[name].splitlines()]
        found[name] = json.dumps([{**line, "file": ""} for line in lines]).encode()
    return found


# -- the same bytes as from the disk -------------------------------------------------------------


@pytest.mark.parametrize("rows", ["records", "entities"])
@pytest.mark.parametrize("size", [60, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_at_a_url_gives_the_bytes_of_one_on_the_disk(
    name: str, size: int, rows: Rows, bucket: str, tmp_path: Path
) -> None:
    content = content_of(name)
    (tmp_path / name).write_bytes(content)
    url = put(bucket, name, content)
    options: dict[str, Any] = {"rows": rows, "shard_bytes": size}
    local = tagged(str(tmp_path / name), tmp_path / "local", **options)
    assert len(local) == 2
    assert tagged(url, tmp_path / "remote", **options) == local


@given(
    lines=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), min_size=1),
    size=st.integers(1, 80),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shards_of_a_url_are_those_of_the_disk(
    lines: list[str], size: int, bucket: str, tmp_path: Path
) -> None:
    content = "\n".join(lines).encode()
    url = put(bucket, "in.txt", content)
    (tmp_path / "in.txt").write_bytes(content)
    plans = [plan_tagging([each], tmp_path / "out") for each in (url, tmp_path / "in.txt")]
    remote, local = ([*plan_shards(plan.readers, size)] for plan in plans)
    assert remote == local


@pytest.mark.parametrize("sharded", [True, False])
def test_folders_and_patterns_give_the_bytes_of_those_on_the_disk(
    sharded: bool, bucket: str, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for name in ("a.jsonl", "b/c.txt", "b/d/e.parquet", ".hidden.jsonl", "b/.x/f.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content_of(name))
        put(bucket, f"in/{name}", content_of(name))
    hidden_by = {"": [".hidden.jsonl", "b/.x/f.txt"], "*.jsonl": [".hidden.jsonl"]}
    for number, pattern in enumerate(["", "*.jsonl", "b/*.txt", "b/d/*.p*"]):
        found: list[tuple[dict[str, bytes], list[str], Any]] = []
        for each in (f"{source}/{pattern}".rstrip("/"), f"{bucket}/in/{pattern}".rstrip("/")):
            folder = tmp_path / f"{number}{len(found)}"
            folder.mkdir()
            options = TaggingOptions(shard_bytes=100, shards=sharded)
            summary = tag_files(StubTagger(), [each], folder / "out", options)
            hidden = sorted(name.partition("/in/")[2] for name in summary.passed_over)
            visible = without_places(folder)
            visible = {name: c for name, c in visible.items() if ".tagging" not in name}
            found.append((visible, hidden, summary.entities))
        assert found[0] == found[1]
        assert found[0][0]
        assert found[0][1] == hidden_by.get(pattern, [])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(bucket: str, tmp_path: Path) -> None:
    url = put(bucket, "a[1].txt", b"Mira\n")
    put(bucket, "a1.txt", b"Ana\n")
    tag_files(StubTagger(), [url], tmp_path / "one.jsonl")
    assert b"Mira" in (tmp_path / "one.jsonl").read_bytes()


# -- what changes meanwhile ----------------------------------------------------------------------


def test_a_run_from_a_url_resumes_and_refuses_another_file(bucket: str, tmp_path: Path) -> None:
    content = content_of("in.txt")
    url = put(bucket, "in.txt", content)
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        tag_files(Stopping(), [url], output, TaggingOptions(shard_bytes=80))
    resuming = TaggingOptions(shard_bytes=80, start="resume")
    plan_tagging([url], output, resuming)
    put(bucket, "in.txt", content.replace(b"Oslo", b"Bonn"))
    with pytest.raises(TaggingError, match=r"the input memory://.*/in\.txt changed since.*created"):
        plan_tagging([url], output, resuming)


def test_a_run_from_a_url_resumes_to_the_same_bytes(bucket: str, tmp_path: Path) -> None:
    url = put(bucket, "in.txt", content_of("in.txt"))
    options = TaggingOptions(shard_bytes=80, start="resume")
    with pytest.raises(KeyboardInterrupt):
        tag_files(Stopping(), [url], tmp_path / "out.jsonl", options)
    summary = tag_files(StubTagger(), [url], tmp_path / "out.jsonl", options)
    assert summary.tagged_now < summary.documents
    whole = tagged(url, tmp_path / "whole", shard_bytes=80)
    assert (tmp_path / "out.jsonl").read_bytes() == whole["in.jsonl"]


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.parquet", "in.jsonl.gz"])
def test_a_file_at_a_url_that_changes_under_way_is_refused(
    name: str, bucket: str, tmp_path: Path
) -> None:
    url = put(bucket, name, content_of(name))

    class Changing(StubTagger):
        def pipe_with_errors(self, texts: Any) -> Any:
            put(bucket, name, content_of(name).replace(b"Oslo", b"Bonn"))
            if name.endswith(".gz"):
                changed = gzip.decompress(content_of(name)).replace(b"Oslo", b"Bonn")
                put(bucket, name, gzip.compress(changed))
            return super().pipe_with_errors(texts)

    output = tmp_path / name.replace("txt", "jsonl")
    with pytest.raises(NerineError) as caught:
        tag_files(Changing(), [url], output, TaggingOptions(shard_bytes=80))
    assert url in str(caught.value)
    assert not output.exists()


# -- errors --------------------------------------------------------------------------------------


def test_what_is_missing_is_named(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"memory://.*/in\.txt: file not found"):
        plan_tagging([f"{bucket}/in.txt"], tmp_path / "out.jsonl")
    with pytest.raises(FormatError, match="no file matches the pattern"):
        plan_tagging([f"{bucket}/*.txt"], tmp_path / "out")
    with pytest.raises(FormatError, match="no file system is known by this name: elsewhere://"):
        plan_tagging(["elsewhere://a/in.txt"], tmp_path / "out.jsonl")
    put(bucket, "in.unknown", b"Mira")
    with pytest.raises(FormatError, match="the name does not tell the format"):
        plan_tagging([f"{bucket}/in.unknown"], tmp_path / "out.jsonl")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match="reading gs:// needs the package gcsfs") as caught:
        plan_tagging(["gs://bucket/in.txt"], tmp_path / "out.jsonl")
    assert caught.value.hint == "pip install gcsfs"


def test_an_output_at_a_url_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Mira")
    for options in (TaggingOptions(), TaggingOptions(shards=True)):
        with pytest.raises(FormatError, match="an output cannot be at a URL"):
            plan_tagging([tmp_path / "in.txt"], "s3://bucket/out", options)


class Refusing:
    """A file system that refuses, or fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def invalidate_cache(self) -> None:
        """Does nothing."""

    def info(self, path: str) -> dict[str, Any]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (PermissionError("403"), FormatError, "access is refused"),
        (ConnectionResetError(104, "reset"), TaggingError, "cannot be read: ConnectionResetError"),
        (TimeoutError(), TaggingError, "cannot be read: TimeoutError"),
        (RuntimeError("odd"), TaggingError, "cannot be read: RuntimeError: odd"),
    ],
)
def test_errors_of_file_systems_have_a_place(
    error: Exception,
    kind: type[NerineError],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = (Refusing(error), "in.txt")
    monkeypatch.setattr("nerine.serving.files.remote._system", lambda url: refusing)
    with pytest.raises(kind, match=f"s3://bucket/in.txt: {message}") as caught:
        plan_tagging(["s3://bucket/in.txt"], tmp_path / "out.jsonl")
    assert kind is FormatError or "--resume continues" in str(caught.value)


# -- names ---------------------------------------------------------------------------------------


def test_urls_are_told_from_paths() -> None:
    assert is_url("s3://bucket/a.jsonl")
    assert is_url("HTTPS://example.org/a.jsonl")
    assert not any(map(is_url, ("posts.jsonl", "a/b", "C:\\a", "C://a", "-", "s3:/bucket/a")))


def test_secrets_in_a_url_are_not_shown() -> None:
    file = RemoteFile("https://mira:secret@example.org/a/posts.jsonl.gz?signature=secret#part")
    assert str(file) == "https://example.org/a/posts.jsonl.gz"
    assert (file.name, file.suffix) == ("posts.jsonl.gz", ".gz")
    assert str(RemoteFile("s3://bucket/a?b#c.txt")) == "s3://bucket/a?b#c.txt"
    assert pickle.loads(pickle.dumps(file)) == file


def test_keys_cannot_lead_out_of_the_output(bucket: str) -> None:
    for name in ("in/../../a.txt", "in//b.txt", "in/c.txt"):
        fsspec.filesystem("memory").store[f"{bucket.removeprefix('memory:/')}/{name}"] = (
            fsspec.implementations.memory.MemoryFile(None, name, b"Mira")
        )
    files, _ = find_remote(f"{bucket}/in")
    for _, inner in files:
        assert "" not in inner.split("/")


def test_tagging_local_files_imports_no_fsspec(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Mira")
    code = (
        "import sys; from nerine.serving.files import plan_tagging\n"
        f"plan_tagging([{str(tmp_path / 'in.txt')!r}], {str(tmp_path / 'out.jsonl')!r})\n"
        "sys.exit('fsspec' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


# -- the web -------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    pytest.importorskip("aiohttp")
    (tmp_path / "served").mkdir()
    with web_server(tmp_path / "served") as served:
        yield served


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.parquet", "in.jsonl.gz"])
def test_a_web_server_gives_the_bytes_of_the_disk(name: str, web: Web, tmp_path: Path) -> None:
    (web.folder / name).write_bytes(content_of(name))
    local = tagged(str(web.folder / name), tmp_path / "local", shard_bytes=100)
    url = f"{web.url}/{name}?signature=secret"
    assert tagged(url, tmp_path / "remote", shard_bytes=100) == local
    again = [f"{web.url}/{name}"]
    assert tagged(again[0], tmp_path / "again", shard_bytes=100) == local


def test_ranges_of_a_large_file_are_asked_for(web: Web, tmp_path: Path) -> None:
    """A shard near the end of a file does not request what lies before it."""
    lines = b"".join(b"Mira in Oslo %06d\n" % n for n in range(300_000))
    (web.folder / "in.txt").write_bytes(lines)
    plan = plan_tagging([f"{web.url}/in.txt"], tmp_path / "out.jsonl")
    shards = [*plan_shards(plan.readers, 1 << 20)]
    assert len(shards) == len(lines) // (1 << 20) + 1
    web.sent.clear()
    reader, last = plan.readers[0], shards[-2]
    with closing(reader.records(last.start)) as records:
        assert next(records) is not None
    assert sum(web.sent) <= 1 << 20


def test_a_web_server_that_fails_is_an_error_of_the_run(web: Web, tmp_path: Path) -> None:
    (web.folder / "in.txt").write_bytes(content_of("in.txt"))
    url = f"{web.url}/in.txt?signature=secret"
    with pytest.raises(FormatError, match=r"missing\.txt: file not found"):
        plan_tagging([f"{web.url}/missing.txt"], tmp_path / "out.jsonl")
    with pytest.raises(FormatError, match="cannot be listed"):
        plan_tagging([f"{web.url}/*.txt"], tmp_path / "out")
    for status, message in ((403, "access is refused"), (503, "cannot be read.*503")):
        web.status = status
        with pytest.raises(NerineError, match=message) as caught:
            plan_tagging([url], tmp_path / "out.jsonl")
        assert "secret" not in str(caught.value)
    web.status = None

    class Failing(StubTagger):
        def pipe_with_errors(self, texts: Any) -> Any:
            web.status = 503
            return super().pipe_with_errors(texts)

    with pytest.raises(TaggingError, match=r"in\.txt: cannot be read.*503") as stopped:
        tag_files(Failing(), [url], tmp_path / "out.jsonl", TaggingOptions(shard_bytes=80))
    assert "--resume continues" in str(stopped.value)
    web.status = None
    options = TaggingOptions(shard_bytes=80, start="resume")
    resumed = f"{web.url}/in.txt?signature=another"
    tag_files(StubTagger(), [resumed], tmp_path / "out.jsonl", options)
    whole = tagged(url, tmp_path / "whole", shard_bytes=80)
    assert (tmp_path / "out.jsonl").read_bytes() == whole["in.jsonl"]


def test_a_web_server_without_ranges_is_refused(web: Web, tmp_path: Path) -> None:
    web.ranges = False
    (web.folder / "in.txt").write_bytes(b"Mira\n" * 1_000_000)
    url = f"{web.url}/in.txt"
    with pytest.raises(FormatError, match="the server does not give parts of this file") as caught:
        tag_files(StubTagger(), [url], tmp_path / "out.jsonl")
    assert "download the file" in str(caught.value)


# -- S3's protocol -------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of an empty bucket, `bucket`, that moto serves."""
    s3fs = pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "mira")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        system = s3fs.S3FileSystem()
        system.mkdir("bucket")
        yield system
        system.rm("bucket", recursive=True)  # moto keeps it for the process
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.mark.filterwarnings("default")  # of packages that only these tests use
def test_a_bucket_gives_the_bytes_of_the_disk(s3: Any, tmp_path: Path) -> None:
    names = ["a/in.txt", "a/in.csv", "a/b/in.parquet", "a/in.jsonl.gz"]
    for name in (*names, "a/.hidden.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(path.name))
        s3.pipe_file(f"bucket/{name}", content_of(path.name))
    s3.touch("bucket/a/empty/")  # as consoles mark folders
    for name in names:
        own = name.replace("/", "-")
        local = tagged(str(tmp_path / "in" / name), tmp_path / own, shard_bytes=100)
        remote = tagged(f"s3://bucket/{name}", tmp_path / f"s3-{own}", shard_bytes=100)
        assert remote == local
    for number, pattern in enumerate(("a", "a/*.txt", "a/**/*.parquet")):
        found: list[dict[str, bytes]] = []
        for each in (f"{tmp_path / 'in'}/{pattern}", f"s3://bucket/{pattern}"):
            folder = tmp_path / f"all{number}{len(found)}"
            folder.mkdir()
            tag_files(StubTagger(), [each], folder / "out", TaggingOptions(shard_bytes=100))
            found.append(without_places(folder))
        assert found[0] == found[1]


@pytest.mark.filterwarnings("default")
def test_a_file_in_a_bucket_that_changes_is_refused(s3: Any, tmp_path: Path) -> None:
    content = content_of("in.txt")
    s3.pipe_file("bucket/in.txt", content)
    url, output = "s3://bucket/in.txt", tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        tag_files(Stopping(), [url], output, TaggingOptions(shard_bytes=80))
    resuming = TaggingOptions(shard_bytes=80, start="resume")
    s3.pipe_file("bucket/in.txt", content.replace(b"Oslo", b"Bonn"))
    with pytest.raises(
        TaggingError, match=r"the input s3://bucket/in\.txt changed since.*ETag was"
    ):
        plan_tagging([url], output, resuming)

    class Changing(StubTagger):
        def pipe_with_errors(self, texts: Any) -> Any:
            s3.pipe_file("bucket/in.txt", content)
            return super().pipe_with_errors(texts)

    again = TaggingOptions(shard_bytes=80, start="overwrite")
    with pytest.raises(TaggingError, match="has changed"):
        tag_files(Changing(), [url], output, again)
    for missing in ("s3://bucket/no.txt", "s3://nowhere/in.txt"):
        with pytest.raises(FormatError, match="file not found"):
            plan_tagging([missing], output, again)
