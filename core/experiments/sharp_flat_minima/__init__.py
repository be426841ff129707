"""Sharp and flat minima: batch size, curvature, and a rescaling that moves it at will."""
