"""A small hub for tests, over real HTTP on loopback.

The installed huggingface_hub talks to it unchanged by HF_ENDPOINT, with HF_HUB_DISABLE_XET=1.
``{id}`` is ``user/name`` or ``name``; data sets have ``datasets`` for ``models``, and
``datasets/{id}`` where a model has ``{id}`` alone.

======================================================  ==========================================
The hub                                                 What for
======================================================  ==========================================
GET    /api/whoami-v2                                   who a token speaks for
POST   /api/repos/create                                a new repository; 409 if it is there
DELETE /api/repos/delete                                and away with it
PUT    /api/models/{id}/settings                        private, gated
GET    /api/models/{id}/auth-check[/write]              may I?
POST   /api/validate-yaml                               errors in a README's metadata
POST   /api/models/{id}/preupload/{revision}            how is each file to be sent?
POST   /{id}.git/info/lfs/objects/batch                 where are large files to be sent?
POST   /{id}.git/info/lfs/objects/complete              all parts of one have been sent
POST   /{id}.git/info/lfs/objects/verify                one has been sent: is it right?
POST   /api/models/{id}/commit/{revision}               one commit, as lines of JSON
POST   /api/models/{id}/branch/{name} (and DELETE)      branches
POST   /api/models/{id}/tag/{revision}                  tags; DELETE has the tag for the revision
GET    /api/models/{id}[/revision/{revision}]           commit, files, metadata
GET    /api/models/{id}/tree/{revision}[/{path}]        files and folders, in pages
POST   /api/models/{id}/paths-info/{revision}           the same of chosen paths
GET    /api/models/{id}/refs                            branches, tags, pull requests
GET    /api/models/{id}/commits/{revision}              history
GET    /{id}/resolve/{revision}/{path} (and HEAD)       one file, or a redirect to storage
======================================================  ==========================================

The storage host needs no login, for its addresses are signed: PUT /upload/… takes large files and
GET /storage/… gives them. A third host, to which faults can redirect, takes anything. All three
record every request, headers included, so that tests can look where a token went.

The fixture `hub` of conftest.py gives a test an empty hub and turns this process to it::

    def test_push(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add_user("mira", token="hf_mira")
        monkeypatch.setenv("HF_TOKEN", "hf_mira")
        hub.fault(Fault(method="PUT", path="/upload/", cut_upload=1000, times=None))
        ...
        assert hub.files("mira/model") == {}

Another process is sent to it by ``env=os.environ | hub.environment(home, token)``.

Ids of files, folders and commits are those that git would give. Dates count up from a fixed day,
so that equal steps give equal ids.

What it does not do: the xet protocol, git itself, spaces, kernels and buckets, discussions (a pull
request is only a ref), renamed repositories, copies from another repository, search, rate limits
of its own accord, and any check of a card's metadata but that it is a YAML mapping. Small files
come at once, where the real hub redirects to a cache of its own first. A repository made by a
client has a .gitattributes, as on the real hub, and one made by `add_repo` has not; but the file
is not read, for names and sizes say what is large.
"""

from hub.faults import Fault
from hub.hub import Hub
from hub.server import Record

__all__ = ["Fault", "Hub", "Record"]
