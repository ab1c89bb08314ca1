//! What was seen, and what is wrong with it: pure.

use serde::Serialize;

use super::seen::{Came, Evidence, Seen, Session, Spoke, short, shown};

/// What can be wrong between a client and its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// No such name, nobody at that port, or nobody who answers.
    Unreachable,
    /// The certificate is not trusted.
    Certificate,
    /// HTTP is spoken where TLS is, or the other way round.
    Scheme,
    /// It is not HTTP.
    NotHttp,
    /// It sends elsewhere.
    Redirect,
    /// Credentials are asked for.
    Credentials,
    /// The origin is refused.
    Origin,
    /// A browser may not read the answers.
    Cors,
    /// The server is of Socket.IO 2 or older.
    OldProtocol,
    /// Socket.IO is at another path.
    Path,
    /// Polling is off, and clients begin with it.
    NoPolling,
    /// A WebSocket server without Socket.IO.
    PlainWebSocket,
    /// The proxy in front does not reach the server.
    Gateway,
    /// An HTTP server without Socket.IO.
    PlainHttp,
    /// Requests of one session reach different servers.
    StickySessions,
    /// What asks for a WebSocket is lost on the way.
    Upgrade,
    /// A WebSocket comes about, and nothing on it.
    SilentWebSocket,
    /// The namespace `/` refuses, or does not answer.
    Namespace,
    /// No ping comes.
    Heartbeat,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub problem: Problem,
    /// What it is, one or two sentences.
    pub said: String,
    /// What was sent, and what came.
    pub evidence: Vec<Evidence>,
    /// What to do, one or two sentences.
    pub advice: String,
}

/// Everything that is wrong, the gravest first; nothing for a server that a client can use.
#[must_use]
pub fn diagnose(seen: &Seen) -> Vec<Finding> {
    if let Some(finding) = no_answer(seen).or_else(|| refused(seen)) {
        return vec![finding];
    }
    if !seen.polling.opens() {
        return vec![not_there(seen)];
    }
    [cors, sticky, upgrade, namespace, heartbeat]
        .iter()
        .filter_map(|judge| judge(seen))
        .collect()
}

/// The handshake found no HTTP server.
fn no_answer(seen: &Seen) -> Option<Finding> {
    let (problem, said, advice) = match &seen.polling {
        Came::Answer { .. } => return None,
        // A WebSocket server need not answer anything else.
        Came::Broken(_)
            if matches!(seen.websocket, Some(Spoke::Open(_) | Spoke::Other(_)))
                || seen.plain_websocket.is_some() =>
        {
            return None;
        }
        Came::Unreachable(reason) | Came::Broken(reason) if speaks_plain(reason) => (
            Problem::Scheme,
            "The server does not speak TLS on this port.",
            "Write http:// (or ws://), or give the port on which it has TLS.",
        ),
        Came::Unreachable(reason)
            if reason.to_lowercase().contains("certificate")
                || reason.contains("UnknownIssuer") =>
        {
            (
                Problem::Certificate,
                "The server's certificate is not trusted, so that no client goes on.",
                "If it is your own authority's, give siospec --ca FILE, and the client the same (Node: NODE_EXTRA_CA_CERTS; Python: SSL_CERT_FILE). Else the chain that the server sends lacks its intermediate certificates, or the name is not in it.",
            )
        }
        Came::Unreachable(reason)
            if reason.contains("lookup")
                || reason.contains("resolve")
                || reason.contains("not known") =>
        {
            (
                Problem::Unreachable,
                "The name leads to no address.",
                "Look for a typing error; inside containers use the service's name, not localhost.",
            )
        }
        Came::Unreachable(reason) if reason.to_lowercase().contains("refused") => (
            Problem::Unreachable,
            "Nobody listens on this port.",
            "Start the server, look at its port, and whether it listens on this address or on 127.0.0.1 only.",
        ),
        Came::Unreachable(_) => (
            Problem::Unreachable,
            "No connection came about.",
            "Look at the address, at firewalls and at the routes on the way.",
        ),
        Came::Silent => (
            Problem::Unreachable,
            "Connections are accepted, and nothing is ever answered.",
            "The server hangs, or it is no HTTP server; if it speaks TLS, write https://.",
        ),
        Came::Broken(_) => (
            Problem::NotHttp,
            "Somebody is there, but does not answer in HTTP.",
            "Look whether it is the right port; if the server speaks TLS, write https://.",
        ),
    };
    Some(found(problem, said, vec![handshake(seen)], advice))
}

