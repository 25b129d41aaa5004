"""What pictures look like in numbers, and in which of them two sets of pictures differ."""
