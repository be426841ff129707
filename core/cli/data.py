"""``data``: the data set that is shipped, generated again."""

from argparse import Namespace

from core.cli.output import Fault, write
from core.data import MNIST_1D, generate_mnist_1d


def generate(arguments: Namespace) -> int:
    """Write ``assets/mnist1d.npz`` again."""
    try:
        generate_mnist_1d()
    except ImportError:
        raise Fault("The generator is the package mnist1d, one of the tools that make check installs.") from None
    write(f"{MNIST_1D.name} is written.")
    return 0
