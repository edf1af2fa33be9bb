"""A small hub for tests, over real HTTP on loopback.

The installed huggingface_hub talks to it unchanged by HF_ENDPOINT, with HF_HUB_DISABLE_XET=1.
``{id}`` is ``user/name`` or ``name``; data sets have ``datasets`` for ``models``, and
``datasets/{id}`` where a model has ``{id}`` alone.

======================================================  ==========================================
The hub                                                 What for
======================================================  ==========================================
GET    /api/whoami-v2                                   the user of a token
POST   /api/repos/create                                a new repository; 409 if it is there
DELETE /api/repos/delete                                deletes one
PUT    /api/models/{id}/settings                        private, gated
GET    /api/models/{id}/auth-check[/write]              access
POST   /api/validate-yaml                               errors in a README's metadata
POST   /api/models/{id}/preupload/{revision}            how to send each file
POST   /{id}.git/info/lfs/objects/batch                 where to send large files
POST   /{id}.git/info/lfs/objects/complete              all parts of one have been sent
POST   /{id}.git/info/lfs/objects/verify                checks one that was sent
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

The storage host needs no login, because its addresses are signed: PUT /upload/… takes large files
and GET /storage/… gives them. A third host, to which faults can redirect, accepts any request. All
three record every request with its headers, so that tests can see which host got a token.

The fixture `hub` of conftest.py gives a test an empty hub, and this process uses it::

    def test_push(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add_user("mira", token="hf_mira")
        monkeypatch.setenv("HF_TOKEN", "hf_mira")
        hub.fault(Fault(method="PUT", path="/upload/", cut_upload=1000, times=None))
        ...
        assert hub.files("mira/model") == {}

Another process uses it with ``env=os.environ | hub.environment(home, token)``.

Ids of files, folders and commits are those that git would give. Dates count up from a fixed day,
so that equal steps give equal ids.

Not implemented: the xet protocol, git itself, spaces, kernels and buckets, discussions (a pull
request is only a ref), renamed repositories, copies from another repository, search, rate limits
without a fault, and checks of a card's metadata except that it is a YAML mapping. Small files are
sent directly; the real hub redirects to a cache first. A repository made by a client has a
.gitattributes, as on the real hub, and one made by `add_repo` does not; but the file is not read:
names and sizes determine which files are large.
"""

from hub.faults import Fault
from hub.hub import Hub
from hub.server import Record

__all__ = ["Fault", "Hub", "Record"]
