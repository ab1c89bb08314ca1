//! Clients that are `via proxy`: each gets a fault proxy of its own between itself and the server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::trouble::Trouble;
use super::{Cut, Endpoint};
use crate::network::{
    Action, Command, Counted, Direction, Event, Proxy, Shaping, Traffic, Trigger, Unit, Ways,
};
use crate::scenario::model::{self, Loss, Network};
use crate::transcript::{Lane, Recorder};

/// The proxies of a trial, by client.
#[derive(Default)]
pub(super) struct Detours {
    proxies: Mutex<BTreeMap<String, Arc<Proxy>>>,
}

impl Detours {
    /// The endpoint, reached through a proxy of this client's own.
    pub(super) async fn around(
        &self,
        endpoint: &Endpoint,
        client: &str,
        recorder: &Recorder,
        cut: Option<&Cut>,
    ) -> Result<Arc<Endpoint>, Trouble> {
        let host = endpoint.host().trim_matches(['[', ']']).to_owned();
        let target = match endpoint.connect {
            Some(address) => (address.ip().to_string(), address.port()),
            None => (host, endpoint.base.port_or_known_default().unwrap_or(80)),
        };
        let lane = Lane::client(client).of("proxy");
        let recorder = recorder.clone();
        let log = Arc::new(move |event: Event| {
            let connection = match event.connection {
                Some(number) => format!("connection {number}"),
                None => "all connections".to_owned(),
            };
            let text = format!(
                "{connection}: {} (after {} bytes up, {} down)",
                event.what, event.up, event.down
            );
            recorder.note(&lane, text);
        });
        let proxy = Proxy::start(target, log)
            .await
            .map_err(|error| Trouble::errored(format!("no port for the fault proxy: {error}")))?;
        let address = proxy.address();
        if let Some(cut) = cut.filter(|cut| cut.client == client) {
            proxy.command(cut.command).await;
        }
        self.lock().insert(client.to_owned(), Arc::new(proxy));
        Ok(Arc::new(Endpoint {
            connect: Some(address),
            ..endpoint.clone()
        }))
    }

    /// What has passed, upward and downward, by client.
    pub(super) fn passed(&self) -> BTreeMap<String, (Traffic, Traffic)> {
        let proxies = self.lock();
        let passed = proxies
            .iter()
            .map(|(client, proxy)| (client.clone(), proxy.passed()));
        passed.collect()
    }

    /// What a `network:` step does to a client's connections.
    pub(super) async fn act(&self, client: &str, network: &Network) -> Result<(), Trouble> {
        let Some(proxy) = self.lock().get(client).cloned() else {
            return Err(Trouble::errored(format!(
                "{client} is not `via proxy`, so nothing can be done to its network"
            )));
        };
        proxy.command(command(network)).await;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Proxy>>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn command(network: &Network) -> Command {
    match network {
        Network::Restore => Command::Now(Action::Restore),
        Network::Cut { how, after } => {
            let action = match how {
                Loss::Reset => Action::Reset,
                Loss::Fin => Action::Close,
            };
            armed(action, *after)
        }
        // Both halves closed are a connection closed.
        Network::HalfClose { direction, after } => match ways(*direction) {
            Ways::One(direction) => armed(Action::HalfClose(direction), *after),
            Ways::Both => armed(Action::Close, *after),
        },
        Network::Blackhole { direction, after } => {
            armed(Action::Blackhole(ways(*direction)), *after)
        }
        Network::Refuse { times, after } => match times {
            Some(times) => Command::Fail {
                connections: u64::from(*times),
            },
            None => armed(Action::Refuse, *after),
        },
        Network::Delay {
            time,
            jitter,
            seed,
            direction,
        } => {
            let (time, jitter, seed) = (*time, *jitter, *seed);
            Command::Shape(ways(*direction), Shaping::Delay { time, jitter, seed })
        }
        Network::Bandwidth { rate, direction } => {
            Command::Shape(ways(*direction), Shaping::Bandwidth(*rate))
        }
        Network::Slice { size, direction } => {
            let size = usize::try_from(*size).unwrap_or(usize::MAX);
            Command::Shape(ways(*direction), Shaping::Slice(size))
        }
    }
}

fn armed(action: Action, after: Option<model::Trigger>) -> Command {
    let Some(after) = after else {
        return Command::Now(action);
    };
    let trigger = Trigger {
        // A trigger that counted both ways would be counted where the packets of a server are.
        direction: match ways(after.direction) {
            Ways::One(direction) => direction,
            Ways::Both => Direction::Down,
        },
        counted: match after.unit {
            model::Unit::Bytes => Counted::Bytes,
            model::Unit::Packets => Counted::Units(Unit::Packet),
            model::Unit::Frames => Counted::Units(Unit::Frame),
            model::Unit::Requests => Counted::Units(Unit::Request),
        },
        count: after.count,
    };
    Command::After(trigger, action)
}

fn ways(direction: model::Direction) -> Ways {
    match direction {
        model::Direction::Up => Ways::One(Direction::Up),
        model::Direction::Down => Ways::One(Direction::Down),
        model::Direction::Both => Ways::Both,
    }
}
