"""What the tour of the window points at, and what it says."""

from moe_studio.gui.help.tour import Stop
from moe_studio.gui.widgets.figure_strip import FigureStrip
from moe_studio.gui.workspace import Workspace

TOUR_FIGURES = "Latency, tokens per second, memory and problems of the design. While you drag, each shows its change."
TOUR_CLUSTER = "Nodes and their GPUs. Drag an expert to another GPU and watch the figures before you let go."
TOUR_GRAPH = "Every operator, by GPU and time. The longest path is the thick line: it decides the latency."
TOUR_INSPECTOR = "All about what is selected: shapes, work, bytes, what binds it, and when it runs."
TOUR_EVIDENCE = "Where the time goes, what is wrong, and every step you took. F1 opens the help pages."


def tour_stops(strip: FigureStrip, space: Workspace) -> tuple[Stop, ...]:
    """The five stops, in order."""
    return (
        Stop(target=strip, title="The figures", text=TOUR_FIGURES),
        Stop(target=space.cluster, title="The cluster", text=TOUR_CLUSTER),
        Stop(target=space.dag, title="The graph", text=TOUR_GRAPH),
        Stop(target=space.inspector, title="The inspector", text=TOUR_INSPECTOR),
        Stop(target=space.tabs, title="The evidence", text=TOUR_EVIDENCE),
    )
