//! State Manager: associations, their schedules and their runs, as pure machines.
pub mod schedule;
