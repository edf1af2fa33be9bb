"""The Hugging Face hub: repositories are pulled into folders, and folders are pushed.

============  ====================================================================================
module        contents
============  ====================================================================================
`names`       repository ids, and checks of names from outside
`files`       a file of a repository as the hub lists it, and its hashes
`cache`       the files, commits and file lists that are on this machine
`progress`    progress bars of `huggingface_hub`
`errors`      errors of `huggingface_hub` → `HubError`, without tokens
`snapshot`    one commit of a repository: its file list, and files fetched and checked
`models`      the files of a repository that make a model
`upload`      files → one commit
============  ====================================================================================

The login is that of `huggingface_hub`: `hf auth login`, or HF_TOKEN. Nerine reads the token only
to keep it out of messages.
"""
