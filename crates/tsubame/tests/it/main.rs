//! What can be said of the whole house, seen from outside the binary.

mod arrows;
