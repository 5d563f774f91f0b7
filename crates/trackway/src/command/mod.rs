//! The commands, one file each.

pub(crate) mod history;
pub(crate) mod node;
pub(crate) mod pipeline;
pub(crate) mod rebuild;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod verify;