/// Whether TLS complained of what is no TLS.
fn speaks_plain(reason: &str) -> bool {
    reason.contains("InvalidContentType") || reason.contains("corrupt message")
}

/// The handshake is answered by somebody who does not let it through.
fn refused(seen: &Seen) -> Option<Finding> {
    let origin = seen.origin.as_deref().unwrap_or_default();
    if seen.without_origin.as_ref().is_some_and(Came::opens) {
        return Some(found(
            Problem::Origin,
            format!(
                "The server refuses pages of {origin}: without that origin the same handshake succeeds."
            ),
            vec![
                handshake(seen),
                evidence(
                    format!("{} without Origin", request(seen, 4)),
                    seen.without_origin.as_ref(),
                ),
            ],
            format!(
                "Add {origin} to the origins that the server allows (cors_allowed_origins, or cors.origin)."
            ),
        ));
    }
    match seen.polling.status()? {
        300..=399 => {
            let to = seen.polling.header("location").unwrap_or("nowhere");
            Some(found(
                Problem::Redirect,
                format!("The server sends elsewhere: to {to}."),
                vec![handshake(seen)],
                "Give the client the address that it leads to: a WebSocket follows no redirect, and a POST that is redirected loses its body.",
            ))
        }
        status @ (401 | 403 | 407) => {
            let wants = seen.polling.header("www-authenticate");
            let wants = wants
                .map(|wants| format!(" It asks for: {wants}."))
                .unwrap_or_default();
            Some(found(
                Problem::Credentials,
                format!(
                    "The handshake is refused with {status}, before Socket.IO is reached.{wants}"
                ),
                vec![handshake(seen)],
                "Send what it wants, here with --header 'Authorization: …' or --header 'Cookie: …', in a client with extraHeaders. A browser cannot set headers on a WebSocket: there use a cookie, or let the handshake pass and check `auth` in the connect handler.",
            ))
        }
        _ => None,
    }
}

/// An HTTP server answers, and not with an open packet.
fn not_there(seen: &Seen) -> Finding {
    let path = &seen.path;
    let mut evidence_of = vec![handshake(seen)];
    let unsupported = seen.polling.body().contains("Unsupported protocol version");
    if seen.polling.opens_in_old()
        || seen.old.as_ref().is_some_and(Came::opens_in_old)
        || unsupported
    {
        if let Some(old) = seen.old.as_ref().filter(|_| !seen.polling.opens_in_old()) {
            evidence_of.push(evidence(request(seen, 3), Some(old)));
        }
        return found(
            Problem::OldProtocol,
            "The server speaks Engine.IO 3, that is Socket.IO 2 or older, and clients of Socket.IO 3 and 4 speak Engine.IO 4.",
            evidence_of,
            "Upgrade the server, or use a client of its age: socket.io-client 2, python-socketio 4.",
        );
    }
    if let [first, ..] = seen.elsewhere.as_slice() {
        evidence_of.push(Evidence {
            sent: format!("GET {first}?EIO=4&transport=polling"),
            came: "200 and an open packet".to_owned(),
        });
        return found(
            Problem::Path,
            format!("Socket.IO is not at {path} but at {first}."),
            evidence_of,
            format!(
                "Give the client the option path: \"{first}\", siospec --path {first}; what stands behind the host in a client's URL is a namespace, not a path."
            ),
        );
    }
    match &seen.websocket {
        Some(Spoke::Open(packet)) => {
            evidence_of.push(Evidence {
                sent: websocket_request(seen),
                came: format!("101, then `{}`", short(packet)),
            });
            return found(
                Problem::NoPolling,
                "Socket.IO is here on WebSocket only, and clients begin with polling unless they are told otherwise.",
                evidence_of,
                "Give the client transports: [\"websocket\"], or let the server offer polling as well.",
            );
        }
        Some(Spoke::Other(said)) => {
            return plain_websocket(seen, path, said.as_deref(), evidence_of);
        }
        Some(Spoke::Refused(_)) | None => {}
    }
    if let Some((at, said)) = &seen.plain_websocket {
        return plain_websocket(seen, at, said.as_deref(), evidence_of);
    }
    match seen.polling.status() {
        Some(status @ 502..=504) => found(
            Problem::Gateway,
            format!("A proxy answers with {status}: it does not reach the server behind it."),
            evidence_of,
            "Start the server behind the proxy, and look at the address that the proxy has for it.",
        ),
        status => found(
            Problem::PlainHttp,
            format!(
                "This is an HTTP server, but nothing speaks Socket.IO at {path}: {}.",
                match status {
                    Some(404) => "it does not know the path".to_owned(),
                    Some(200) =>
                        "it answers with something else, such as the page of an application"
                            .to_owned(),
                    _ => format!("the handshake is answered {}", status.unwrap_or_default()),
                }
            ),
            evidence_of,
            "Mount Socket.IO on this server, or forward the path to the one that has it, WebSocket included; another path is given with --path, and as the option path of the client.",
        ),
    }
}

