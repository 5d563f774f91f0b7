//! Who calls: an account in a region.

use std::sync::Arc;

/// The account and region that a request acts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// 12 digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Both, as the engine groups what it keeps: `ACCOUNT/REGION`.
    pub scope: Arc<str>,
    /// The server as the caller addressed it, `HOST[:PORT]`; none for calls within the process.
    pub host: Option<Arc<str>>,
}

impl Caller {
    /// A caller in this account and region.
    #[must_use]
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            scope: Arc::from(format!("{account}/{region}")),
            host: None,
        }
    }

    /// The same, who addressed the server by this name.
    #[must_use]
    pub fn at(mut self, host: Option<&str>) -> Self {
        self.host = host.map(Arc::from);
        self
    }

    /// The ARN of whoever calls: the account's root, since there are no users here.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:root", self.account)
    }
}
