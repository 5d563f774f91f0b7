//! Who connected when: certificates that are shared, client ids that are in conflict.
//!
//! Source: Developer Guide, "Device certificate shared" and "Conflicting MQTT client IDs".

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use trackway_core::Timestamp;

use crate::resource::{Info, Related, Resource};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// How far back connections are looked at: 31 days.
pub const WINDOW_MS: i64 = 31 * 24 * HOUR_MS;
/// What is younger has not arrived yet, where certificates are shared: 2 hours.
const DELAY_MS: i64 = 2 * HOUR_MS;
/// Connections that are kept in mind of one certificate or one client: the latest.
const CONNECTIONS_MAX: usize = 100_000;
/// Related resources of one finding, the latest; the limit is ours.
const RELATED_MAX: usize = 1000;

/// AWS's reason text.
pub const SHARED: &str = "Certificate shared by one or more devices.";
/// The reason text of conflicting client ids; ours, as AWS's is not known.
pub const CONFLICTING: &str = "Client ID used by multiple connections at the same time.";
/// The reason of a disconnection by another client with the same id. Source: lifecycle events.
const DUPLICATE: &str = "DUPLICATE_CLIENTID";

/// Something that happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It began.
    Connected,
    /// It ended, for this reason.
    Disconnected(Option<String>),
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Connection {
    /// Of the client and the certificate, the one that is not the key.
    other: String,
    began: Timestamp,
    ended: Option<Timestamp>,
    /// Whether another client with the same id ended it.
    was_kicked: bool,
}

impl Connection {
    /// When it ended; the end of time if it goes on.
    fn end(&self) -> Timestamp {
        self.ended.unwrap_or(Timestamp(i64::MAX))
    }

    /// Whether it had not ended at a moment, or began later.
    fn went_on(&self, at: Timestamp) -> bool {
        self.end() > at
    }
}

/// The connections of one certificate, or of one client id, as their events tell. Events come in
/// the order of time; of the same moment, connections before disconnections.
#[derive(Clone, Debug, Default)]
pub struct History {
    connections: VecDeque<Connection>,
    /// By the other side, the places of the connections that go on, as counted from the first ever.
    open: BTreeMap<String, Vec<usize>>,
    forgotten: usize,
}

impl History {
    /// Takes in the next event: `other` is the client id in the history of a certificate, the
    /// certificate in the history of a client id.
    pub fn push(&mut self, at: Timestamp, other: &str, happening: &Happening) {
        match happening {
            Happening::Connected => {
                if self.connections.len() == CONNECTIONS_MAX {
                    self.connections.pop_front();
                    self.forgotten += 1;
                }
                let place = self.forgotten + self.connections.len();
                self.open.entry(other.to_owned()).or_default().push(place);
                let other = other.to_owned();
                self.connections.push_back(Connection {
                    other,
                    began: at,
                    ended: None,
                    was_kicked: false,
                });
            }
            Happening::Disconnected(reason) => {
                let was_kicked = reason.as_deref() == Some(DUPLICATE);
                let Some(places) = self.open.get_mut(other) else { return };
                // Whoever was kicked was there before; otherwise the one that is left has ended.
                let is_older = |place: &usize| {
                    let known = place.checked_sub(self.forgotten);
                    known
                        .and_then(|place| self.connections.get(place))
                        .is_none_or(|one| one.began < at)
                };
                let place = match was_kicked {
                    true if places.first().is_some_and(is_older) => Some(places.remove(0)),
                    true => None,
                    false => places.pop(),
                };
                if places.is_empty() {
                    self.open.remove(other);
                }
                let connection = place
                    .and_then(|place| place.checked_sub(self.forgotten))
                    .and_then(|place| self.connections.get_mut(place));
                if let Some(connection) = connection {
                    connection.ended = Some(at);
                    connection.was_kicked = was_kicked;
                }
            }
        }
    }

    /// The clients that were connected at the same time as another by this certificate, the latest
    /// connection first; empty if it was not shared. Only connections count that went on in the 31
    /// days before `started`, and did not begin in its last two hours.
    #[must_use]
    pub fn shared(&self, started: Timestamp) -> Vec<Related> {
        let from = started + -WINDOW_MS;
        let lasting = self.lasting(from);
        let looked_at = self
            .within(from, started + -DELAY_MS, |one| lasting.get(&*one.other) == Some(&one.began));
        let concurrent = concurrent(&looked_at, true);
        related(&concurrent, |client| Resource::Client(client.to_owned()))
    }

