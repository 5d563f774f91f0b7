//! Functions in real processes: Python, Node, and programs that speak the Runtime API themselves.

#![allow(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

mod bench;
mod house;
mod lifecycle;
mod node;
mod programs;
mod python;
