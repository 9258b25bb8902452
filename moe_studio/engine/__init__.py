"""Costs, memory, collectives, schedule and metrics, as arithmetic on arrays."""
