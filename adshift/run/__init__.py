"""One cell of the grid, from its plan to its result."""
