//! A server that somebody else runs: is it there, does it speak Socket.IO, what can it do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::Deserialize;
use thiserror::Error;
use tokio::io::AsyncReadExt;

use super::knobs::{Bounds, Honoured, Setting};
use super::trust::trust;
use crate::play::{Endpoint, EndpointError};

/// What `--url` and its companions say.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `--url`.
    pub url: String,
    /// `--path`: the server's path for `/socket.io/`.
    pub path: Option<String>,
    /// `--cap`: capabilities of the fixture contract that the server's app has.
    pub capabilities: Vec<String>,
    /// `--header`.
    pub headers: Vec<(String, String)>,
    /// `--ca`: a PEM file of certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// How long each question may take.
    pub patience: Duration,
}

/// A server that was asked and can be judged.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it is and what it declares.
    pub endpoint: Endpoint,
    /// The version that its app says.
    pub version: Option<String>,
    /// The transports that it offers.
    pub transports: Vec<String>,
    /// These, and what its open packet says that a session may move to.
    pub announced: Vec<String>,
    /// The values of knobs that its handshake tells.
    pub knobs: Honoured,
}

/// `GET /fixture`.
#[derive(Debug, Default, Deserialize)]
struct Fixture {
    version: Option<String>,
    caps: Vec<String>,
}

/// The JSON of an open packet, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    #[serde(default)]
    upgrades: Vec<String>,
    ping_interval: Option<u64>,
    ping_timeout: Option<u64>,
    max_payload: Option<u64>,
}

impl Asked {
    /// The server, as far as the flags say; nothing is asked yet.
    ///
    /// # Errors
    /// The URL or the file of `--ca` cannot be used.
    pub fn endpoint(&self) -> Result<Endpoint, UrlError> {
        let mut endpoint = Endpoint::url(&self.url)?;
        if let Some(path) = &self.path {
            endpoint.socket_path = format!("/{}/", path.trim_matches('/'));
        }
        endpoint.headers.clone_from(&self.headers);
        endpoint.shared = true;
        if endpoint.encrypted() {
            endpoint.tls = Some(Arc::new(trust(self.ca.as_deref())?));
        }
        Ok(endpoint)
    }
}

impl Remote {
    /// Asks the server who it is.
    pub async fn reach(asked: &Asked) -> Result<Self, UrlError> {
        let mut endpoint = asked.endpoint()?;
        let question = Question {
            client: client(&endpoint, asked.patience)?,
            url: &asked.url,
            endpoint: &endpoint,
        };
        let polling = question.polling().await?;
        let websocket = question.websocket().await;
        let mut transports = Vec::new();
        transports.extend(polling.is_ok().then(|| "polling".to_owned()));
        let works = matches!(websocket, Some(Spoken::Open(_)));
        transports.extend(works.then(|| "websocket".to_owned()));
        let open = match (polling, websocket) {
            (Ok(open), _) | (Err(_), Some(Spoken::Open(open))) => open,
            (Err(_), Some(Spoken::Other)) => {
                return Err(UrlError::PlainWebSocket {
                    url: asked.url.clone(),
                    path: endpoint.socket_path.clone(),
                });
            }
            (Err(error), None) => return Err(error),
        };
        let mut announced = transports.clone();
        announced.extend(open.upgrades.iter().cloned());
        let fixture = question.fixture().await;
        endpoint.fixture = fixture.is_some() || !asked.capabilities.is_empty();
        let version = fixture.as_ref().and_then(|fixture| fixture.version.clone());
        let declared = fixture.unwrap_or_default().caps;
        endpoint.capabilities = declared
            .into_iter()
            .chain(asked.capabilities.iter().cloned())
            .collect();
        Ok(Self {
            endpoint,
            version,
            transports,
            announced,
            knobs: open.knobs(),
        })
    }
}

impl Open {
    fn knobs(&self) -> Honoured {
        let said = [
            ("pingInterval", self.ping_interval),
            ("pingTimeout", self.ping_timeout),
            ("maxPayload", self.max_payload),
        ];
        let fixed = |value| Bounds {
            fixed: Some(Setting::Number(value)),
            ..Bounds::default()
        };
        Honoured(
            said.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), fixed(value?))))
                .collect(),
        )
    }
}

