"""The command line and the steps of a night."""
