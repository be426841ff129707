"""The labs, one folder a chapter, one file a lab."""
