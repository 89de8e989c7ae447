"""A six-layer BERT sentence encoder in numpy: the weights of `all-MiniLM-L6-v2`, one text at a time.

Weights are cut into narrow blocks: a few tokens times a narrow block stays in the processor's cache and takes
OpenBLAS's path for small matrices, which halves the time of a short question (3.6 ms for 8 words, not 7.4).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Read = Callable[[str], Floats]

LAYERS, HEADS, HEAD, WIDTH = 6, 12, 32, 384
READ_LAYERS = (3, 6)
"""A vector is the mean of the words' states after these, each of unit length, side by side: the third knows more of
the wording, the last more of the meaning."""
SIZE = WIDTH * len(READ_LAYERS)
MAX_TOKENS = 256
BLOCK = 32
EPSILON = np.float32(1e-12)
HALF, ONE = np.float32(0.5), np.float32(1.0)
GELU, CUBE = np.float32(0.7978845608), np.float32(0.044715)


@dataclass(frozen=True, slots=True)
class _Dense:
    blocks: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class _Norm:
    gain: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class _Layer:
    mixing: _Dense
    mixed: _Dense
    mixed_norm: _Norm
    widen: _Dense
    narrow: _Dense
    norm: _Norm


class Encoder:
    """Turns numbered word pieces into one vector of SIZE numbers and unit length."""

    def __init__(self, path: Path) -> None:
        read = open_weights(path)
        self._words = read("embeddings.word_embeddings.weight")
        places = read("embeddings.position_embeddings.weight")[:MAX_TOKENS]
        self._places = places + read("embeddings.token_type_embeddings.weight")[0]
        self._norm = _norm(read, "embeddings.LayerNorm")
        self._layers = [_layer(read, f"encoder.layer.{at}.") for at in range(LAYERS)]

    def __call__(self, tokens: list[int]) -> Floats:
        """Returns the vector; the two marks around the pieces are read, and not counted."""
        states = _normalise(self._words[tokens] + self._places[: len(tokens)], self._norm)
        parts: list[Floats] = []
        inner = slice(1, -1) if len(tokens) > 2 else slice(None)
        for number, layer in enumerate(self._layers, 1):
            states = _through(states, layer)
            if number in READ_LAYERS:
                parts.append(_unit(states[inner].mean(axis=0)))
        return _unit(np.concatenate(parts))


def open_weights(path: Path) -> Read:
    """Maps a safetensors file (a length, a JSON head, plain numbers) and returns what reads one table of it."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    begin = 8 + int.from_bytes(raw[:8].tobytes(), "little")
    head: Mapping[str, Mapping[str, list[int]]] = json.loads(raw[8:begin].tobytes())

    def read(name: str) -> Floats:
        low, high = head[name]["data_offsets"]
        return raw[begin + low : begin + high].view("<f4").reshape(head[name]["shape"])

    return read


def _through(states: Floats, layer: _Layer) -> Floats:
    mixing = states @ layer.mixing.blocks
    mixing += layer.mixing.bias
    asked, offered, held = mixing[:HEADS], mixing[HEADS : 2 * HEADS], mixing[2 * HEADS :]
    weights = asked @ offered.transpose(0, 2, 1)
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    states = _normalise(states + _apply(_side_by_side(weights @ held), layer.mixed), layer.mixed_norm)
    wide = states @ layer.widen.blocks
    wide += layer.widen.bias
    return _normalise(states + _apply(_side_by_side(_gelu(wide)), layer.narrow), layer.norm)


def _apply(states: Floats, dense: _Dense) -> Floats:
    return _side_by_side(states @ dense.blocks) + dense.bias


def _side_by_side(blocks: Floats) -> Floats:
    return blocks.transpose(1, 0, 2).reshape(blocks.shape[1], -1)


def _gelu(wide: Floats) -> Floats:
    """Works in place. By tanh: within 0.0005 of the exact function, and of cosines within 0.00001."""
    bent = wide * wide
    bent *= CUBE
    bent += ONE
    bent *= wide
    bent *= GELU
    np.tanh(bent, out=bent)
    bent += ONE
    wide *= bent
    wide *= HALF
    return wide


def _normalise(states: Floats, norm: _Norm) -> Floats:
    centred = states - states.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)
    return centred / spread * norm.gain + norm.bias


def _unit(vector: Floats) -> Floats:
    return vector / np.sqrt((vector * vector).sum())


def _layer(read: Read, place: str) -> _Layer:
    attention = place + "attention."
    asking = HEAD**-0.5
    tables = [read(f"{attention}self.{name}.weight") for name in ("query", "key", "value")]
    biases = [read(f"{attention}self.{name}.bias") for name in ("query", "key", "value")]
    mixing = _blocks(np.vstack([tables[0] * np.float32(asking), *tables[1:]]), HEAD)
    mixing_bias = np.concatenate([biases[0] * np.float32(asking), *biases[1:]]).reshape(-1, 1, HEAD)
    widen = _blocks(read(place + "intermediate.dense.weight"), BLOCK)
    return _Layer(
        mixing=_Dense(mixing, mixing_bias),
        mixed=_dense(read, attention + "output.dense", BLOCK),
        mixed_norm=_norm(read, attention + "output.LayerNorm"),
        widen=_Dense(widen, read(place + "intermediate.dense.bias").reshape(-1, 1, BLOCK).copy()),
        narrow=_dense(read, place + "output.dense", BLOCK),
        norm=_norm(read, place + "output.LayerNorm"),
    )


def _dense(read: Read, name: str, width: int) -> _Dense:
    return _Dense(_blocks(read(name + ".weight"), width), read(name + ".bias").copy())


def _blocks(table: Floats, width: int) -> Floats:
    """Cuts a table (outputs, inputs) into blocks (outputs / width, inputs, width)."""
    return np.ascontiguousarray(table.reshape(-1, width, table.shape[1]).transpose(0, 2, 1))


def _norm(read: Read, name: str) -> _Norm:
    return _Norm(read(name + ".weight").copy(), read(name + ".bias").copy())
