//! What the engine signs: task tokens and page tokens.
//!
//! Both are stateless: nothing is stored to make or check one. The store's secret, 32 random bytes
//! made when it is first opened, authenticates them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use trackway_core::{EffectId, ExecutionId, Timestamp};

const MAC_BYTES: usize = 32;
const TASK_BYTES: usize = 16 + 4 + MAC_BYTES;

/// Makes and checks tokens with a store's secret.
#[derive(Clone)]
pub struct Tokens {
    secret: [u8; 32],
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(secret)")
    }
}

/// Why a page token isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// It isn't one, was changed, or belongs to another request or account.
    #[error("the page token is not valid for this request")]
    Invalid,
    /// It is older than allowed.
    #[error("the page token has expired")]
    Expired,
}

impl Tokens {
    /// Tokens of a store with this secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The token by which the world answers an effect: 256 bits that nobody else can make.
    #[must_use]
    pub fn task(&self, execution: ExecutionId, effect: EffectId) -> String {
        let mut bytes = [0; TASK_BYTES];
        bytes[..16].copy_from_slice(&execution.0);
        bytes[16..20].copy_from_slice(&effect.0.to_be_bytes());
        let mac = self.mac(b"task", &[&bytes[..20]]).finalize().into_bytes();
        bytes[20..].copy_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The effect that a task token speaks of; none if this store didn't make it.
    #[must_use]
    pub fn resolve(&self, token: &str) -> Option<(ExecutionId, EffectId)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let bytes: &[u8; TASK_BYTES] = bytes.as_slice().try_into().ok()?;
        self.mac(b"task", &[&bytes[..20]]).verify_slice(&bytes[20..]).ok()?;
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        Some((ExecutionId(*id), EffectId(u32::from_be_bytes(*rest.first_chunk()?))))
    }

    /// A page token that carries `content`, good for requests of the same `context` (a digest of
    /// the request and its account) only. Not secret: authenticated.
    #[must_use]
    pub fn seal(&self, content: &[u8], context: &[u8], now: Timestamp) -> String {
        let issued = now.0.to_be_bytes();
        let mac = self.page_mac(&issued, content, context).finalize().into_bytes();
        let mut bytes = Vec::with_capacity(8 + content.len() + MAC_BYTES);
        bytes.extend_from_slice(&issued);
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a page token.
    ///
    /// # Errors
    /// [`PageTokenError::Invalid`] for what [`Tokens::seal`] didn't make with this context;
    /// [`PageTokenError::Expired`] when more than `max_age_ms` have passed since.
    pub fn open(
        &self,
        token: &str,
        context: &[u8],
        now: Timestamp,
        max_age_ms: i64,
    ) -> Result<Vec<u8>, PageTokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenError::Invalid)?;
        let (issued, rest) = bytes.split_first_chunk::<8>().ok_or(PageTokenError::Invalid)?;
        let (content, mac) = rest.split_last_chunk::<MAC_BYTES>().ok_or(PageTokenError::Invalid)?;
        self.page_mac(issued, content, context)
            .verify_slice(mac)
            .map_err(|_| PageTokenError::Invalid)?;
        if now - Timestamp(i64::from_be_bytes(*issued)) > max_age_ms {
            return Err(PageTokenError::Expired);
        }
        Ok(content.to_vec())
    }

    fn page_mac(&self, issued: &[u8], content: &[u8], context: &[u8]) -> Hmac<Sha256> {
        self.mac(b"page", &[issued, &(content.len() as u64).to_be_bytes(), content, context])
    }

    fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)
            .expect("invariant: HMAC takes a key of any length");
        mac.update(purpose);
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_token_speaks_of_its_effect_and_no_other_store_s() {
        let (ours, theirs) = (Tokens::new([1; 32]), Tokens::new([2; 32]));
        let place = (ExecutionId::of("a"), EffectId(7));
        let token = ours.task(place.0, place.1);
        assert_eq!(ours.resolve(&token), Some(place));
        assert_eq!(theirs.resolve(&token), None);
        for index in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(ours.resolve(std::str::from_utf8(&other).unwrap()), None, "byte {index}");
        }
        assert_eq!(ours.resolve(""), None);
        assert_eq!(ours.resolve("not a token at all"), None);
    }

    #[test]
    fn a_page_token_is_bound_to_its_request_and_ages() {
        let tokens = Tokens::new([1; 32]);
        let token = tokens.seal(b"place", b"request", Timestamp(1000));
        let open =
            |token: &str, context: &[u8], now| tokens.open(token, context, Timestamp(now), 50);
        assert_eq!(open(&token, b"request", 1050).as_deref(), Ok(&b"place"[..]));
        assert_eq!(open(&token, b"request", 1051), Err(PageTokenError::Expired));
        assert_eq!(open(&token, b"other", 1000), Err(PageTokenError::Invalid));
        assert_eq!(open("x", b"request", 1000), Err(PageTokenError::Invalid));
        assert_eq!(open(&token[1..], b"request", 1000), Err(PageTokenError::Invalid));
    }
}
