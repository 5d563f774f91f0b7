//! The client side: any operation of any service, as an HTTP request and back.
//!
//! [`endpoint`] says where to, [`build`] makes the request from an input in the neutral form,
//! [`Built::sign`] signs it, [`parse`] reads the response. Sending, retrying and finding credentials
//! is the caller's. [`build`] checks no constraints: the service does that. [`boto`] has inputs
//! and outputs as boto3 has them, with its checks.

pub mod boto;
mod build;
mod check;
mod checksum;
mod endpoint;
mod form;
mod names;
mod parse;
mod rules;
mod xml_body;

pub use build::{BuildError, Built, build};
pub use endpoint::{Endpoint, endpoint, override_names};
pub use names::{from_sdk_names, to_sdk_name, to_sdk_names};
pub use parse::{Refused, parse};
