"""What repairs of a shift are judged by, whoever measured them: the report, the stress test."""
