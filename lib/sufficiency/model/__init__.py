"""What follows from what we believe: pure functions on arrays; reads and writes no file."""
