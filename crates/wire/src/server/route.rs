//! Routing by method and path, for the rest protocols.

use crate::codec::form::{self, Plus};
use crate::model::{Operation, Service};

/// The routes of one service, found by method and first segment.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) service: &'static Service,
    /// Sorted by method, then first segment; literal routes before those with labels.
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    operation: &'static Operation,
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes all that is left, slashes included.
    Greedy(&'static str),
}

/// An operation and the labels of the path, by wire name, decoded.
pub(super) type Found = (&'static Operation, Vec<(&'static str, String)>);

impl Routes {
    pub(super) fn new(service: &'static Service) -> Self {
        let mut routes: Vec<Route> = service.operations.iter().map(Route::new).collect();
        routes.sort_by(|left, right| left.order().cmp(&right.order()));
        Self { service, routes }
    }

    /// Finds the operation of a method and a raw (still encoded) path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found> {
        let given: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let key = (method, given.first().copied().unwrap_or_default());
        let start = self.routes.partition_point(|route| route.key() < key);
        let of_key = self.routes[start..].iter().take_while(|route| route.key() == key);
        of_key.into_iter().find_map(|route| Some((route.operation, route.labels(&given)?)))
    }
}

impl Route {
    fn new(operation: &'static Operation) -> Self {
        let path = operation.uri.split('?').next().unwrap_or_default();
        let segments = path.trim_start_matches('/').split('/').map(Segment::new).collect();
        Self { operation, segments }
    }

    fn key(&self) -> (&'static str, &'static str) {
        let first = match self.segments.first() {
            Some(Segment::Literal(text)) => text,
            _ => "",
        };
        (&self.operation.method, first)
    }

    /// Literals win over labels at the first place where two routes differ.
    fn order(&self) -> (&'static str, &'static str, Vec<u8>, &'static str) {
        let (method, first) = self.key();
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Label(_) => 1,
            Segment::Greedy(_) => 2,
        };
        (method, first, self.segments.iter().map(rank).collect(), &self.operation.name)
    }

    fn labels(&self, given: &[&str]) -> Option<Vec<(&'static str, String)>> {
        let mut labels = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let text = given.get(index)?;
            match segment {
                Segment::Literal(literal) if literal == text => {}
                Segment::Literal(_) => return None,
                Segment::Label(name) if !text.is_empty() => {
                    labels.push((*name, form::decode(text, Plus::Plus)));
                }
                Segment::Label(_) => return None,
                Segment::Greedy(name) => {
                    labels.push((*name, form::decode(&given[index..].join("/"), Plus::Plus)));
                    return Some(labels);
                }
            }
        }
        // One trailing slash is forgiven.
        let extra = &given[self.segments.len()..];
        (extra.is_empty() || extra == [""]).then_some(labels)
    }
}

impl Segment {
    fn new(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(label) => match label.strip_suffix('+') {
                Some(label) => Self::Greedy(label),
                None => Self::Label(label),
            },
            None => Self::Literal(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn every_operation_of_iot_is_found_by_its_own_template() {
        let routes = Routes::new(model::service("iot").unwrap());
        for operation in &routes.service.operations {
            let path: String = operation.uri.replace(['{', '}'], "");
            let (found, _) = routes.find(&operation.method, &path).expect(&operation.name);
            assert_eq!(found.name, operation.name);
        }
    }

    #[test]
    fn finds_methods_and_labels() {
        let routes = Routes::new(model::service("iot").unwrap());
        for (method, path, expected, label) in [
            ("POST", "/audit/tasks", "StartOnDemandAuditTask", ""),
            ("GET", "/audit/tasks", "ListAuditTasks", ""),
            ("PUT", "/audit/tasks/a%2Fb/cancel", "CancelAuditTask", "a/b"),
            ("GET", "/audit/tasks/x", "DescribeAuditTask", "x"),
            ("POST", "/audit/findings", "ListAuditFindings", ""),
            ("PATCH", "/audit/suppressions/update", "UpdateAuditSuppression", ""),
            ("PUT", "/target-policies/p%20x", "AttachPolicy", "p x"),
        ] {
            let (operation, labels) = routes.find(method, path).expect(path);
            assert_eq!(&*operation.name, expected);
            assert_eq!(labels.first().map_or("", |label| &label.1), label);
        }
        for (method, path) in [("GET", "/"), ("GET", "/no/such"), ("DELETE", "/audit/tasks")] {
            assert!(routes.find(method, path).is_none(), "{method} {path}");
        }
    }
}
