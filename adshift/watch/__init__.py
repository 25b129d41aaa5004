"""The line: each part that a camera files is judged once, a change is noticed with a promised rate of false alarms, and repaired."""
