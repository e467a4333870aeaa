"""What the commands of `nodeflow` do, a module per group of them; `cli` only names their words.

Imported by `cli` alone, and there only when a command is given, so that each starts fast.
"""
