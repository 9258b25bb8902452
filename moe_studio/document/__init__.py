"""One open project: history, preview, selection, pipeline."""
