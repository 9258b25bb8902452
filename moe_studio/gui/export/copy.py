"""What goes to the clipboard: a picture of a view, the project as YAML, the run time as a sum."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from moe_studio.api import Design
from moe_studio.document.document import Document
from moe_studio.export.symbolic import run_time_sum


def copy_picture(view: QWidget) -> None:
    """Copy what ``view`` shows."""
    QGuiApplication.clipboard().setPixmap(view.grab())


def copy_yaml(document: Document) -> None:
    """Copy the committed design as text of a project file."""
    text = Design(project=document.history.current, path=document.path).to_yaml()
    QGuiApplication.clipboard().setText(text)


def copy_sum(document: Document) -> None:
    """Copy the latency of the committed design as a sum of Get_Time(m, k, n) terms and the rest."""
    QGuiApplication.clipboard().setText(str(run_time_sum(document.committed_evaluation)))
