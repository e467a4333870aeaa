"""CLIP's own tokenizer, made from its published merges: 49,408 pieces.

Radford et al. 2021, arXiv 2103.00020, section 2.4; byte-level BPE as in GPT-2.
"""

import gzip
import json
from pathlib import Path

MERGES = 49152 - 256 - 2
CONTEXT = 77  # tokens of a prompt, the two special ones included
START, END = "<|startoftext|>", "<|endoftext|>"
START_ID, END_ID = 49406, 49407


def byte_pieces() -> list[str]:
    """The 256 bytes as printable characters, in the order of the vocabulary."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    moved = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + k) for k in range(len(moved))]


def vocabulary(merges: list[str]) -> dict[str, int]:
    """Bytes, bytes that end a word, one piece per merge, the two special tokens: piece to id."""
    single = byte_pieces()
    pieces = [*single, *(piece + "</w>" for piece in single)]
    pieces += ["".join(merge.split()) for merge in merges]
    return {piece: number for number, piece in enumerate([*pieces, START, END])}


def write_tokenizer(merges_file: Path, folder: Path) -> None:
    """Write the tokenizer as diffusers lays it out, from CLIP's gzipped list of merges."""
    lines = gzip.decompress(merges_file.read_bytes()).decode("utf-8").split("\n")
    merges = lines[1 : 1 + MERGES]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), "utf-8")
    text = json.dumps(vocabulary(merges), ensure_ascii=False, separators=(",", ":"))
    (folder / "vocab.json").write_text(text, "utf-8")
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": CONTEXT,
        "do_lower_case": True,
        "errors": "replace",
        "add_prefix_space": False,
        **special,
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
