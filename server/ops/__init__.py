"""The operations, by family; ``table`` has them all."""
