//! Whether a thing complies: the judgement of each check, on plain facts.

pub mod keys;
