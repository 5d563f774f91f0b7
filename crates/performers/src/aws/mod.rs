//! The AWS caller: any operation of any service in the models, wherever that service is.
//!
//! ```text
//!             ┌─ a service that Trackway serves itself ──▶ LocalServices (no HTTP)
//!   AwsCall ──┼─ lambda:Invoke of a declared function ───▶ the function host
//!             └─ anything else ─▶ endpoint, credentials ─▶ build, sign, send, retry, parse
//!                                 (environment, profile,    (crate::transport and wire::client)
//!                                  AssumeRole)
//! ```
//!
//! Inputs and outputs are those of boto3 ([`trackway_wire::client::boto`]): its names, its checks
//! before anything is sent, its errors. Endpoints and credentials are found as every AWS client
//! finds them ([`AwsEnvironment`]). Only transport errors and throttling are tried again.
//!
//! **Credentials.** Where none are configured the keys `test` sign, which every emulator takes; they
//! go to configured endpoints only, never to AWS. A role is assumed where the credentials are real;
//! with the keys `test` it is passed over, since an emulator gives such keys everything anyway.
//!
//! It must not know what kind of execution asks, nor the store.

mod call;
mod caller;
mod environment;
mod local;
mod performer;
mod profile;
mod role;
mod send;

pub use call::{AwsCall, AwsError, Origin, Scope};
pub use caller::{AwsCaller, Limits};
pub use environment::{AwsEnvironment, Chain, Role};
pub use local::LocalServices;
pub use performer::AwsPerformer;
pub use trackway_wire::client::boto::Blobs;
