"""Plots of the report, legible in print and without colour vision: a hue never stands alone."""
