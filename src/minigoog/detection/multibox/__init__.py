"""MultiBox: a network that looks at a whole picture and says where objects may be. (Erhan et al., arXiv 1312.2249)"""

from .head import MultiBoxHead
from .matching import assigned, nearest
from .objective import multibox_loss

__all__ = ["assigned", "multibox_loss", "MultiBoxHead", "nearest"]
