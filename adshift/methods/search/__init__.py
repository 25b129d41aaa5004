"""The nearest vectors of a bank."""
