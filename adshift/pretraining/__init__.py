"""Training of the small backbone on procedural scenes: no photograph and no other network's weights take part."""
