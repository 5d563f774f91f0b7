//! RSA keys, as `CreateKeysAndCertificate` gives them out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::{RsaPrivateKey, RsaPublicKey};
use trackway_engine::Fault;

/// The length of a key, in bits. Source: `CreateKeysAndCertificate`.
const BITS: usize = 2048;
/// Keys that are made ahead.
const READY_MAX: usize = 4;

/// A pair of keys.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaKeys {
    /// The private key: PEM of PKCS #1.
    pub private_pem: String,
    /// The public key: PEM of `SubjectPublicKeyInfo`.
    pub public_pem: String,
    /// The public key as DER.
    pub(crate) public_key: Vec<u8>,
}

impl RsaKeys {
    /// Makes a pair. It takes a core for a tenth of a second or several.
    fn generate() -> Result<Self, Fault> {
        let wrong = |error: &dyn std::fmt::Display| {
            Fault::new(format!("could not make an RSA key: {error}"))
        };
        let private = RsaPrivateKey::new(&mut OsRng, BITS).map_err(|error| wrong(&error))?;
        let public = RsaPublicKey::from(&private);
        let private_pem = private.to_pkcs1_pem(LineEnding::LF).map_err(|error| wrong(&error))?;
        Ok(Self {
            private_pem: private_pem.to_string(),
            public_pem: public.to_public_key_pem(LineEnding::LF).map_err(|error| wrong(&error))?,
            public_key: public.to_public_key_der().map_err(|error| wrong(&error))?.into_vec(),
        })
    }
}

/// Makes pairs of keys, off the threads that answer requests; and, once somebody wanted one, a few
/// ahead while nobody waits.
#[derive(Clone, Default)]
pub struct KeyPool(Arc<Pool>);

#[derive(Default)]
struct Pool {
    ready: Mutex<Vec<RsaKeys>>,
    /// How many wait for a pair that is being made.
    waiting: AtomicUsize,
    is_filling: AtomicBool,
}

impl KeyPool {
    /// Gives out a pair that nobody else has.
    ///
    /// # Errors
    /// The system has no randomness.
    pub async fn take(&self) -> Result<RsaKeys, Fault> {
        let ready = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let keys = match ready {
            Some(keys) => Ok(keys),
            None => self.make().await,
        };
        self.fill();
        keys
    }

    async fn make(&self) -> Result<RsaKeys, Fault> {
        let pool = Arc::clone(&self.0);
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        let making = tokio::task::spawn_blocking(move || {
            let keys = RsaKeys::generate();
            pool.waiting.fetch_sub(1, Ordering::Relaxed);
            keys
        });
        making.await.map_err(|error| Fault::new(format!("could not make an RSA key: {error}")))?
    }

    /// Fills the pool on a thread of its own, so that a server that stops doesn't wait for it.
    fn fill(&self) {
        if self.0.is_filling.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = Arc::clone(&self.0);
        let filling = std::thread::Builder::new().spawn(move || {
            while pool.waiting.load(Ordering::Relaxed) == 0 && pool.room() {
                let Ok(keys) = RsaKeys::generate() else { break };
                pool.ready.lock().unwrap_or_else(PoisonError::into_inner).push(keys);
            }
            pool.is_filling.store(false, Ordering::Release);
        });
        if filling.is_err() {
            self.0.is_filling.store(false, Ordering::Release);
        }
    }
}

impl Pool {
    fn room(&self) -> bool {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).len() < READY_MAX
    }
}
