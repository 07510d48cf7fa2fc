"""The contract estate: frames in the columns of the register and spend readers, and out."""
