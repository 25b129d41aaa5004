"""The sections of the report, one question a file; a section whose runs are missing is None."""
