//! What a trial needs of a server, read off its scenario.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::play::Endpoint;
use crate::scenario::literal::Content;
use crate::scenario::model::{Config, Layer, Step, Transport};
use crate::scenario::trial::Trial;
use crate::scenario::verb::{Open, Verb};

use super::knobs::{Honoured, Settings};

/// What a trial needs.
#[derive(Debug, Clone)]
pub struct Needs<'a> {
    capabilities: &'a [String],
    config: &'a Config,
    /// What its clients open on.
    transports: Vec<Transport>,
    /// What it speaks by hand, in requests, frames and bytes of its own.
    by_hand: Vec<Transport>,
    /// An instance of its own.
    pub alone: bool,
    /// A process that it may stop and start.
    pub process: bool,
    /// A process whose memory is the server's and nobody else's.
    pub figures: bool,
    /// A connection whose bytes can be counted on their way.
    pub counts: bool,
    /// The app of the fixture contract, on the socket path.
    fixture: bool,
}

impl<'a> Needs<'a> {
    /// The needs of a trial.
    pub fn of(trial: &'a Trial) -> Self {
        let scenario = &trial.scenario;
        let mut transports: Vec<_> = trial
            .clients
            .iter()
            .map(|seat| seat.link.transport)
            .collect();
        let mut by_hand = Vec::new();
        let mut chosen: BTreeSet<&str> = trial.clients.iter().map(|seat| &*seat.name).collect();
        let mut lost = BTreeSet::new();
        let mut process = false;
        let mut counts = false;
        let mut fixture =
            !scenario.needs.is_empty() || speaks_to_the_fixture(&scenario.source.text);
        each_step(&trial.case.steps, &mut |step| {
            by_hand.extend(spoken_by_hand(step));
            match &step.verb {
                Verb::Open(Open {
                    transport: Some(transport),
                    ..
                }) => {
                    transports.push(*transport);
                    chosen.insert(&step.subject.client);
                }
                Verb::Drop(_) => {
                    lost.insert(&*step.subject.client);
                }
                Verb::Target(_) | Verb::TargetExit => process = true,
                Verb::Network(network) if network.after().is_some() => counts = true,
                Verb::Emit(_) => fixture = true,
                _ => {}
            }
        });
        // A server notices at once that a WebSocket is lost, and of polling only a request that it holds.
        if lost.difference(&chosen).next().is_some() {
            transports.push(Transport::WebSocket);
        }
        let alone = scenario.alone || process;
        Self {
            capabilities: &scenario.needs,
            config: &scenario.config,
            transports,
            by_hand,
            alone,
            process,
            counts,
            figures: alone && scenario.source.text.contains("\"rss\""),
            fixture,
        }
    }

    /// Whether capabilities and transports suffice. A transport that is `announced` and does not work is one that clients
    /// will try: what tries it by hand is played, and shows what comes.
    pub fn met(
        &self,
        capabilities: &[String],
        transports: &[String],
        announced: &[String],
    ) -> Result<&Self, String> {
        if let Some(missing) = self
            .capabilities
            .iter()
            .find(|needed| !capabilities.contains(needed))
        {
            return Err(format!(
                "needs the capability {missing}, which the server does not declare"
            ));
        }
        let lacks = |needed: &[Transport], offered: &[String]| {
            let mut needed = needed.iter().map(ToString::to_string);
            needed.find(|transport| !offered.contains(transport))
        };
        let lacking =
            lacks(&self.transports, transports).or_else(|| lacks(&self.by_hand, announced));
        match lacking {
            Some(transport) => Err(format!(
                "needs the transport {transport}, which the server does not offer"
            )),
            None => Ok(self),
        }
    }

    /// Whether a server that is not ours to start can be asked for this.
    pub fn met_by_a_stranger(&self, endpoint: &Endpoint, exclusive: bool) -> Result<(), String> {
        if self.process {
            return Err("needs to stop and start the server, which somebody else runs".into());
        }
        if self.alone && !exclusive {
            return Err(
                "needs the server for itself (`--exclusive` says that nobody else uses it)".into(),
            );
        }
        if self.counts && endpoint.encrypted() {
            return Err("needs to cut a connection behind so much of what was sent, which TLS does not show".into());
        }
        self.met_by_an_app(endpoint.fixture)
    }

    /// Whether a server that has the app of the fixture contract, or has not, can be asked for this.
    pub fn met_by_an_app(&self, fixture: bool) -> Result<(), String> {
        match self.fixture && !fixture {
            true => Err(
                "needs the app of the fixture contract, which the server does not have \
                (`siospec new-target` writes one)"
                    .into(),
            ),
            false => Ok(()),
        }
    }

    /// What the server must be started with, or the knob that it lacks.
    pub fn settle(&self, knobs: &Honoured) -> Result<Settings, String> {
        knobs.settle(self.config)
    }
}

