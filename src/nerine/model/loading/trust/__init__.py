"""Checks of an untrusted checkpoint folder, before transformers or torch open it.

::

    links → weights → config.json → sizes and labels → tokenizer files

Each file is read here first with bounded work and memory, and a folder that would run code, load a
pickle, read a file elsewhere, ask a hub or allocate more than the weights can fill is a
`CheckpointError`. Of the weights only the header is read, by safetensors itself. `configuration`
and `tokenizers` list what each key would do in transformers.
"""

from nerine.model.loading.trust.folder import check_folder
from nerine.model.loading.trust.headers import Header, read_header

__all__ = ["Header", "check_folder", "read_header"]
