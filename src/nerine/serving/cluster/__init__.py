"""Tagging of files on many machines: who does which shard, and who may give them out.

===========  ==============================================================================
module       contents
===========  ==============================================================================
`lease`      one process at a time gives out shards, or plans them
===========  ==============================================================================
"""
