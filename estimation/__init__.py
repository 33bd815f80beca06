"""ESTIMATE: what SQL cannot say. Pure functions, Arrow in, Arrow out."""
