"""What is claimed about speed and memory, as commands; the figures stand in RESULTS.md."""
