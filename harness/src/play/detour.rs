//! Clients that are `via proxy`: each gets a fault proxy of its own between itself and the server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::trouble::Trouble;
use super::{Cut, Endpoint};
use crate::network::{Action, Command, Counted, Event, Proxy, Shape, Trigger, Unit};
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
        let proxy = Proxy::start(target, 0, log)
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

    /// Bytes that have passed, upward and downward, by client.
    pub(super) fn passed(&self) -> BTreeMap<String, (u64, u64)> {
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
        if let Network::Delay { seed, .. } = network {
            proxy.seed(*seed);
        }
        for command in commands(network) {
            proxy.command(command).await;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Proxy>>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn commands(network: &Network) -> Vec<Command> {
    match network {
        Network::Restore => vec![Command::Now(Action::Restore)],
        Network::Cut { how, after } => {
            let action = match how {
                Loss::Reset => Action::Reset,
                Loss::Fin => Action::Close,
            };
            vec![armed(action, *after)]
        }
        Network::HalfClose { direction, after } => directions(*direction)
            .map(|direction| armed(Action::HalfClose(direction), *after))
            .collect(),
        Network::Blackhole { after, .. } => vec![armed(Action::Blackhole, *after)],
        Network::Refuse { times: None } => vec![Command::Now(Action::Refuse)],
        Network::Refuse { times: Some(times) } => vec![Command::Fail {
            connections: u64::from(*times),
        }],
        Network::Delay {
            time,
            jitter,
            direction,
            ..
        } => shaped(
            *direction,
            Shape {
                delay: *time,
                jitter: *jitter,
                ..unshaped()
            },
        ),
        Network::Bandwidth { rate, direction } => shaped(
            *direction,
            Shape {
                bandwidth: Some(*rate),
                ..unshaped()
            },
        ),
        Network::Slice { size, direction } => shaped(
            *direction,
            Shape {
                slice: usize::try_from(*size).ok(),
                ..unshaped()
            },
        ),
    }
}

fn unshaped() -> Shape {
    Shape {
        delay: Duration::ZERO,
        ..Shape::default()
    }
}

fn armed(action: Action, after: Option<model::Trigger>) -> Command {
    let Some(after) = after else {
        return Command::Now(action);
    };
    Command::After(
        Trigger {
            // A trigger that counts both ways is counted where the packets of a server are.
            direction: match after.direction {
                model::Direction::Up => crate::network::Direction::Up,
                model::Direction::Down | model::Direction::Both => crate::network::Direction::Down,
            },
            counted: match after.unit {
                model::Unit::Bytes => Counted::Bytes,
                model::Unit::Packets => Counted::Units(Unit::Packet),
                model::Unit::Frames => Counted::Units(Unit::Frame),
                model::Unit::Requests => Counted::Units(Unit::Request),
            },
            count: after.count,
        },
        action,
    )
}

fn shaped(direction: model::Direction, shape: Shape) -> Vec<Command> {
    directions(direction)
        .map(|direction| Command::Shape(direction, shape))
        .collect()
}

fn directions(direction: model::Direction) -> impl Iterator<Item = crate::network::Direction> {
    use crate::network::Direction::{Down, Up};
    let all: &[_] = match direction {
        model::Direction::Up => &[Up],
        model::Direction::Down => &[Down],
        model::Direction::Both => &[Up, Down],
    };
    all.iter().copied()
}
