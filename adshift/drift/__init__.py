"""Whether a stream of numbers is still exchangeable with what it began with: an alarm with a promised false rate."""
