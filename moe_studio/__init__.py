"""MoE Studio: design how Mixture-of-Experts models are placed on GPUs.

What Python programs use is in `moe_studio.api` and can be had from here, too: ``moe_studio.open("x.moe.yaml")``.
It is imported when first asked for, so that ``import moe_studio`` costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

__all__ = ["Compared", "Design", "Result", "__version__", "compare", "example", "examples", "get_time", "new", "open"]


def __getattr__(name: str) -> object:
    """A name of the Python API."""
    if name in __all__:
        return getattr(import_module("moe_studio.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
