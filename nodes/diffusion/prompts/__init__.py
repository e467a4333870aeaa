"""Prompts: their two syntaxes, how they change along the way, and what an encoder makes of them.

`faults`, `syntax`, `timeline`, `variants`, `wildcards` and `matrix` are text alone and import no
torch; `chunks`, `weighting`, `embeddings` and `encoding` lead from there to the text encoders.
"""
