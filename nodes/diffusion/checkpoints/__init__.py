"""Checkpoint files: what is in them, whose model they are, and how they become networks.

Without torch, from names, shapes and headers:

`header`, `gguf_header`  names, types and shapes of a file's tensors, without its weights
`families`               what a family of models is, and what a recognised file is made of
`recognise`              which family a file belongs to: asks each family's module in turn
`unets`, `autoencoders`, `clip_encoders` and the transformers' modules: those that are asked
`examine`                what is said of a model before it is loaded

With it:

`stream`                 weights from a file into a network, one by one, mapped or cast, never twice
`quantised`              GGUF's blocks, kept in linear layers
`precision`              which precision a network computes in
`assemble`, `folders`    a file, or a folder in diffusers' layout, as denoiser, encoders and vae
`pickles`                `.ckpt` and `.pt` turned into safetensors
"""
