"""A finished run told to an experiment tracker; result.json stays what counts."""
