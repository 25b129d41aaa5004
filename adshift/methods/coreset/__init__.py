"""The greedy coreset."""
