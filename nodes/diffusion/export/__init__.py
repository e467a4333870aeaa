"""Models on disk: single files in their original layouts, and folders as diffusers has them."""
