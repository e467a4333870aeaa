"""What changes a model's weights without touching the model: LoRA and its kin, hypernetworks."""