fn plain_websocket(
    seen: &Seen,
    at: &str,
    said: Option<&str>,
    mut evidence_of: Vec<Evidence>,
) -> Finding {
    evidence_of.push(Evidence {
        sent: format!("GET {at} with Upgrade: websocket"),
        came: format!(
            "101, then {}",
            said.map_or("nothing".to_owned(), |said| format!("`{}`", short(said)))
        ),
    });
    found(
        Problem::PlainWebSocket,
        format!(
            "This is a plain WebSocket server: it accepts a WebSocket at {at}, and says no Engine.IO on it."
        ),
        evidence_of,
        format!(
            "Use a plain WebSocket client (new WebSocket(\"{}{at}\")), or put a Socket.IO server there: Socket.IO is a protocol of its own on top of WebSocket.",
            seen.base.replacen("http", "ws", 1)
        ),
    )
}

fn cors(seen: &Seen) -> Option<Finding> {
    let origin = seen.origin.as_deref()?;
    let allowed = seen.polling.header("access-control-allow-origin");
    if allowed.is_some_and(|allowed| allowed == "*" || allowed == origin) {
        return None;
    }
    let said = match allowed {
        None => "says nothing of who may read its answers".to_owned(),
        Some(other) => format!("allows {other} only"),
    };
    Some(found(
        Problem::Cors,
        format!(
            "The server answers, and a browser keeps the answer from the page: it {said}. Other clients, and WebSocket, do not ask for that."
        ),
        vec![Evidence {
            sent: format!("{} with Origin: {origin}", request(seen, 4)),
            came: format!(
                "{}, Access-Control-Allow-Origin {}",
                seen.polling.status().unwrap_or_default(),
                allowed.unwrap_or("absent")
            ),
        }],
        format!(
            "Allow the origin on the server: cors: {{origin: \"{origin}\"}} in Node, cors_allowed_origins=\"{origin}\" in Python; a proxy must let the header pass, and set none of its own beside it."
        ),
    ))
}

fn sticky(seen: &Seen) -> Option<Finding> {
    let session = seen.session.as_ref()?;
    let lost = Session::lost(&session.posts);
    let probed = match &session.probe {
        Some(Spoke::Refused(came)) if matches!(came.status(), Some(400 | 404)) => {
            matches!(seen.websocket, Some(Spoke::Open(_))).then_some(came)
        }
        _ => None,
    };
    let came = lost.first().copied().or(probed)?;
    let mut evidence_of = vec![handshake(seen)];
    let all = session.posts.len();
    evidence_of.push(Evidence {
        sent: format!("{all} POSTs of that session, each on a connection of its own"),
        came: format!(
            "{} were taken, {} refused: {}",
            all - lost.len(),
            lost.len(),
            shown(came)
        ),
    });
    let kept = session
        .with_cookie
        .as_ref()
        .is_some_and(|posts| Session::lost(posts).is_empty());
    let advice = if kept {
        evidence_of.push(Evidence {
            sent: "the same with the cookie of the handshake".to_owned(),
            came: "all were taken".to_owned(),
        });
        "The balancer knows a session by its cookie, so the client must return it: withCredentials: true in browsers (with an origin that is named, not *), a cookie jar elsewhere. Or use transports: [\"websocket\"], which makes one request only."
    } else {
        "Let the balancer send all requests of a session to one server (by address, or by a cookie), run one worker process, or use transports: [\"websocket\"], which makes one request only."
    };
    Some(found(
        Problem::StickySessions,
        "Requests of one session reach different servers, of which only one knows it: sticky sessions are missing.",
        evidence_of,
        advice,
    ))
}

