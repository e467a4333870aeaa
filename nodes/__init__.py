"""The standard nodes: Stable Diffusion taken apart, one module per stage.

Importing this package, or any module of it, imports neither torch nor diffusers; only
`nodes.diffusion` does.
"""
