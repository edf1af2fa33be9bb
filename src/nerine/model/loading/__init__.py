"""A checkpoint, made by Nerine or by another tool → a model, its tokenizer and its settings.

========================  ======================================================================
module                    contents
========================  ======================================================================
`sources`                 a folder, a package or a repository of the hub, as a folder
`trust`                   checks of the folder before anything in it is loaded
`checkpoint`              a whole checkpoint, loaded and saved
`seeds`                   the checkpoints of a training with several seeds
`pretrained`              models and tokenizers by transformers
`tokenizer`               a tokenizer without transformers
`foreign`                 settings of a model that Nerine did not make, from its outputs' names
`extra_weights`           weights that transformers has no place for; the scores of a CRF
`usage`, `thresholds`     what the user states: words, decoding and windows; thresholds
========================  ======================================================================
"""
