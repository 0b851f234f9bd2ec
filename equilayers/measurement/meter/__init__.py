"""The equivariance meter: its sums, its floor, its interval, and what it says when it cannot read."""