/// What came over a WebSocket first.
#[derive(Debug)]
enum Spoken {
    /// An Engine.IO open packet.
    Open(Open),
    /// Something else, or nothing.
    Other,
}

struct Question<'a> {
    client: reqwest::Client,
    url: &'a str,
    endpoint: &'a Endpoint,
}

impl Question<'_> {
    fn get(&self, target: &str) -> reqwest::RequestBuilder {
        let base = self.endpoint.base.as_str().trim_end_matches('/');
        let mut request = self.client.get(format!("{base}{target}"));
        for (name, value) in &self.endpoint.headers {
            request = request.header(name, value);
        }
        request
    }

    /// A polling handshake. The outer error ends the inquiry; the inner one may still be a server without polling.
    async fn polling(&self) -> Result<Result<Open, UrlError>, UrlError> {
        let target = format!("{}?EIO=4&transport=polling", self.endpoint.socket_path);
        let answer = match self.get(&target).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Err(self.unreachable(&error)),
            Err(error) => return Ok(Err(self.broken(&error))),
        };
        let status = answer.status();
        if status.is_redirection() {
            let to = answer
                .headers()
                .get("location")
                .map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
            return Err(UrlError::Redirects {
                url: self.url.to_owned(),
                status: status.as_u16(),
                to: to.unwrap_or_default(),
            });
        }
        let body = match head(answer).await {
            Ok(body) => body,
            Err(error) => return Ok(Err(self.broken(&error))),
        };
        if let Some(json) = body
            .strip_prefix('0')
            .filter(|json| json.starts_with('{') && status.is_success())
        {
            let json = json.split('\u{1e}').next().unwrap_or(json);
            let unreadable = |error| UrlError::Handshake {
                url: self.url.to_owned(),
                error,
                body: shown(&body),
            };
            return Ok(serde_json::from_str(json).map_err(unreadable));
        }
        let counted = body
            .split_once(":0{")
            .is_some_and(|(count, _)| count.parse::<u32>().is_ok());
        if counted || body.contains("Unsupported protocol version") {
            return Err(UrlError::OldProtocol {
                url: self.url.to_owned(),
            });
        }
        let path = self.endpoint.socket_path.clone();
        Ok(Err(UrlError::PlainHttp {
            url: self.url.to_owned(),
            path,
            status: status.as_u16(),
            body: shown(&body),
        }))
    }

    /// A WebSocket handshake: refused (`None`), or what is said first.
    async fn websocket(&self) -> Option<Spoken> {
        let target = format!("{}?EIO=4&transport=websocket", self.endpoint.socket_path);
        let request = self
            .get(&target)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "c2lvc3BlYyBhc2tzIG9uYw==");
        let answer = request.send().await.ok()?;
        if answer.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let mut stream = answer.upgrade().await.ok()?;
        let first = async {
            // A whole text frame of the server, which is not masked; one of more than 64 KiB is no open packet.
            let (kind, length) = (stream.read_u8().await.ok()?, stream.read_u8().await.ok()?);
            let length = match length {
                126 => stream.read_u16().await.ok()?,
                short @ ..126 => u16::from(short),
                127.. => return None,
            };
            let mut payload = vec![0; usize::from(length)];
            stream.read_exact(&mut payload).await.ok()?;
            let json = payload.strip_prefix(b"0").filter(|_| kind == 0x81)?;
            serde_json::from_slice(json).ok().map(Spoken::Open)
        };
        Some(
            tokio::time::timeout(Duration::from_secs(2), first)
                .await
                .ok()
                .flatten()
                .unwrap_or(Spoken::Other),
        )
    }

    async fn fixture(&self) -> Option<Fixture> {
        let target = self.endpoint.target("/fixture");
        let answer = self.get(&target).send().await.ok()?;
        let body = if answer.status().is_success() {
            head(answer).await.ok()?
        } else {
            return None;
        };
        serde_json::from_str(&body).ok()
    }

    fn unreachable(&self, error: &reqwest::Error) -> UrlError {
        let url = self.url.to_owned();
        let reason = innermost(error);
        let tls = chain(error)
            .any(|cause| cause.contains("certificate") || cause.contains("UnknownIssuer"));
        match (tls, error.is_timeout()) {
            (true, _) => UrlError::Untrusted { url, reason },
            (_, true) => UrlError::Silent { url },
            _ => UrlError::Unreachable { url, reason },
        }
    }

    fn broken(&self, error: &reqwest::Error) -> UrlError {
        let url = self.url.to_owned();
        match error.is_timeout() {
            true => UrlError::Silent { url },
            false => UrlError::Broken {
                url,
                reason: innermost(error),
            },
        }
    }
}

