"""The Hugging Face hub: repositories that are pulled, and files that are sent.

| module | what lives there |
|---|---|
| `names` | ids of repositories, and names of files that may be asked for |
| `errors` | what goes wrong on the hub, a message each; tokens are taken out of texts |
| `pulling` | a repository → a folder of the hub's own cache, checked |
| `models` | which files of a repository make a model |
| `listing` | what the hub lists of a repository, kept in the cache |
| `metadata`, `layouts` | the README and the names of a data set's files → its splits |
| `corpora` | a data set → the files of its splits, checked |
| `sending` | files → one commit |

The login is the hub's own: `hf auth login`, or HF_TOKEN. No token is read here, save to keep it
out of messages.
"""
