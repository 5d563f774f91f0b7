//! Functions in real processes: Python, Node, and programs that speak the Runtime API themselves.

mod bench;
mod house;
mod lifecycle;
mod node;
mod programs;
mod python;
