"""Names of the files in a checkpoint folder."""

from __future__ import annotations

# of transformers
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
"""The file of each tensor, where the weights are in several files."""

TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
TOKENIZER_FILES = (
    *("tokenizer.json", TOKENIZER_CONFIG_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE),
    *("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model"),
    *("spm.model", "tokenizer.model"),
)

# of peft
ADAPTER_CONFIG_FILE = "adapter_config.json"
ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors"

# of Nerine
INFO_FILE = "nerine.json"
EVALUATIONS_FILE = "evaluations.json"
STATEMENTS_FILE = "card.toml"
RUN_FILE = "run.json"
"""A folder with this file is a training run that may not be finished."""

ADAPTATION_FILE = "adaptation.json"
"""A folder with this file holds an encoder that was adapted to texts."""

STUDY_FILE = "study.jsonl"
"""A folder with this file is a search for settings."""

ADAPTER_FOLDER = "adapter"
"""In the folder of a run: what LoRA has trained, for use over a shared encoder."""

ONNX_FOLDER = "onnx"
ONNX_INFO_FILE = f"{ONNX_FOLDER}/onnx.json"

# of the hub
CARD_FILE = "README.md"
