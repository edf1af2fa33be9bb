"""Keys of `config.json` that make transformers do more than build a model.

Refused, at any depth of the file (checked in the source of transformers 5.23)::

    key                       effect in transformers
    auto_map                  imports a Python module of the folder or of another repository
    trust_remote_code         none by itself; it asks for the effect above
    custom_pipelines          lets `pipeline` import a Python module of the folder
    *attn_implementation*     `user/name` fetches a kernel from the hub and runs it, and so does
                              `flash_attention_2` where flash_attn is not installed
    *experts_implementation*  the same, with other names
    quantization_config       imports packages that unpack and run the weights in their own way
    fusion_config             replaces parts of the model's class
    transformers_weights      reads the weights from another file; `adapter_model.bin` is read as
                              a pickle, even with `use_safetensors`
    configuration_files       reads another configuration, which nobody has checked
    model_type: none, other   an architecture of the package timm, or one of code in the folder
    model_type: mra           fetches its attention from the hub; without it, attention is zero

Accepted on purpose::

    _name_or_path, name_or_path     the model's origin; replaced, never opened
    architectures                   names of classes; not read by loading
    *_implementation                null, or one of the built-in names below
    dtype, torch_dtype              weights are loaded as float32
    tokenizer_class                 checked by the rules of `trust.tokenizers`
    unknown keys                    become attributes that nothing reads

With an `adapter_config.json` in the folder, transformers would load an adapter with the package
peft, or take a base model from the hub, so it is refused as well. `modules.json`, `1_Pooling/`,
`generation_config.json`, `README.md`, Python files and all other files of the folder are never
opened.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import shown
from nerine.model.loading.trust.tokenizers import check_tokenizer_class

LABEL_MAPS = ("id2label", "label2id")
"""Settings whose keys are labels, not settings."""

_REFUSED = {
    "auto_map": "names Python code that transformers would be asked to run",
    "trust_remote_code": "asks for untrusted Python code to be run",
    "custom_pipelines": "names Python code that transformers would be asked to run",
    "quantization_config": "asks for packages that unpack the weights in their own way",
    "fusion_config": "replaces parts of the model",
    "transformers_weights": "takes the weights from another file",
    "configuration_files": "names other configurations, to be used instead of this one",
}
_BUILT_IN = ("eager", "sdpa", "flex_attention", "grouped_mm", "batched_mm")
_IMPLEMENTATION = re.compile(r"_implementation(_internal)?$")


def check_configuration(
    config: Mapping[str, Any], place: Path, architectures: Container[str] | None
) -> None:
    """Raises `CheckpointError` for a key that does more than describe a model."""
    for key, value in settings_in(config):
        if value and key in _REFUSED:
            raise CheckpointError(
                f"{key} {_REFUSED[key]}",
                place=f"{place}, {key}",
                expected="a model that transformers knows without further code or files",
                hint=f"if the model works without it, remove {key} in a copy of the folder",
            )
        if value and _IMPLEMENTATION.search(key):
            _check_implementation(key, value, place)
    name = config.get("model_type")
    if not isinstance(name, str):
        raise CheckpointError(
            "the configuration names no architecture",
            place=f"{place}, model_type",
            expected='a name such as "bert"',
        )
    if architectures is not None and name not in architectures:
        raise CheckpointError(
            f"the installed transformers has no token classification for {shown(name)}",
            place=f"{place}, model_type",
            expected="an architecture of transformers itself, such as bert",
            hint="code that comes with a model is never run; "
            "a newer transformers may have the architecture",
        )
    if name == "mra":
        raise CheckpointError(
            "transformers fetches code for the attention of mra, and computes zeros without it",
            place=f"{place}, model_type",
            expected="an architecture that transformers computes itself, such as bert",
            hint="code from the hub is never run; fine-tune another encoder",
        )
    check_tokenizer_class(config.get("tokenizer_class"), place)
    adapter = place.parent / "adapter_config.json"
    if adapter.exists():
        raise CheckpointError(
            "the folder holds an adapter, which may name another model on the hub",
            place=str(adapter),
            expected="a whole model without an adapter",
            hint="merge the adapter into its model, with peft's merge_and_unload",
        )


def settings_in(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All keys with their values, at any depth, apart from the keys of label maps."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield key, inner
                if not (value is config and key in LABEL_MAPS):
                    waiting.append(inner)
        elif isinstance(value, list):
            waiting.extend(value)


def _check_implementation(key: str, value: Any, place: Path) -> None:
    for name in value.values() if isinstance(value, Mapping) else [value]:
        if name is not None and name not in _BUILT_IN:
            raise CheckpointError(
                f"the implementation {shown(name)} may be code that is fetched from the hub",
                place=f"{place}, {shown(key)}",
                expected=f"null or one of {', '.join(_BUILT_IN)}",
                hint="remove the key in a copy of the folder",
            )