    /// The connections of this client id of which one ended another, the latest first; empty if
    /// there was no conflict. Only connections count that went on in the 31 days before `started`.
    #[must_use]
    pub fn conflicting(&self, started: Timestamp) -> Vec<Related> {
        let from = started + -WINDOW_MS;
        // A client id has one connection; what was in conflict earlier than the window is no matter.
        let lasting = self.lasting(from).into_values().max();
        let looked_at = self.within(from, started, |one| lasting == Some(one.began));
        let concurrent = concurrent(&looked_at, false);
        let kicked = looked_at.iter().filter(|one| one.was_kicked).copied();
        let mut all: Vec<&Connection> = concurrent.into_iter().chain(kicked).collect();
        all.sort_by_key(|one| one.began);
        all.dedup_by(|one, two| std::ptr::eq(*one, *two));
        related(&all, |certificate| Resource::DeviceCertificate(certificate.to_owned()))
    }

    /// Whether any connection went on in the 31 days before `started`.
    #[must_use]
    pub fn is_known(&self, started: Timestamp) -> bool {
        let from = started + -WINDOW_MS;
        self.connections.iter().any(|one| one.began <= started && one.went_on(from))
    }

    /// Of each other side, when the latest connection began that began before a moment and went on
    /// at it.
    #[must_use]
    pub fn lasting(&self, at: Timestamp) -> BTreeMap<&str, Timestamp> {
        let lasting = self.connections.iter().filter(|one| one.began < at && one.went_on(at));
        // They are in the order of time: the latest comes last.
        lasting.map(|one| (&*one.other, one.began)).collect()
    }

    /// What began in a time, and of what went on when that time began, what is wanted.
    fn within(
        &self,
        from: Timestamp,
        to: Timestamp,
        is_wanted: impl Fn(&Connection) -> bool,
    ) -> Vec<&Connection> {
        let began_then = |one: &Connection| from <= one.began && one.began <= to;
        let lasted = |one: &Connection| one.began < from && one.went_on(from) && is_wanted(one);
        self.connections.iter().filter(|one| began_then(one) || lasted(one)).collect()
    }
}

/// The connections that go on while another one does, or another one of somebody else, in the order
/// of their beginnings. Each is held against the others once, however many there are.
fn concurrent<'a>(connections: &[&'a Connection], of_others: bool) -> Vec<&'a Connection> {
    let mut is_hit = vec![false; connections.len()];
    // What goes on, by when it ends, and how much of it is whose.
    let mut going_on: BTreeSet<(Timestamp, usize)> = BTreeSet::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    // What is not known to be hit yet; some of it may have ended. What goes on of it is of one owner:
    // two owners hit each other.
    let mut spared: Vec<usize> = Vec::new();
    for (place, one) in connections.iter().enumerate() {
        while let Some((end, ended)) =
            going_on.first().copied().filter(|(end, _)| *end <= one.began)
        {
            going_on.remove(&(end, ended));
            if let Some(count) = counts.get_mut(&*connections[ended].other) {
                *count -= 1;
            }
        }
        let own = if of_others { counts.get(&*one.other).copied().unwrap_or(0) } else { 0 };
        if going_on.len() > own {
            is_hit[place] = true;
            for other in spared.drain(..) {
                is_hit[other] |= connections[other].end() > one.began;
            }
        } else {
            spared.push(place);
        }
        going_on.insert((one.end(), place));
        *counts.entry(&one.other).or_default() += 1;
    }
    connections.iter().zip(is_hit).filter(|(_, is_hit)| *is_hit).map(|(one, _)| *one).collect()
}

