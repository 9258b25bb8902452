"""Colours of drawings: one hue for each family of operators, safe for colour-blind readers."""

PATH = "#D55E00"
"""The longest path; always also thicker and marked by a star."""

INK = "#1B2733"
MUTED = "#5B6777"
LINE = "#8A97A6"
HAIRLINE = "#D5DCE5"
SURFACE = "#F5F7FA"
BAND = "#E9EEF5"

STROKES: dict[str, str] = {
    "attention": "#0072B2",
    "dense": "#009E73",
    "expert": "#E69F00",
    "memory": "#8A97A6",
    "routing": "#CC79A7",
    "communication": "#56B4E9",
    "boundary": "#8A97A6",
}

FILLS: dict[str, str] = {
    "attention": "#E6F1F8",
    "dense": "#E4F4EF",
    "expert": "#FDF3DF",
    "memory": "#F3F5F8",
    "routing": "#FAEFF5",
    "communication": "#EAF5FC",
    "boundary": "#FFFFFF",
}

FONTS = "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
"""Families in order of preference."""

EDGE_COLORS: dict[str, str] = {"data": "#5B6777", "communication": "#2F8FC4", "order": "#8A97A6"}
EDGE_STYLES: dict[str, str] = {"data": "solid", "communication": "dashed", "order": "dotted"}
