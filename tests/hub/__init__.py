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

What it does not do: the xet protocol, git itself, spaces, kernels and buckets, discussions (a pull
request is only a ref), renamed repositories, copies from another repository, search, and rate
limits of its own accord. Small files come at once, where the real hub redirects to a cache of its
own first.
"""

from hub.faults import Fault
from hub.hub import Hub
from hub.server import Record

__all__ = ["Fault", "Hub", "Record"]
