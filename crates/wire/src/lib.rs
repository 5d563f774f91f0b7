//! AWS wire protocols in both directions, driven by the service models.
//!
//! A pure room: the same bytes in give the same bytes out. It knows what AWS's APIs look like
//! ([`model`]) and how they travel. It must not know what any operation does, and it has no tokio,
//! clock, randomness, file or network: the caller brings the time, the secrets, the request ids and
//! the sockets.
//!
//! ```text
//!            dispatch            input                                success | failure
//! Request ─────────────> Call ───────────> Value ──> (handler) ──> ─────────────────────> Response
//!   method, uri,         service,          neutral                 Reply: JSON in model
//!   headers, body        operation,        form,                   names, or a Failure
//!                        protocol, who     checked
//! ```
//!
//! # Serving
//!
//! ```
//! use http::{HeaderMap, Method, Uri};
//! use trackway_wire::error::Failure;
//! use trackway_wire::request::Request;
//! use trackway_wire::server;
//!
//! let (method, uri, mut headers) = (Method::POST, Uri::from_static("/"), HeaderMap::new());
//! headers.insert("x-amz-target", "AWSStepFunctions.DescribeExecution".parse().unwrap());
//! let body = br#"{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e"}"#;
//! let request = Request { method: &method, uri: &uri, headers: &headers, body };
//! let id = "5b1e8f0c-3a52-4d5e-9a59-2c1f4f9b0a11"; // the caller's: random
//!
//! let response = match server::dispatch(&request) {
//!     Err(rejection) => rejection.respond(id),
//!     Ok(call) => match (call.input(&request), &*call.operation.name) {
//!         (Err(failure), _) => call.reply().failure(&failure, id),
//!         (Ok(input), "DescribeExecution") => {
//!             let arn = input["executionArn"].as_str().unwrap();
//!             let failure = Failure::new(
//!                 "ExecutionDoesNotExist",
//!                 format!("Execution Does Not Exist: '{arn}'"),
//!             );
//!             call.reply().failure(&failure, id)
//!         }
//!         (Ok(_), _) => call.reply().failure(&call.not_built(), id),
//!     },
//! };
//! assert_eq!(response.status(), 400);
//! assert!(response.body().starts_with(br#"{"__type":"ExecutionDoesNotExist","message":"#));
//! ```
//!
//! Signatures are checked between `dispatch` and `input` with [`sigv4::verify`], when the caller
//! wants that. Handlers write timestamps with [`codec::time::epoch_seconds`].
//!
//! # Calling
//!
//! [`client::build`] makes a request for any operation of any service from its input in the neutral
//! form, [`sigv4::sign`] signs it, [`client::parse`] reads the response.

pub mod client;
pub mod codec;
pub mod error;
pub mod model;
pub mod pattern;
pub mod request;
pub mod server;
pub mod sigv4;
pub mod validate;
