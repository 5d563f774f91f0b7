//! Run Command: one command on many nodes, as a pure machine.
