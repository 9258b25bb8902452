"""Where the program keeps what is its own, and not the user's documents."""

from pathlib import Path

from platformdirs import user_data_path, user_state_path

NAME = "moe-studio"


def state_folder() -> Path:
    """Folder of recovery copies and of the list of recent files."""
    return user_state_path(NAME, appauthor=False)


def template_folder() -> Path:
    """Folder of the user's templates."""
    return user_data_path(NAME, appauthor=False) / "templates"
