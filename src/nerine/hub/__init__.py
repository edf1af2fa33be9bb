"""The Hugging Face hub: repositories that are pulled, and files that are sent.

=====================  =============================================================================
module                 what lives there
=====================  =============================================================================
`names`                ids of repositories, and names of files that may be asked for
`files`                a file as the hub lists it, and its hashes
`cache`                where the hub's own cache keeps a repository, and what is known of it offline
`bars`                 the progress bars of the hub's library
`errors`               what goes wrong on the hub, a message each; tokens are taken out of texts
`pulling`              one state of a repository, and its files, fetched and checked
`models`               which files of a repository make a model
`listing`              what the hub lists of a repository, kept in the cache
`metadata`, `layouts`  the README and the names of a data set's files → its splits
`corpora`              a data set → the files of its splits, checked
`sending`              files → one commit
=====================  =============================================================================

The login is the hub's own: `hf auth login`, or HF_TOKEN. No token is read here, save to keep it
out of messages.
"""
