//! How a client gets to the server: the endpoint, the TLS settings, the HTTP client, the record.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ClientConfig, RootCertStore};

use super::packet::given_id;
use crate::judge::Received;
use crate::play::Endpoint;
use crate::transcript::Recorder;

/// What every connection of a client needs.
#[derive(Clone)]
pub struct Reach {
    /// The server.
    pub endpoint: Arc<Endpoint>,
    /// Where everything is recorded.
    pub recorder: Recorder,
    /// The Socket.IO ids that the server gave to any client of the trial.
    pub ids: Ids,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) http: reqwest::Client,
}

/// The Socket.IO ids of a trial's own sockets. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    all: Arc<Mutex<HashSet<String>>>,
}

impl Ids {
    /// Takes the id out of an answer to CONNECT; other packets have none.
    pub fn learn(&self, packet: &Received) {
        if let Some(id) = given_id(packet) {
            self.lock().insert(id);
        }
    }

    /// Whether it is one of the trial's own.
    pub fn contains(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The harness cannot even begin to talk.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl Reach {
    /// Prepares to talk to an endpoint; nothing is sent yet.
    pub fn new(endpoint: Arc<Endpoint>, recorder: Recorder, ids: Ids) -> Result<Self, ReachError> {
        let tls = match &endpoint.tls {
            Some(tls) => tls.clone(),
            None => Arc::new(trusting_nobody()?),
        };
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            // A connection that is reused may be one that the server is about to close.
            .pool_max_idle_per_host(0);
        if let (Some(address), Some(host)) = (endpoint.connect, endpoint.base.domain()) {
            http = http.resolve(host, address);
        }
        Ok(Self {
            http: http.build()?,
            tls,
            endpoint,
            recorder,
            ids,
        })
    }
}

/// What `http://` endpoints get, which never ask.
fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
