"""The page: one HTML file that shows how a detector came to what it says about a picture."""

from .build import build_page

__all__ = ["build_page"]
