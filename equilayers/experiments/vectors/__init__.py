"""Tasks on vectors and sets, drawn from a law: regression and classification under a group that acts on the inputs."""
