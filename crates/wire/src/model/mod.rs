//! The AWS service models as facts: what operations exist, and what their inputs, outputs and
//! errors look like.
//!
//! The facts are distilled from the `botocore` package by `cargo xtask distill` into
//! `models/aws.bin`, which is part of the program. A service is unpacked the first time it is asked
//! for ([`service`]), so starting up costs nothing for the services that nobody calls.
//!
//! This module must not know any protocol; it only says what the model says.

mod container;
mod shape;

pub use container::{Catalog, Entry, catalog, service, service_by_any_name, service_by_target};
pub use container::{PackError, pack};
pub use shape::{
    Bound, Constraints, ErrorTrait, Location, Member, Shape, ShapeId, ShapeKind, Structure,
    TimestampFormat, XmlNamespace,
};

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// One AWS service: its metadata, its operations and all shapes that they use.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Service {
    /// The model's folder name, which is also boto3's and the CLI's name: `stepfunctions`.
    pub name: Box<str>,
    /// The Smithy `serviceId`: `SFN`, `Cognito Identity Provider`.
    pub id: Box<str>,
    /// The version of the API, as a date: `2016-11-23`.
    pub api_version: Box<str>,
    /// First label of the endpoint's host: `states`.
    pub endpoint_prefix: Box<str>,
    /// Name in the credential scope of a signature: `states`.
    pub signing_name: Box<str>,
    /// Prefix of `X-Amz-Target` and the service name in a CBOR path: `AWSStepFunctions`.
    pub target_prefix: Option<Box<str>>,
    /// Protocols that the service speaks, in the model's order.
    pub protocols: Vec<Protocol>,
    /// XML namespace of requests (rest-xml, query).
    pub xml_namespace: Option<Box<str>>,
    /// Where it is; empty when that is `{prefix}.{region}.{suffix}` everywhere. The first that fits
    /// a region wins.
    pub endpoints: Vec<EndpointRule>,
    /// Errors also carry the query protocol's code in `x-amzn-query-error`.
    pub query_compatible: bool,
    /// Operations, sorted by name.
    pub operations: Vec<Operation>,
    /// Shapes; a [`ShapeId`] is an index into this list.
    pub shapes: Vec<Shape>,
    /// See [`Service::rewrites_json`]; worked out at first use.
    #[serde(skip)]
    rewrites: OnceLock<bool>,
}

/// Where a service is in some regions of AWS.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct EndpointRule {
    /// A region, or the start of the names of a partition's regions (`cn-`; empty for any).
    pub regions: Box<str>,
    /// The host, in which `{region}` is the region.
    pub host: Box<str>,
    /// The region to sign for, when it is another.
    pub signing_region: Option<Box<str>>,
}

impl EndpointRule {
    /// Whether the rule is about a region.
    #[must_use]
    pub fn fits(&self, region: &str) -> bool {
        let is_start = self.regions.is_empty() || self.regions.ends_with('-');
        if is_start { region.starts_with(&*self.regions) } else { *self.regions == *region }
    }
}

/// One operation of a service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Operation {
    /// `StartExecution`.
    pub name: Box<str>,
    /// HTTP method of the rest protocols.
    pub method: Box<str>,
    /// Path template of the rest protocols, query literals included: `/things/{thingName}?x`.
    pub uri: Box<str>,
    /// Status of success when it is not 200.
    pub response_code: Option<u16>,
    /// The input structure, if there is one.
    pub input: Option<ShapeId>,
    /// The output structure, if there is one.
    pub output: Option<ShapeId>,
    /// The error structures that the model lists.
    pub errors: Vec<ShapeId>,
    /// XML element that wraps the output in the query protocol.
    pub result_wrapper: Option<Box<str>>,
    /// XML root element of the input (rest-xml).
    pub input_root: Option<Box<str>>,
    /// XML namespace of the input's root element (rest-xml).
    pub input_namespace: Option<XmlNamespace>,
    /// Prefix of the host: `sync-`; may hold `{labels}`.
    pub host_prefix: Option<Box<str>>,
    /// The request needs no signature (`authtype: none`).
    pub unsigned: bool,
    /// The payload is not part of the signature (`v4-unsigned-body`).
    pub unsigned_payload: bool,
    /// A checksum of the body must be sent.
    pub checksum_required: bool,
}

/// The wire protocols of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// JSON bodies, `X-Amz-Target`, content type `application/x-amz-json-1.0`.
    AwsJson10,
    /// JSON bodies, `X-Amz-Target`, content type `application/x-amz-json-1.1`.
    AwsJson11,
    /// HTTP bindings with JSON bodies.
    RestJson1,
    /// HTTP bindings with XML bodies.
    RestXml,
    /// Form in, XML out.
    Query,
    /// Form in, XML out, as EC2 does it.
    Ec2Query,
    /// Smithy RPC v2 with CBOR bodies.
    RpcV2Cbor,
}

impl Service {
    /// Finds an operation by its exact name, in logarithmic time.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        let found = self.operations.binary_search_by(|operation| (*operation.name).cmp(name));
        found.ok().map(|index| &self.operations[index])
    }

    /// Finds an operation whatever the case of its letters: `startExecution`, `describeDbInstances`.
    #[must_use]
    pub fn operation_in_any_case(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name.eq_ignore_ascii_case(name))
    }

    /// The shape behind an id that this service's own model handed out.
    ///
    /// # Panics
    /// When the id belongs to another service: a fault in this room, never reachable from input.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// Finds a shape by its exact name (shapes are sorted by name).
    #[must_use]
    pub fn shape_named(&self, name: &str) -> Option<&Shape> {
        let found = self.shapes.binary_search_by(|shape| (*shape.name).cmp(name));
        found.ok().map(|index| &self.shapes[index])
    }

    /// Finds a modelled error by its shape name or by the code it has on the wire.
    #[must_use]
    pub fn error(&self, code: &str) -> Option<&Shape> {
        let named = self.shape_named(code).filter(|shape| shape.error_trait().is_some());
        named.or_else(|| {
            self.shapes.iter().find(|shape| {
                shape.error_trait().is_some_and(|error| error.code.as_deref() == Some(code))
            })
        })
    }

    /// The protocol that a client of this room uses: the most widely used one that it can speak.
    #[must_use]
    pub fn client_protocol(&self) -> Option<Protocol> {
        use Protocol::{AwsJson10, AwsJson11, Ec2Query, Query, RestJson1, RestXml, RpcV2Cbor};
        [AwsJson10, AwsJson11, RestJson1, RestXml, RpcV2Cbor, Query, Ec2Query]
            .into_iter()
            .find(|protocol| self.protocols.contains(protocol))
    }

    /// Whether a JSON body differs from the neutral form somewhere: another name on the wire, or a
    /// timestamp that is not epoch seconds.
    #[must_use]
    pub(crate) fn rewrites_json(&self) -> bool {
        *self.rewrites.get_or_init(|| self.shapes.iter().any(Shape::rewrites_json))
    }

    /// The JSON protocol of this service, for answers before the operation is known.
    #[must_use]
    pub fn json_protocol(&self) -> Option<Protocol> {
        self.protocols
            .iter()
            .copied()
            .find(|protocol| matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11))
    }
}
