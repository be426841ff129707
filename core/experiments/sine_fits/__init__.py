"""Draw a curve through ten points: nets as functions of one number."""
