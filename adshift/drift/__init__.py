"""Whether a stream of numbers is still exchangeable with those that it began with: an alarm whose own false rate is promised."""
