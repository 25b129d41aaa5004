"""The page's template, style and script, read as package data."""
