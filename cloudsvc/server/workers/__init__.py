"""Several worker processes that serve one home, and the supervisor that starts and replaces them."""
