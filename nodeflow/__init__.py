"""nodeflow: a node-graph engine for diffusion."""
