"""Training and judging of the small model that ships with the project."""
