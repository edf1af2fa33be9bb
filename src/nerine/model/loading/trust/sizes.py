"""The sizes in `config.json`, compared with the tensors in the weights.

A model is built before its weights are read, and rows that the weights lack are made up, so a
small file could ask for any amount of time and memory. With T tensors, P parameters and the
largest dimension D in the header of the weights, models obey all of these::

    layers                        at most T (or 64): each has tensors of its own
    vocabulary × width            at most P: the embeddings
    layers × width × width        at most 8 P: an attention alone has four such matrices, and
    layers × width × inner width  layers that share their weights (ALBERT) have fewer
    positions                     at most the rows of the position embeddings; without any,
                                  positions × width is at most P or 2^28
    any other number              at most D, T or 4,096

Ids of tokens, longest inputs, seeds and angles are free: nothing is allocated for them. The
defaults of all architectures of transformers 5.23 that classify tokens pass. A model on torch's
meta device could not say this: each layer is an object there too, so that building it can take any
time, and it needs torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.strict_json import kind_of, shown
from nerine.model.loading.trust.configuration import LABEL_MAPS, settings_in
from nerine.model.loading.trust.headers import Header

_LAYERS = re.compile(r".*(layers?|hidden_groups|group_num|block_sizes|block_repeats|depths?)")
_WIDTH = re.compile(r"hidden_size|dim|d_model|n_embd|emb_dim")
_EMBEDDED = re.compile(r"embedding_size|embedding_dim")
_INNER = re.compile(r"intermediate_size|hidden_dim|d_ff|ffn_dim|n_inner|d_inner")
_POSITIONS = re.compile(r".*position_embeddings|n_positions|n_ctx|max_seq_len|max_seq_length")
_FREE = re.compile(
    r".*(_id|_ids|theta|freq|base|seed|version|max_length|min_length)|mem_len|sliding_window"
)
_POSITION_TABLE = re.compile(r"(position_embeddings|\bwpe|embed_positions)\.weight$")
_USUAL_LAYERS, _FEW_LAYERS = 12, 64
_SHARING = 8
_FEW = 4_096
_ROOM = 2**28


@dataclass(frozen=True, slots=True)
class _Limits:
    """The largest sizes that the weights can fill; `positions` is None if no table is known."""

    layers: int = 500
    number: int = 2_000_000
    parameters: int = 2**33
    positions: int | None = None
    positions_by_width: int = _ROOM

    @classmethod
    def of(cls, header: Header) -> _Limits:
        """The limits by the header of the weights; without one, the defaults above hold."""
        tables = [shape for name, shape in header.shapes.items() if _POSITION_TABLE.search(name)]
        tensors, parameters = len(header.shapes), header.parameters
        return cls(
            max(tensors, _FEW_LAYERS),
            max(header.largest, tensors, _FEW),
            parameters,
            max((shape[0] for shape in tables if len(shape) == 2), default=None),
            max(parameters, _ROOM),
        )


def check_sizes(config: Mapping[str, Any], header: Header | None, place: Path) -> None:
    """Raises `CheckpointError` if the configuration asks for more than the weights fill."""
    limits = _Limits() if header is None else _Limits.of(header)
    numbers: list[tuple[str, int]] = []
    for key, value in settings_in(config):
        found = value if isinstance(value, list) else [value]
        whole = [abs(number) for number in found if type(number) is int]
        if whole and key not in LABEL_MAPS:
            # a list of numbers of layers is added up
            numbers.append((key, sum(whole) if _LAYERS.fullmatch(key) else max(whole)))

    def largest(kind: re.Pattern[str], default: int) -> int:
        return max((number for key, number in numbers if kind.fullmatch(key)), default=default)

    sizes: list[tuple[str, int, int | None]] = []
    for key, number in numbers:
        limit = limits.positions_by_width if _POSITIONS.fullmatch(key) else limits.number
        limit = limits.layers if _LAYERS.fullmatch(key) else limit
        if not _FREE.fullmatch(key):
            sizes.append((key, number, limit))
    width, layers = largest(_WIDTH, 1), largest(_LAYERS, _USUAL_LAYERS)
    vocabulary, embedded = dict(numbers).get("vocab_size", 1), largest(_EMBEDDED, width)
    positions, shared = largest(_POSITIONS, 0), _SHARING * limits.parameters
    sizes += [
        ("vocabulary × width", vocabulary * min(width, embedded), limits.parameters),
        ("layers × width × width", layers * width**2, shared),
        ("layers × width × inner width", layers * width * largest(_INNER, 1), shared),
        ("the number of positions", positions, limits.positions),
        ("positions × width", positions * width, limits.positions_by_width),
    ]
    for name, number, most in sizes:
        if most is not None and number > most:
            value = f"{number:,}" if number.bit_length() <= 64 else kind_of(number)
            raise CheckpointError(
                f"{shown(name)} is {value}, for which the weights are too small",
                place=str(place),
                expected=f"at most {most:,}",
                hint="the configuration belongs to other weights, or was altered",
            )