/// The transport that a step uses without a client's help. A request for neither, such as one for an unknown transport,
/// is for any server to answer.
fn spoken_by_hand(step: &Step) -> Vec<Transport> {
    let written = match &step.verb {
        Verb::Open(open) => open.path.as_ref().map(ToString::to_string),
        Verb::Http(request) => Some(request.target.to_string()),
        Verb::Bytes(Content::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let written = written.unwrap_or_default();
    let mut spoken = Vec::new();
    if step.subject.layer == Layer::Poll || written.contains("transport=polling") {
        spoken.push(Transport::Polling);
    }
    if step.subject.layer == Layer::Ws || written.contains("transport=websocket") {
        spoken.push(Transport::WebSocket);
    }
    spoken
}

/// What only the app of the fixture contract knows: its namespaces, and events beside `message`.
static FIXTURE_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(^|[^\w/])[\w\d-]*/(custom|auth|slow|monitor|fixture|dyn-)"#,
        r#"|\["(message-with-ack|count-bytes|note|whoami|join|leave|emit-to|call|call-many|burst|sandwich|kick|kick-room"#,
        r#"|slow|double-ack|throw|message-back|noted|called|call-result|call-many-result|auth|joined|left)""#,
    ))
    .ok()
});
/// An event or an acknowledgement that the server is to send.
static ANSWER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[^\w$])4[2356][^\s"']*\["#).ok());

/// Whether a scenario rests on answers that a server without the fixture does not give, however it writes them. What it
/// only sends is no answer: a bare server refuses a malformed packet as any other does.
fn speaks_to_the_fixture(text: &str) -> bool {
    let found = |regex: &Option<Regex>, line: &str| regex.as_ref().is_none_or(|r| r.is_match(line));
    let sends = |line: &str| {
        ["send:", "bytes:", "frame:", "http:", "cases:"]
            .iter()
            .any(|verb| line.contains(verb))
    };
    let told = |line: &&str| {
        !["title:", "note:", "#"]
            .iter()
            .any(|key| line.trim_start().starts_with(key))
    };
    text.lines()
        .filter(told)
        .any(|line| found(&FIXTURE_WORDS, line) || !sends(line) && found(&ANSWER, line))
}

/// Visits every step, those inside blocks too.
pub(crate) fn each_step<'s>(steps: &'s [Step], visit: &mut impl FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        match &step.verb {
            Verb::Repeat(repeat) => each_step(&repeat.steps, visit),
            Verb::Together(steps) => each_step(steps, visit),
            Verb::Either(branches) => branches.iter().for_each(|branch| each_step(branch, visit)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    fn trial(rest: &str) -> Trial {
        let text = format!("title: x\n{rest}  - F.connect: /\n  - F.alive:\n");
        let scenario = load("x", "x.yaml", text.as_bytes(), &Catalogue::default()).unwrap();
        Trial::of(&scenario).remove(0)
    }

    #[test]
    fn what_is_cut_behind_so_much_traffic_is_not_asked_through_tls() {
        let at = |url: &str| {
            let mut endpoint = Endpoint::url(url).unwrap();
            endpoint.fixture = false;
            endpoint
        };
        let proxied = "clients: {A: websocket via proxy}\nsteps:\n  - A.network:";
        for (cut, through_tls) in [
            ("{cut: {after: {bytes: 9, direction: up}, how: fin}}", false),
            ("reset", true),
        ] {
            let trial = trial(&format!("{proxied} {cut}\n"));
            let needs = Needs::of(&trial);
            assert!(
                needs
                    .met_by_a_stranger(&at("http://a.example"), false)
                    .is_ok()
            );
            let met = needs.met_by_a_stranger(&at("https://a.example"), false);
            assert_eq!(met.is_ok(), through_tls, "{cut}: {met:?}");
        }
    }

    #[test]
    fn a_transport_is_needed_by_whom_it_opens_or_speaks_by_hand_and_by_a_client_that_is_lost() {
        let [polling, websocket] = ["polling", "websocket"].map(str::to_owned);
        for (steps, on_polling, announced) in [
            ("A.connect: /", true, true),
            ("A.open: polling", true, true),
            ("A.open: websocket", false, false),
            (
                "A.ws.open: /socket.io/?EIO=4&transport=websocket",
                false,
                true,
            ),
            (
                "A.http: GET /socket.io/?EIO=4&transport=websocket",
                false,
                true,
            ),
            ("A.http: GET /socket.io/?EIO=4&transport=abc", true, true),
            ("A.connect: /\n  - A.drop: reset", false, false),
            ("A.open: polling\n  - A.drop: reset", true, true),
        ] {
            let trial = trial(&format!("steps:\n  - {steps}\n"));
            let needs = Needs::of(&trial);
            let alone = std::slice::from_ref(&polling);
            assert_eq!(needs.met(&[], alone, alone).is_ok(), on_polling, "{steps}");
            let both = [polling.clone(), websocket.clone()];
            assert_eq!(needs.met(&[], alone, &both).is_ok(), announced, "{steps}");
        }
    }

    #[test]
    fn an_answer_of_the_app_needs_the_app() {
        for line in [
            "  - expect: 42[\"message-back\",1]",
            "      - 42[\"hi\"]",
            "  - A.send: 42[\"join\",[\"red\"]]",
            "  - send: 40/custom,",
            "  - A.http.expect: {body: 430[]}",
            "  - A.connect: /auth",
            "  - A.http: GET /fixture",
        ] {
            assert!(speaks_to_the_fixture(line), "{line}");
        }
    }

    #[test]
    fn what_any_server_does_needs_no_app() {
        for line in [
            "title: An answer 42[\"x\"] to /custom",
            "  - send: 42[\"message\",\"x\"]",
            "  - A.http: {request: POST /socket.io/?EIO=4&transport=polling&sid=$A.sid, body: '42{}'}",
            "  - expect: 40{\"sid\":$id:string}",
            "  - expect: 44/random,{...}",
            "  - A.http.expect: {status: 400}",
            "  - wait: 420ms",
        ] {
            assert!(!speaks_to_the_fixture(line), "{line}");
        }
    }
}
