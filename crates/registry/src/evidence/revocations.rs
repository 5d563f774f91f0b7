//! What is known of revocations at a scan: the lists that were fed, and those of files, which count
//! as they are at that moment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trackway_engine::{Catalog, Fault};

use super::authorities;
use super::crl::{self, Authority, LISTS, Revocations};
use crate::table;

/// Scopes whose revocations are kept in mind.
const SCOPES_MAX: usize = 8;
/// Rows that are read together.
const PAGE: usize = 64;

/// Where revocations are looked up.
#[derive(Default)]
pub(crate) struct Lists {
    files: Vec<PathBuf>,
    /// By scope, what was read last.
    read: Mutex<BTreeMap<String, Read>>,
}

/// The digest of what was read, and what it comes to.
type Read = ([u8; 32], Arc<Known>);

/// What is known.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) revocations: Revocations,
    pub(crate) authorities: Vec<Authority>,
}

impl Lists {
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        Self { files, read: Mutex::default() }
    }

    /// What is known in an account and region; or why a file is no evidence.
    pub(crate) async fn known(
        &self,
        catalog: &Catalog,
        scope: &str,
    ) -> Result<Result<Arc<Known>, String>, Fault> {
        let mut sources: Vec<(String, Bytes)> = Vec::new();
        for file in &self.files {
            let name = file.display();
            match tokio::fs::read(file).await {
                Ok(bytes) => sources.push((format!("the file {name}"), bytes.into())),
                Err(error) => return Ok(Err(format!("could not read the file {name}: {error}"))),
            }
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page =
                catalog.list(scope, table::REVOCATIONS, LISTS, after.as_deref(), PAGE).await?;
            after = page.rows.last().map(|(key, _)| key.to_vec());
            let fed = page.rows.into_iter().map(|(_, der)| ("a list that was fed".to_owned(), der));
            sources.extend(fed);
            if !page.more {
                break;
            }
        }
        let authorities = authorities::known(catalog, scope).await?;
        let digest = digest(&sources, &authorities);
        if let Some(known) = self.read_before(scope, &digest) {
            return Ok(Ok(known));
        }
        let known = match read(&sources, authorities) {
            Ok(known) => Arc::new(known),
            Err(why) => return Ok(Err(why)),
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= SCOPES_MAX {
            read.clear();
        }
        read.insert(scope.to_owned(), (digest, Arc::clone(&known)));
        Ok(Ok(known))
    }

    fn read_before(&self, scope: &str, digest: &[u8; 32]) -> Option<Arc<Known>> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, known) = read.get(scope)?;
        (of == digest).then(|| Arc::clone(known))
    }
}

fn digest(sources: &[(String, Bytes)], authorities: &[Authority]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (_, bytes) in sources {
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    authorities.iter().for_each(|one| hash.update(one.id.0));
    hash.finalize().into()
}

/// A list that its issuer didn't sign is an error, so that nobody takes its silence for innocence.
fn read(sources: &[(String, Bytes)], authorities: Vec<Authority>) -> Result<Known, String> {
    let mut revocations = Revocations::default();
    for (name, bytes) in sources {
        let lists = crl::lists(bytes).map_err(|why| format!("{name} is no evidence: {why}"))?;
        for list in lists {
            if list.is_believed(authorities.iter()) {
                revocations.add(&list);
            } else {
                return Err(format!(
                    "{name} is no evidence: the list is not signed by {}, which is known here",
                    list.issuer
                ));
            }
        }
    }
    Ok(Known { revocations, authorities })
}
