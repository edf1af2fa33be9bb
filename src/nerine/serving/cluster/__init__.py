"""Tagging of files on many machines: a driver gives out shards to the workers of an engine.

============  =============================================================================
module        contents
============  =============================================================================
`ray_driver`  `tag_on_ray`: the driver for Ray
`driving`     what drivers have in common: shards, progress, and how a run ends
`scheduler`   which worker tags which shard, and what follows when it fails
`worker`      what a worker does with a shard, and how it says what happened
`sending`     a tagger on its way to other machines, with its files
============  =============================================================================

Only the driver of an engine imports it. How a shard is tagged and committed is the same on one
machine (`nerine.serving.files.attempts`).
"""
