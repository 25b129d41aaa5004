"""The steps of a run, each with its key in the store."""
