"""A stranger's checkpoint folder is looked at before anything in it is loaded.

::

    links → weights → config.json → sizes and labels → tokenizer files

No library opens a file of the folder before `check_folder` has passed it: the files are read here
with bounded work and memory, and whatever would run code, load a pickle, read a file elsewhere,
ask a hub or allocate more than the weights can fill is a `CheckpointError`. No weights are read,
only their header. `configuration` and `tokenizers` list what each key would do in transformers.
"""

from nerine.model.loading.trust.folder import check_folder
from nerine.model.loading.trust.headers import Header, read_header

__all__ = ["Header", "check_folder", "read_header"]
