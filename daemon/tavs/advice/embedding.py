"""Sentences as vectors, by any sentence-embedding model in ONNX: an optional second opinion of the ranker.

1. Inputs are int64 `input_ids` and `attention_mask` (and `token_type_ids`) of shape (1, tokens); the first output is
   float32, (1, tokens, size), and its mean over the tokens is the vector, or it is (1, size) already.
2. Longer texts are cut at what most public models read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from tavs.advice.index import Floats
from tavs.catalogue import ModelFile, verify
from tavs.errors import ModelError

LONGEST_TOKENS = 512


class Embedder(Protocol):
    def embed(self, texts: Sequence[str]) -> Floats:
        """Vectors of length 1; texts × size."""


class SentenceModel:
    """Raises ModelError when the file or the tokenizer is missing, not the catalogue's, or no sentence model."""

    def __init__(self, model: ModelFile) -> None:
        verify(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(model.path), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
            self._inputs = [each.name for each in self._session.get_inputs()]
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(LONGEST_TOKENS)
            self.embed(["prøve"])
        except Exception as error:  # noqa: BLE001 - the libraries raise what they like for a broken file
            raise ModelError(
                f"the model {model.name} cannot be used ({type(error).__name__})", f"replace {model.path}"
            ) from None

    def embed(self, texts: Sequence[str]) -> Floats:
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Floats:
        ids = np.array([self._tokenizer.encode(text).ids or [0]], dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = np.asarray(self._session.run(None, {name: known[name] for name in self._inputs})[0], np.float32)
        vector: Floats = found.reshape(-1, found.shape[-1]).mean(axis=0)
        return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))
