//! HTTP requests through reqwest: each on a connection of its own, nothing followed, nothing
//! added that the scenario does not know of.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::dial::is_cut;
use super::reach::Reach;
use crate::judge::Answer;
use crate::transcript::{Direction, Lane, Layer};

/// A body of more bytes than this is taken for a flood.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// One request as a scenario means it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// `GET`, or whatever is written.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers beside those of the endpoint.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
}

impl Call {
    /// A GET of path and query.
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.into(),
            ..Self::default()
        }
    }
}

/// Why a request was neither answered nor cut.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no connection.
    #[error("no connection to the server: {0}")]
    Unreachable(String),
    /// The request as written cannot be sent through the library.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The body does not end.
    #[error("flood: a body of more than {BODY_LIMIT} bytes")]
    Flood,
    /// What came is no HTTP.
    #[error("the answer breaks HTTP: {0}")]
    Broken(String),
}

/// What became of a request, and when (the instant at which the whole answer was there).
pub type Outcome = (Instant, Result<Answer, NoAnswer>);

/// A request under way, on a task of its own. Dropping it closes its connection.
pub struct Exchange {
    outcome: watch::Receiver<Option<Outcome>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// `get 3`
    pub lane: Lane,
}

impl Exchange {
    /// Sends a request.
    pub fn start(reach: &Reach, lane: Lane, call: Call) -> Self {
        let (done, outcome) = watch::channel(None);
        let task = tokio::spawn({
            let reach = reach.clone();
            let lane = lane.clone();
            async move {
                let answer = perform(&reach, &lane, call).await;
                done.send_replace(Some((Instant::now(), answer)));
            }
        });
        Self {
            outcome,
            task: Mutex::new(Some(task)),
            lane,
        }
    }

    /// Its outcome, as soon as it is there.
    pub async fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let ended = match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        ended.unwrap_or_else(|| (Instant::now(), Ok(cut())))
    }

    /// What came of it, whenever that is; its connection is kept until then.
    pub async fn outcome_of(self) -> Result<Answer, NoAnswer> {
        self.outcome().await.1
    }

    /// Its outcome, if it is there.
    pub fn done(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Ends its connection, and waits until it has ended.
    pub async fn abandon(&self) {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// The end of a connection instead of an answer.
pub(super) fn cut() -> Answer {
    Answer {
        status: None,
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

async fn perform(reach: &Reach, lane: &Lane, call: Call) -> Result<Answer, NoAnswer> {
    let request = build(reach, &call)?;
    record_request(reach, lane, &request, call.body.as_deref());
    let mut response = match reach.http.execute(request).await {
        Ok(response) => response,
        Err(error) => return without_answer(reach, lane, &error),
    };
    let status = response.status();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut head = format!(
        "{:?} {} {}\r\n",
        response.version(),
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    for (name, value) in &headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut body = BytesMut::new();
    let mut whole = true;
    let record = |body: &[u8], words: Vec<String>| {
        let bytes = [head.as_bytes(), body].concat();
        reach
            .recorder
            .wire(lane, Layer::Http, Direction::Received, &bytes, words);
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                record(&body, vec!["flood: the body does not end".to_owned()]);
                return Err(NoAnswer::Flood);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                record(
                    &body,
                    vec![format!("cut inside the body: {}", words(&error))],
                );
                whole = false;
                break;
            }
        }
    }
    if whole {
        record(&body, Vec::new());
    }
    Ok(Answer {
        status: whole.then_some(status.as_u16()),
        body: plain(&headers, body.freeze())?,
        headers,
    })
}

fn build(reach: &Reach, call: &Call) -> Result<reqwest::Request, NoAnswer> {
    let unsendable = |error: String| NoAnswer::Request(error);
    let endpoint = &reach.endpoint;
    let method = reqwest::Method::from_bytes(call.method.as_bytes())
        .map_err(|error| unsendable(error.to_string()))?;
    // In a certificate the name counts, so it is kept there and only its port is the detour's; a client that was
    // given a name asks for the address of that name where it was told to (`Reach::new`).
    let detour = endpoint.connect;
    let authority = match (detour, endpoint.base.domain()) {
        (Some(address), Some(name)) if endpoint.encrypted() => {
            format!("{name}:{}", address.port())
        }
        (Some(address), _) => address.to_string(),
        (None, _) => endpoint.authority(),
    };
    let url = format!("{}://{authority}{}", endpoint.base.scheme(), call.target);
    let mut request = reach.http.request(method, url);
    if detour.is_some() {
        request = request.header("host", endpoint.authority());
    }
    let own = |name: &str| {
        call.headers
            .iter()
            .any(|(written, _)| written.eq_ignore_ascii_case(name))
    };
    for (name, value) in &endpoint.headers {
        if !own(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &call.body {
        request = request.body(body.clone());
    }
    request
        .build()
        .map_err(|error| unsendable(error.to_string()))
}

fn record_request(reach: &Reach, lane: &Lane, request: &reqwest::Request, body: Option<&[u8]>) {
    let url = request.url();
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let mut text = format!("{} {}{query} HTTP/1.1\r\n", request.method(), url.path()).into_bytes();
    if !request.headers().contains_key("host") {
        text.extend_from_slice(format!("host: {}\r\n", reach.endpoint.authority()).as_bytes());
    }
    for (name, value) in request.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body.unwrap_or_default());
    reach
        .recorder
        .wire(lane, Layer::Http, Direction::Sent, &text, Vec::new());
}

/// A connection that ended without an answer is an answer of its own kind.
fn without_answer(reach: &Reach, lane: &Lane, error: &reqwest::Error) -> Result<Answer, NoAnswer> {
    let words = words(error);
    reach.recorder.wire(
        lane,
        Layer::Http,
        Direction::Received,
        b"",
        vec![format!("no answer: {words}")],
    );
    if error.is_builder() {
        return Err(NoAnswer::Request(words));
    }
    // The fault proxy always listens: who is reset while connecting to it was cut.
    let detour = reach.endpoint.connect.is_some();
    if error.is_connect() && !(detour && source(error).is_some_and(is_cut)) {
        return Err(NoAnswer::Unreachable(words));
    }
    if words.contains("invalid HTTP") {
        return Err(NoAnswer::Broken(words));
    }
    Ok(cut())
}

/// What the system said.
fn source<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

/// The innermost cause, which is the one that says what happened.
fn words(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The body without its content coding.
fn plain(headers: &[(String, String)], body: Bytes) -> Result<Bytes, NoAnswer> {
    use std::io::Read;
    let coding = headers
        .iter()
        .find(|(name, _)| name == "content-encoding")
        .map(|(_, value)| value.to_ascii_lowercase());
    let mut plain = Vec::new();
    let limit = BODY_LIMIT as u64 + 1;
    let read = match coding.as_deref() {
        Some("gzip" | "x-gzip") => flate2::read::GzDecoder::new(&body[..])
            .take(limit)
            .read_to_end(&mut plain),
        Some("deflate") => flate2::read::ZlibDecoder::new(&body[..])
            .take(limit)
            .read_to_end(&mut plain),
        _ => return Ok(body),
    };
    match read {
        Ok(length) if length > BODY_LIMIT => Err(NoAnswer::Flood),
        Ok(_) => Ok(plain.into()),
        Err(error) => Err(NoAnswer::Broken(format!(
            "the body is not what its content-encoding says: {error}"
        ))),
    }
}
