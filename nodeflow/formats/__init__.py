"""Reading and writing graphs: JSON files, pictures that carry their graph."""
