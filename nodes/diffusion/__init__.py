"""The torch code behind the standard nodes: no engine, no node modules."""
