"""What the editor asks a worker beside runs: each a function from arguments to an answer, both as
JSON, found by the entry points `nodeflow.tools`."""
