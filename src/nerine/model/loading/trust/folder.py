"""All checks of a folder, in order."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from nerine.core.filenames import CONFIG_FILE
from nerine.core.strict_json import MEGABYTE, read_object
from nerine.model.loading.trust.configuration import check_configuration
from nerine.model.loading.trust.labels import check_labels
from nerine.model.loading.trust.links import check_files
from nerine.model.loading.trust.sizes import check_sizes
from nerine.model.loading.trust.tokenizers import check_tokenizer
from nerine.model.loading.trust.weights import check_presence, read_weights

_MOST_CONFIG_BYTES = 5 * MEGABYTE


def check_folder(
    folder: Path, *, weights: bool = True, architectures: Container[str] | None = None
) -> None:
    """Raises `CheckpointError` if transformers should load nothing from `folder`.

    `architectures` are the known values of `model_type`; None leaves their check to the loader.
    `weights=False` is for a caller that loads none: they may be missing and are not read, and
    sizes are compared with fixed limits. Takes milliseconds.
    """
    check_presence(folder, weights=weights)
    check_files(folder)
    header = read_weights(folder) if weights else None
    config = read_object(folder / CONFIG_FILE, _MOST_CONFIG_BYTES)
    check_configuration(config, folder / CONFIG_FILE, architectures)
    check_sizes(config, header, folder / CONFIG_FILE)
    check_labels(config, header, folder / CONFIG_FILE)
    check_tokenizer(folder)
