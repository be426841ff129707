"""Critical points by dimension: minima are rare, and what that does not prove."""

from core.ui import chapter

chapter.show("saddle_counts")
