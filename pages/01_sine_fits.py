"""Draw a curve through ten points: function approximation, and what a ReLU net is."""

from core.ui import chapter

chapter.show("sine_fits")