fn client(endpoint: &Endpoint, patience: Duration) -> Result<reqwest::Client, UrlError> {
    let tls = match &endpoint.tls {
        Some(tls) => ClientConfig::clone(tls),
        None => trust(None)?,
    };
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .pool_max_idle_per_host(0)
        .timeout(patience);
    builder.build().map_err(|error| UrlError::Setup {
        reason: innermost(&error),
    })
}

/// The beginning of an answer's body; more than this no handshake has.
async fn head(mut answer: reqwest::Response) -> Result<String, reqwest::Error> {
    const ENOUGH: usize = 64 * 1024;
    let mut body = Vec::new();
    while body.len() < ENOUGH {
        match answer.chunk().await? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn shown(body: &str) -> String {
    let line = body.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(80).collect();
    if short.len() < body.trim_end().len() {
        short.push('…');
    }
    short
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = String> {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this.to_string())
    })
}

fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().unwrap_or_default()
}

/// Why a URL cannot be judged.
#[derive(Debug, Error)]
pub enum UrlError {
    /// It is not a URL.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nobody answers there.
    #[error("cannot connect to {url}: {reason}; is the server running, and is the port right?")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// It accepts and says nothing.
    #[error("{url} accepts connections and does not answer; is it an HTTP server?")]
    Silent {
        /// What was asked.
        url: String,
    },
    /// The certificate does not lead to a trusted one.
    #[error(
        "{url} shows a certificate that is not trusted ({reason}); give its authority with --ca FILE"
    )]
    Untrusted {
        /// What was asked.
        url: String,
        /// What TLS says.
        reason: String,
    },
    /// The connection ends without an answer, or with something that is not HTTP.
    #[error(
        "{url} ends the connection without an HTTP answer ({reason}); is it an HTTP server, and http or https?"
    )]
    Broken {
        /// What was asked.
        url: String,
        /// What came.
        reason: String,
    },
    /// It sends elsewhere.
    #[error(
        "{url} answers the handshake with {status} and sends elsewhere: give the URL that it leads to ({to})"
    )]
    Redirects {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// `Location`.
        to: String,
    },
    /// An HTTP server without Socket.IO at that path.
    #[error(
        "{url} is an HTTP server, but nothing speaks Engine.IO at {path}: it answers the handshake with {status} and \
         `{body}`; another path is given with --path"
    )]
    PlainHttp {
        /// What was asked.
        url: String,
        /// Where Socket.IO was looked for.
        path: String,
        /// The status.
        status: u16,
        /// The first line of the body.
        body: String,
    },
    /// A WebSocket server without Socket.IO.
    #[error(
        "{url} is a plain WebSocket server: it accepts a WebSocket at {path}, but sends no Engine.IO open packet; \
         siospec judges Socket.IO servers, which speak a protocol on top of WebSocket"
    )]
    PlainWebSocket {
        /// What was asked.
        url: String,
        /// Where.
        path: String,
    },
    /// Engine.IO 3, of Socket.IO 2 and older.
    #[error(
        "{url} speaks Engine.IO protocol 3 (Socket.IO 2 and older); siospec judges Engine.IO 4 and Socket.IO 5"
    )]
    OldProtocol {
        /// What was asked.
        url: String,
    },
    /// Something like an open packet.
    #[error(
        "{url} answers the handshake with an open packet that cannot be read ({error}): `{body}`"
    )]
    Handshake {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        error: serde_json::Error,
        /// Its beginning.
        body: String,
    },
    /// The file of `--ca`.
    #[error("--ca {}: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine cannot ask.
    #[error("the HTTP client cannot be set up: {reason}")]
    Setup {
        /// Why not.
        reason: String,
    },
}
