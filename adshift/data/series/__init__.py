"""Photographs in series: which pictures are alike because they are of one lot, one shift, one part or one plate."""
