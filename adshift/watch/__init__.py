"""The line: each part is judged once; a change is noticed with a promised rate of false alarms, and repaired."""