fn upgrade(seen: &Seen) -> Option<Finding> {
    let offers = seen.polling.body().contains("\"websocket\"");
    match seen.websocket.as_ref()? {
        Spoke::Refused(came) if offers => Some(found(
            Problem::Upgrade,
            "Polling works and the server offers WebSocket, but the request for one does not arrive as such: a proxy between strips the Upgrade and Connection headers. Clients stay on polling, or fail where they ask for WebSocket first.",
            vec![
                handshake(seen),
                Evidence {
                    sent: websocket_request(seen),
                    came: shown(came),
                },
            ],
            "Let the proxy forward WebSocket; in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\". A development server needs its ws option.",
        )),
        Spoke::Other(said) => Some(found(
            Problem::SilentWebSocket,
            "A WebSocket comes about, and no open packet on it, although polling has one.",
            vec![
                handshake(seen),
                Evidence {
                    sent: websocket_request(seen),
                    came: format!(
                        "101, then {}",
                        said.as_deref()
                            .map_or("nothing".to_owned(), |said| format!("`{}`", short(said)))
                    ),
                },
            ],
            "Something between accepts the WebSocket itself, or holds back what comes on it: let the proxy forward it, and switch its buffering off.",
        )),
        Spoke::Refused(_) | Spoke::Open(_) => None,
    }
}

fn namespace(seen: &Seen) -> Option<Finding> {
    let answer = seen.connect.as_ref()?;
    let (said, came) = match answer.as_deref() {
        Some(answer) if answer.starts_with("40") => return None,
        Some(answer) => (
            "The connection stands, and the application refuses the namespace /.",
            format!("`{}`", short(answer)),
        ),
        None => (
            "The connection stands, and CONNECT to the namespace / is never answered.",
            "nothing".to_owned(),
        ),
    };
    Some(found(
        Problem::Namespace,
        said,
        vec![Evidence {
            sent: "`40`, which asks for the namespace /".to_owned(),
            came,
        }],
        "Look at the connect handler or the middleware of the server: it may want `auth`, or hang.",
    ))
}

fn heartbeat(seen: &Seen) -> Option<Finding> {
    let (came, waited) = seen.ping?;
    if came {
        return None;
    }
    Some(found(
        Problem::Heartbeat,
        "No ping comes in the time that the handshake gives, so that clients take the connection for dead and connect again and again.",
        vec![Evidence {
            sent: "nothing, on an open connection".to_owned(),
            came: format!("no ping within {waited} ms"),
        }],
        "The server's timer is blocked (in Python: gevent or eventlet without monkey patching, or blocking code in a handler), or a proxy holds back what the server sends.",
    ))
}

fn found(
    problem: Problem,
    said: impl Into<String>,
    evidence: Vec<Evidence>,
    advice: impl Into<String>,
) -> Finding {
    Finding {
        problem,
        said: said.into(),
        evidence,
        advice: advice.into(),
    }
}

fn request(seen: &Seen, version: u8) -> String {
    format!("GET {}?EIO={version}&transport=polling", seen.path)
}

fn websocket_request(seen: &Seen) -> String {
    format!(
        "GET {}?EIO=4&transport=websocket with Upgrade: websocket",
        seen.path
    )
}

fn handshake(seen: &Seen) -> Evidence {
    evidence(request(seen, 4), Some(&seen.polling))
}

fn evidence(sent: String, came: Option<&Came>) -> Evidence {
    Evidence {
        sent,
        came: came.map(shown).unwrap_or_default(),
    }
}
