"""How public data sets, and one's own folders, are laid out."""
