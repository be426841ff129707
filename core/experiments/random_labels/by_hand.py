"""The net of Zhang et al. (2017), theorem 1, built by hand, and how well its equations are conditioned."""

import numpy as np

from core.data import Floats
from core.lab import Array


class Net:
    """c(x) = Σ_j w_j max(a·x − b_j, 0) through labels y at rising z_i = a·x_i, in the precision of ``z`` ``(n,)``.

    With b_1 < z_1 < b_2 < … < z_n the matrix A_ij = max(z_i − b_j, 0) is lower triangular and its diagonal positive,
    so that A w = y has a solution, found by forward substitution: each hinge in turn bends the line so that it meets
    the next label. ``hinge`` says how far from z_j to z_{j+1} the hinge b_{j+1} stands, 0 to 1; b_1 stands before z_1
    as if the gap there were the mean one. The slopes s_j of the line obey s_{j+1} = Δy/((1−h)·gap) − h/(1−h)·s_j:
    from h = ½ on, what one narrow gap stirs up never dies down.

    Where rounding puts a hinge on its image, or the weights outgrow the precision, ``w`` is not finite.
    """

    def __init__(self, z: Array, y: Array, hinge: float) -> None:
        from scipy.linalg import LinAlgError, solve_triangular  # type: ignore[import-untyped]

        share = z.dtype.type(hinge)
        gaps = np.diff(z)
        self.z, self.y = z, y
        self.b = np.concatenate((z[:1] - (1 - share) * gaps.mean(dtype=z.dtype), z[:-1] + share * gaps))
        self.matrix = np.maximum(z[:, np.newaxis] - self.b, 0)
        with np.errstate(all="ignore"):
            try:
                self.w: Array = solve_triangular(self.matrix, y, lower=True, check_finite=False)
            except LinAlgError:
                self.w = np.full_like(y, np.nan)
            self.at_images = self.matrix @ self.w
            self.at_hinges = np.maximum(self.b[:, np.newaxis] - self.b, 0) @ self.w

    @property
    def residual(self) -> float:
        """The largest |c(x_i) − y_i|, or one step between floats at the largest label, if that is more."""
        step = np.spacing(np.abs(self.y).max())
        with np.errstate(all="ignore"):
            return float(np.maximum(np.abs(self.at_images - self.y).max(), step))

    @property
    def right(self) -> float:
        """The share of labels, whole numbers, that the rounded output names."""
        return float(np.mean(np.round(self.at_images) == self.y))


def condition(matrix: Floats) -> float:
    """The 2-norm condition number of a lower triangular matrix ``(n, n)``; NaN beyond some 1e150.

    Small ones by their inverse, others by the Lanczos iteration on AᵀA and on its inverse, to a relative 1e-6: a
    triangular solve keeps its accuracy where a singular value decomposition loses the smallest values.
    """
    from scipy.linalg import solve_triangular
    from scipy.sparse.linalg import LinearOperator, eigsh  # type: ignore[import-untyped]

    n = len(matrix)

    def solve(v: Floats, transposed: bool = False) -> Floats:
        solution: Floats = solve_triangular(matrix, v, trans=int(transposed), lower=True, check_finite=False)
        return solution

    with np.errstate(all="ignore"):
        if n <= 32:
            inverse = solve(np.eye(n))
            finite = np.isfinite(inverse).all()
            return float(np.linalg.norm(matrix, 2) * np.linalg.norm(inverse, 2)) if finite else np.nan
        start = np.ones(n)
        if not np.isfinite(solve(solve(start, True)) ** 2).all():
            return np.nan
        largest, smallest = (
            eigsh(LinearOperator((n, n), product, dtype=float), 1, v0=start, tol=1e-6, return_eigenvectors=False)[0]
            for product in (lambda v: matrix.T @ (matrix @ v), lambda v: solve(solve(v, True)))
        )
        return float(np.sqrt(largest) * np.sqrt(smallest))
