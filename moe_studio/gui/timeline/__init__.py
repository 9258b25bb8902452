"""The schedule as a Gantt chart by GPU and stream."""
