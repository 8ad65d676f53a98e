"""One page for a browser: the diagram of a network, and every number of an image's way through it and of the gradient back."""

from .build import build_page

__all__ = ["build_page"]
