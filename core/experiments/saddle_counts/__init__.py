"""Critical points by dimension: minima are rare, and what that does not prove."""
