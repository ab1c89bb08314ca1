//! How a client gets to the server: the endpoint, the TLS settings, the HTTP client, the record.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::play::Endpoint;
use crate::transcript::Recorder;

/// What every connection of a client needs.
#[derive(Clone)]
pub struct Reach {
    /// The server.
    pub endpoint: Arc<Endpoint>,
    /// Where everything is recorded.
    pub recorder: Recorder,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) http: reqwest::Client,
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
    pub fn new(endpoint: Arc<Endpoint>, recorder: Recorder) -> Result<Self, ReachError> {
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
