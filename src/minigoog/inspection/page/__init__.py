"""One page for a browser: the diagram of a network, and every number of one image's forward and backward pass."""

from .build import build_page

__all__ = ["build_page"]
