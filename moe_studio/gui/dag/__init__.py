"""The operator DAG in lanes."""
