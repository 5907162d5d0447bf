"""Writes the trained model as ONNX int8: `python export.py OUT_DIR MODEL.onnx` (tokenizer.json is copied beside it)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import torch
from network import Tagger
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from train import TAGS


def main(trained: Path, target: Path) -> None:
    vocabulary = Tokenizer.from_file(str(trained / "tokenizer.json")).get_vocab_size()
    model = Tagger(vocabulary, len(TAGS))
    model.load_state_dict(torch.load(trained / "tagger.pt", weights_only=True))
    model.eval()
    tokens = torch.export.Dim("tokens", min=2, max=4096)
    batch = torch.export.Dim("batch", min=1, max=64)
    ids, mask = torch.zeros((2, 9), dtype=torch.int64), torch.ones((2, 9), dtype=torch.int64)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        shape = {0: batch, 1: tokens}
        torch.onnx.export(
            model,
            (ids, mask),
            str(plain),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            dynamo=True,
            external_data=False,
        )
        quantize_dynamic(plain, target, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gather", "Gemm"])
    shutil.copyfile(trained / "tokenizer.json", target.with_name("tokenizer.json"))
    print(f"{target} {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