fn related(connections: &[&Connection], name: impl Fn(&str) -> Resource) -> Vec<Related> {
    let latest = connections.iter().rev().take(RELATED_MAX);
    latest
        .map(|one| {
            let mut info = Info::new();
            info.insert("CONNECTION_TIME".to_owned(), one.began.as_millis().to_string());
            if let Some(ended) = one.ended {
                info.insert("DISCONNECTION_TIME".to_owned(), ended.as_millis().to_string());
            }
            Related { resource: name(&one.other), info }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: Timestamp = Timestamp(1_700_000_000_000);
    const DAY_MS: i64 = 24 * HOUR_MS;

    /// Events, and who is found.
    type Row<'a> = (&'a [(i64, &'a str, char)], &'a [&'a str]);

    /// Minutes before the audit, who, and what: `+` connected, `-` disconnected, `!` kicked.
    fn history(events: &[(i64, &str, char)]) -> History {
        let mut history = History::default();
        for (minutes, other, what) in events {
            let happening = match what {
                '+' => Happening::Connected,
                '-' => Happening::Disconnected(None),
                _ => Happening::Disconnected(Some(DUPLICATE.to_owned())),
            };
            history.push(STARTED + -minutes * 60_000, other, &happening);
        }
        history
    }

    fn ids(related: &[Related]) -> Vec<String> {
        let id = |related: &Related| match &related.resource {
            Resource::Client(id) | Resource::DeviceCertificate(id) => id.clone(),
            other => panic!("{other:?}"),
        };
        related.iter().map(id).collect()
    }

    #[test]
    fn a_certificate_is_shared_by_clients_that_are_connected_at_the_same_time() {
        let month = 31 * DAY_MS / 60_000;
        let rows: &[Row<'_>] = &[
            (&[], &[]),
            (&[(500, "a", '+')], &[]),
            (&[(500, "a", '+'), (400, "b", '+')], &["b", "a"]),
            (&[(500, "a", '+'), (450, "a", '-'), (400, "b", '+')], &[]),
            // The moment at which one ends and another begins is no time in common.
            (&[(500, "a", '+'), (400, "a", '-'), (400, "b", '+')], &[]),
            // The same client twice is no second client.
            (&[(500, "a", '+'), (400, "a", '+')], &[]),
            (
                &[(500, "a", '+'), (400, "b", '+'), (390, "b", '-'), (380, "c", '+')],
                &["c", "b", "a"],
            ),
            // Too young, too old.
            (&[(500, "a", '+'), (119, "b", '+')], &[]),
            (&[(500, "a", '+'), (120, "b", '+')], &["b", "a"]),
            (&[(month + 1, "a", '+'), (month, "a", '-'), (400, "b", '+')], &[]),
            // What began earlier, and goes on in the month.
            (&[(3 * month, "a", '+'), (400, "b", '+')], &["b", "a"]),
            (&[(3 * month, "a", '+'), (month - 1, "a", '-'), (400, "b", '+')], &[]),
            (&[(4 * month, "a", '+'), (3 * month, "a", '+'), (400, "b", '+')], &["b", "a"]),
            (&[(month, "a", '+'), (400, "b", '+')], &["b", "a"]),
            // A client that has another connection by then was kicked from the first.
            (
                &[
                    (500, "a", '+'),
                    (450, "a", '+'),
                    (450, "a", '!'),
                    (440, "a", '-'),
                    (400, "b", '+'),
                ],
                &[],
            ),
        ];
        for (events, expected) in rows {
            assert_eq!(ids(&history(events).shared(STARTED)), *expected, "{events:?}");
        }
    }

    #[test]
    fn a_client_id_is_in_conflict_when_it_connects_while_it_is_connected() {
        let rows: &[Row<'_>] = &[
            (&[(500, "x", '+'), (400, "x", '-'), (300, "y", '+')], &[]),
            (&[(500, "x", '+'), (400, "y", '+')], &["y", "x"]),
            (&[(500, "x", '+'), (400, "x", '!')], &["x"]),
            (&[(500, "x", '+'), (1, "x", '+'), (1, "x", '!')], &["x"]),
            // The first connection began earlier, and is there still, or was ended by the second.
            (&[(32 * 1440, "x", '+'), (1, "y", '+')], &["y", "x"]),
            (&[(70 * 1440, "x", '+'), (1, "x", '+'), (1, "x", '!')], &["x"]),
            (&[(70 * 1440, "x", '+'), (32 * 1440, "x", '-'), (1, "y", '+')], &[]),
            // All of it was earlier.
            (&[(70 * 1440, "x", '+'), (60 * 1440, "y", '+')], &[]),
        ];
        for (events, expected) in rows {
            assert_eq!(ids(&history(events).conflicting(STARTED)), *expected, "{events:?}");
        }
    }

    #[test]
    fn related_resources_say_when_a_connection_began_and_ended() {
        let related = history(&[(500, "a", '+'), (400, "b", '+'), (300, "a", '-')]).shared(STARTED);
        assert_eq!(related[0].info.len(), 1);
        let ended = (STARTED + -300 * 60_000).as_millis().to_string();
        assert_eq!(related[1].info["DISCONNECTION_TIME"], ended);
    }

    #[test]
    fn of_very_many_connections_the_latest_are_known() {
        let mut history = History::default();
        let first = STARTED + -20 * DAY_MS;
        for number in 0..250_000 {
            let at = first + number * 2;
            history.push(at, "a", &Happening::Connected);
            history.push(at + 1, "a", &Happening::Disconnected(None));
        }
        assert!(history.shared(STARTED).is_empty());
        history.push(STARTED + -DAY_MS, "a", &Happening::Connected);
        history.push(STARTED + -DAY_MS, "b", &Happening::Connected);
        assert_eq!(ids(&history.shared(STARTED)), ["b", "a"]);
    }
}
