"""ComfyUI's formats: prompts as its API takes them, and what its node types look like.

It knows the format, not the nodes: which of ours stand for which of ComfyUI's is told by tables
from the entry points `nodeflow.comfyui`.
"""
