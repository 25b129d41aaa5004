"""From a composed configuration to objects: the builder, and the plan of one cell."""
