"""Weights of the engagement score: what past origins say that the configuration does not."""
