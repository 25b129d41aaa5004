"""The stress test: how a detector of good images holds up when the light changes, and which repair is worth it."""
