"""Colours, fonts and the style sheet: every token of the look, once for each theme."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from string import Template
from types import MappingProxyType

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from moe_studio.locator import resource

FAMILY = "Inter"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Theme:
    """Colours by what they are for. ``families`` are those of operators, ``memory`` those of what fills a GPU."""

    name: str
    window: str
    surface: str
    raised: str
    raised_edge: str
    hairline: str
    handle: str
    text: str
    muted: str
    faint: str
    accent: str
    chosen: str
    good: str
    bad: str
    warning: str
    path: str
    path_text: str
    inverse: str
    inverse_text: str
    inverse_good: str
    inverse_bad: str
    inverse_accent: str
    on_family: str
    families: Mapping[str, str]

    @property
    def memory(self) -> Mapping[str, str]:
        """Colours of the parts of a GPU's memory."""
        family = self.families
        return {
            "weights": family["attention"],
            "kv_cache": family["dense"],
            "activations": family["expert"],
            "buffers": family["communication"],
        }

    def color(self, token: str) -> QColor:
        """The colour of a token."""
        return _color(getattr(self, token))

    def family(self, name: str) -> QColor:
        """The colour of a family of operators."""
        return _color(self.families[name])


@cache
def _color(text: str) -> QColor:
    return QColor(text)


LIGHT = Theme(
    name="light",
    window="#F3F5F9",
    surface="#FFFFFF",
    raised="#F0F3F8",
    raised_edge="#E3E8F0",
    hairline="#DEE4EC",
    handle="#CBD3DE",
    text="#17202E",
    muted="#5A6475",
    faint="#A9B2C0",
    accent="#2762D3",
    chosen="#E4ECFB",
    good="#0B7A53",
    bad="#C62828",
    warning="#8A5700",
    path="#D55E00",
    path_text="#B04A00",
    inverse="#17202E",
    inverse_text="#F4F7FB",
    inverse_good="#5FD6A4",
    inverse_bad="#FF9189",
    inverse_accent="#8FB4FF",
    on_family="#17202E",
    families=MappingProxyType(
        {
            "attention": "#0072B2",
            "dense": "#009E73",
            "expert": "#E69F00",
            "memory": "#9BA3AF",
            "routing": "#CC79A7",
            "communication": "#56B4E9",
        }
    ),
)

DARK = Theme(
    name="dark",
    window="#10151B",
    surface="#1A2029",
    raised="#242C37",
    raised_edge="#2D3744",
    hairline="#2C3541",
    handle="#3B4655",
    text="#E9EDF3",
    muted="#A4AFBD",
    faint="#5C6775",
    accent="#7FA8FA",
    chosen="#22304C",
    good="#4CC995",
    bad="#FF7D74",
    warning="#F0B94B",
    path="#FF7F2A",
    path_text="#FF7F2A",
    inverse="#E9EDF3",
    inverse_text="#17202E",
    inverse_good="#0B7A53",
    inverse_bad="#C62828",
    inverse_accent="#2762D3",
    on_family="#10151B",
    families=MappingProxyType(
        {
            "attention": "#4FA9E2",
            "dense": "#3CC79A",
            "expert": "#F2B534",
            "memory": "#808A98",
            "routing": "#E39AC4",
            "communication": "#86CDF7",
        }
    ),
)


def theme_named(name: str) -> Theme:
    """The theme ``light`` or ``dark``; anything else follows the system."""
    if name == "system":
        return DARK if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if name == "dark" else LIGHT


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give the whole application the colours of ``theme``."""
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, token in (
        (roles.Window, "window"),
        (roles.Base, "surface"),
        (roles.AlternateBase, "raised"),
        (roles.Button, "raised"),
        (roles.WindowText, "text"),
        (roles.Text, "text"),
        (roles.ButtonText, "text"),
        (roles.PlaceholderText, "muted"),
        (roles.Highlight, "chosen"),
        (roles.HighlightedText, "text"),
        (roles.Link, "accent"),
    ):
        palette.setColor(role, theme.color(token))
    sheet = style_sheet(theme)
    if app.styleSheet() != sheet:
        # Replaced by another sheet, Qt polishes each widget once for itself and once more for each widget around it.
        app.setStyleSheet("")
        app.setStyleSheet(sheet)
    app.setPalette(palette)


def style_sheet(theme: Theme) -> str:
    """The style sheet with the colours of ``theme``."""
    tokens = {item.name: getattr(theme, item.name) for item in fields(theme) if item.name != "families"}
    for word, icon in (
        ("closed", "closed"),
        ("open", "open"),
        ("arrow", "open"),
        ("check", "check"),
        ("more", "more"),
        ("back", "back"),
    ):
        tokens[word] = resource("icons", f"{icon}-{theme.name}.svg").as_posix()
    return Template(resource("style", "window.qss").read_text(encoding="utf-8")).substitute(tokens)


def install_fonts() -> None:
    """Make the font that ships with the program known to Qt: a machine may have none."""
    for name in ("Inter-Regular.otf", "Inter-SemiBold.otf"):
        QFontDatabase.addApplicationFont(str(resource("fonts", name)))


@cache
def ui_font(pixels: int = 13, *, is_bold: bool = False) -> QFont:
    """The font of the window, with figures of equal width."""
    font = QFont(FAMILY)
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if is_bold else QFont.Weight.Normal)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def mixed(color: QColor, ground: QColor, share: float) -> QColor:
    """``share`` of a colour on a ground."""
    channels = ((color.red(), ground.red()), (color.green(), ground.green()), (color.blue(), ground.blue()))
    return QColor(*(round(share * own + (1 - share) * other) for own, other in channels))


def contrast(one: QColor, other: QColor) -> float:
    """The ratio of two opaque colours' brightness, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: QColor) -> float:
    red, green, blue = (_linear(part) for part in (color.redF(), color.greenF(), color.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    """A channel of sRGB as light."""
    return part / 12.92 if part <= 0.04045 else math.pow((part + 0.055) / 1.055, 2.4)
