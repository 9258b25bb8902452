"""Which part of a drawing is seen. Numbers only."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What is seen: the values at the top left, and pixels for each unit of both axes."""

    x: float
    y: float
    scale_x: float
    scale_y: float

    def to_x(self, value: float) -> float:
        """Pixel of a value across."""
        return (value - self.x) * self.scale_x

    def to_y(self, value: float) -> float:
        """Pixel of a value down."""
        return (value - self.y) * self.scale_y

    def from_x(self, pixel: float) -> float:
        """Value across at a pixel."""
        return self.x + pixel / self.scale_x

    def from_y(self, pixel: float) -> float:
        """Value down at a pixel."""
        return self.y + pixel / self.scale_y

    def zoomed(self, factor_x: float, factor_y: float, at: tuple[float, float]) -> "Camera":
        """Nearer by these factors; the point under the pixel ``at`` stays where it is."""
        scale_x, scale_y = self.scale_x * factor_x, self.scale_y * factor_y
        x, y = self.from_x(at[0]) - at[0] / scale_x, self.from_y(at[1]) - at[1] / scale_y
        return Camera(x=x, y=y, scale_x=scale_x, scale_y=scale_y)

    def moved(self, dx: float, dy: float) -> "Camera":
        """Moved by so many pixels."""
        return replace(self, x=self.x + dx / self.scale_x, y=self.y + dy / self.scale_y)
