//! Definitions that are parsed, by kind and content.

use std::collections::{HashMap, VecDeque};

use crate::kind::Parsed;
use crate::limits::DEFINITIONS_MAX;

type Key = (u8, [u8; 32]);

/// A bounded cache; the oldest leave first. Executions in memory hold theirs themselves.
#[derive(Default)]
pub(crate) struct Definitions {
    known: HashMap<Key, Known>,
    order: VecDeque<Key>,
}

struct Known {
    parsed: Parsed,
    /// Whether its row is durable.
    stored: bool,
}

impl Definitions {
    pub(crate) fn get(&self, kind: u8, hash: [u8; 32]) -> Option<Parsed> {
        self.known.get(&(kind, hash)).map(|known| known.parsed.clone())
    }

    pub(crate) fn add(&mut self, kind: u8, hash: [u8; 32], parsed: Parsed, stored: bool) {
        self.known.insert((kind, hash), Known { parsed, stored });
        self.order.push_back((kind, hash));
        while self.order.len() > DEFINITIONS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    pub(crate) fn is_stored(&self, kind: u8, hash: [u8; 32]) -> bool {
        self.known.get(&(kind, hash)).is_some_and(|known| known.stored)
    }

    pub(crate) fn set_stored(&mut self, kind: u8, hash: [u8; 32]) {
        if let Some(known) = self.known.get_mut(&(kind, hash)) {
            known.stored = true;
        }
    }
}
