"""Distances of many vectors: coarse products first, exact ones where they decide."""
