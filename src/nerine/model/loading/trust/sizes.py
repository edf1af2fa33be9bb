"""The sizes that `config.json` asks for, held against the tensors that are there.

A model is built before its weights are read, and rows that the weights lack are made up, so a
small file could ask for any amount of time and memory. With T tensors, P parameters and the
largest dimension D in the header of the weights, models obey all of these::

    layers                        at most T (or 64): each has tensors of its own
    vocabulary × width            at most P: the embeddings
    layers × width × width        at most 8 P: an attention alone has four such matrices, and
    layers × width × inner width  layers that share their weights (ALBERT) find room in the rest
    positions                     at most the rows of the position embeddings; where there are
                                  none, positions × width is at most P or 2^28
    any other number              at most D, T or 4,096

Ids of tokens, longest inputs, seeds and angles are free: nothing is allocated by them. The
defaults of all architectures of transformers 5.23 that classify tokens pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    """What the weights can fill; `positions` is None where no table of them is known."""

    layers: int = 500
    number: int = 2_000_000
    parameters: int = 2**33
    positions: int | None = None
    positions_by_width: int = _ROOM

    @classmethod
    def of(cls, header: Header) -> _Limits:
        """By the header of the weights; without one, the fixed limits above hold."""
        tables = [shape for name, shape in header.shapes.items() if _POSITION_TABLE.search(name)]
        tensors, parameters = len(header.shapes), header.parameters
        return cls(
            max(tensors, _FEW_LAYERS),
            max(header.largest, tensors, _FEW),
            parameters,
            max((shape[0] for shape in tables if len(shape) == 2), default=None),
            max(parameters, _ROOM),
        )

    def of_key(self, key: str) -> int | None:
        """The most that a number of this name may be; None if it may be anything."""
        if _FREE.fullmatch(key):
            return None
        if _LAYERS.fullmatch(key):
            return self.layers
        return self.positions_by_width if _POSITIONS.fullmatch(key) else self.number


def check_sizes(config: Mapping[str, Any], header: Header | None, place: Path) -> None:
    """Raises `CheckpointError` where the configuration asks for more than the weights fill."""
    limits = _Limits() if header is None else _Limits.of(header)
    numbers = list(_numbers(config))
    for key, number in numbers:
        limit = limits.of_key(key)
        if limit is not None and number > limit:
            raise _refusal(key, number, limit, place)
    _check_products(numbers, limits, place)
    _check_positions(numbers, limits, place)


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """All whole numbers with their keys; a list of numbers of layers is added up."""
    for key, value in settings_in(config):
        found = value if isinstance(value, list) else [value]
        whole = [abs(each) for each in found if type(each) is int]
        if whole and key not in LABEL_MAPS:
            yield key, sum(whole) if _LAYERS.fullmatch(key) else max(whole)


def _largest(numbers: list[tuple[str, int]], kind: re.Pattern[str], default: int) -> int:
    return max((number for key, number in numbers if kind.fullmatch(key)), default=default)


def _check_products(numbers: list[tuple[str, int]], limits: _Limits, place: Path) -> None:
    width = _largest(numbers, _WIDTH, 1)
    layers = _largest(numbers, _LAYERS, _USUAL_LAYERS)
    embedded = min(width, _largest(numbers, _EMBEDDED, width))
    vocabulary = dict(numbers).get("vocab_size", 1)
    for what, product, limit in (
        ("vocabulary × width", vocabulary * embedded, limits.parameters),
        ("layers × width × width", layers * width**2, _SHARING * limits.parameters),
        (
            "layers × width × inner width",
            layers * width * _largest(numbers, _INNER, 1),
            _SHARING * limits.parameters,
        ),
    ):
        if product > limit:
            raise _refusal(what, product, limit, place)


def _check_positions(numbers: list[tuple[str, int]], limits: _Limits, place: Path) -> None:
    positions = _largest(numbers, _POSITIONS, 0)
    if limits.positions is not None and positions > limits.positions:
        raise _refusal("the number of positions", positions, limits.positions, place)
    product = positions * _largest(numbers, _WIDTH, 1)
    if product > limits.positions_by_width:
        raise _refusal("positions × width", product, limits.positions_by_width, place)


def _refusal(what: str, number: int, limit: int, place: Path) -> CheckpointError:
    value = f"{number:,}" if number.bit_length() <= 64 else kind_of(number)
    return CheckpointError(
        f"{shown(what)} is {value}, for which the weights are too small",
        place=str(place),
        expected=f"at most {limit:,}",
        hint="the configuration belongs to other weights, or was altered",
    )
