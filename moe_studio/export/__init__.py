"""Files to take away: graphs, tables, traces, reports."""
