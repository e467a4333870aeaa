"""Checkpoint files: what is in them, whose model they are, and how they become networks.

`header`     names, types and shapes of a file's tensors, without its weights; no torch
`gguf_header` the same of GGUF
`families`   what a family of models is, and what a recognised file is made of; no torch
`recognise`  which family a file belongs to: asks each family's module in turn; no torch
`stream`     weights from a file into a network, one by one, mapped or cast, never twice
`pickles`    `.ckpt` and `.pt` turned into safetensors
"""
