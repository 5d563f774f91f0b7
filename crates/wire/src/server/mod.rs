//! The server side: from an HTTP request to an operation and its input, and from an outcome to an
//! HTTP response.
//!
//! [`dispatch`] finds the operation, [`Call::input`] decodes and checks the input, [`Reply`] encodes
//! what comes back. Which operations are built, who may call them and what they do is not known
//! here.

mod dispatch;
mod reply;
mod rest;
mod route;

pub use dispatch::{Call, Identity, REQUEST_BODY_BYTES_MAX, Rejection, dispatch, fuzz};
pub use reply::Reply;

use crate::model::{self, Service};
use route::Routes;
use std::sync::OnceLock;

/// Services that are served, by the first part of `X-Amz-Target`.
const BY_TARGET: [(&str, &str); 3] = [
    ("AWSStepFunctions", "stepfunctions"),
    ("AmazonSSM", "ssm"),
    ("CodePipeline_20150709", "codepipeline"),
];
/// The service that is served over restJson1.
const REST: &str = "iot";
/// The service that is served over the query protocol, and what of it.
const QUERY: (&str, &str) = ("sts", "GetCallerIdentity");

/// Unpacks the models and builds the tables of all served services, so that the first request does
/// not pay for it (some milliseconds). Optional.
pub fn warm_up() {
    for (prefix, _) in BY_TARGET {
        served_by_target(prefix);
    }
    rest_routes();
    served(&QUERY_CELL, QUERY.0);
}

static TARGET_CELLS: [OnceLock<Option<&'static Service>>; BY_TARGET.len()] =
    [const { OnceLock::new() }; BY_TARGET.len()];
static QUERY_CELL: OnceLock<Option<&'static Service>> = OnceLock::new();

fn served(
    cell: &'static OnceLock<Option<&'static Service>>,
    name: &str,
) -> Option<&'static Service> {
    *cell.get_or_init(|| model::service(name))
}

fn served_by_target(prefix: &str) -> Option<&'static Service> {
    let index = BY_TARGET.iter().position(|(target, _)| *target == prefix)?;
    served(&TARGET_CELLS[index], BY_TARGET[index].1)
}

fn rest_routes() -> Option<&'static Routes> {
    static ROUTES: OnceLock<Option<Routes>> = OnceLock::new();
    ROUTES.get_or_init(|| model::service(REST).map(Routes::new)).as_ref()
}
