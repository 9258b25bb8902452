"""The operator DAG, as arrays."""
