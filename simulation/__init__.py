"""The trap company: a deterministic writer of every vendor's export, with the truth kept aside.

``simulation.company.write_company`` is the way in. Nothing here reads the clock, the network or the
environment, and nothing of the pipeline is imported: the truth comes from what was drawn, never
from what the pipeline computes.
"""
