"""The doctor of data sets: every problem at once, with file and remedy. ``python -m adshift.data.check ROOT``."""
