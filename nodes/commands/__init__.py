"""Commands that the standard nodes add to the command line."""
