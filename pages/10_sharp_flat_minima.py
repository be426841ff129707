"""Sharp and flat minima: batch size, curvature, and a rescaling that moves it at will."""

from core.ui import chapter

chapter.show("sharp_flat_minima")
