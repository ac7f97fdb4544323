"""What bench/train_pytorch is made of. Nothing here is imported before PyTorch is known to be installed."""
