"""`tiny_gguf.py FILE [terse]`: a language model of random weights that llama.cpp loads; run by a Python with `gguf`.

Its vocabulary is the 256 bytes, so it can write anything, and writes nonsense. A terse one would rather close what is
open than go on: under a grammar it writes the shortest thing that the grammar allows.
"""

from __future__ import annotations

import sys

import numpy as np

WIDTH, HEADS, LAYERS, INNER, CONTEXT = 64, 2, 2, 128, 16_384
SPECIAL = ["<unk>", "<s>", "</s>"]
LIKED = {'"': 1.0, "{": 0.8, "]": 0.6, "}": 0.4}
LIKED_END = 0.2
CHAT = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def write(path: str, *, is_terse: bool) -> None:
    import gguf

    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *[gguf.TokenType.BYTE] * 256]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT)
    chance = np.random.default_rng(1)

    def matrix(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.1, shape).astype(np.float32)

    embedding, output = matrix(len(tokens), WIDTH), matrix(len(tokens), WIDTH)
    if is_terse:  # every token has the same first value, and the liked ones answer to it
        embedding[:, 0], output[:, 0] = 3.0, 0.0
        output[SPECIAL.index("</s>"), 0] = LIKED_END
        for character, liking in LIKED.items():
            output[len(SPECIAL) + ord(character), 0] = liking
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(WIDTH, np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}.{part}.weight", matrix(WIDTH, WIDTH))
        writer.add_tensor(f"{block}.ffn_gate.weight", matrix(INNER, WIDTH))
        writer.add_tensor(f"{block}.ffn_up.weight", matrix(INNER, WIDTH))
        writer.add_tensor(f"{block}.ffn_down.weight", matrix(WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1], is_terse="terse" in sys.argv[2:])
