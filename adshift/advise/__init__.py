"""Advice on a real change of light: which repair is worth it, judged on photographs of the target."""
