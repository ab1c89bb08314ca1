//! A server under test, whoever runs it: what it offers, and an endpoint for a trial.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::bundled::{Bundled, Running};
use super::foreign::{Foreign, Loan};
use super::instance::Instance;
use super::knobs::Settings;
use super::manifest::Manifest;
use super::needs::Needs;
use super::url::{Asked, Remote};
use super::waits::Waits;
use crate::outcome::Known;
use crate::play::{Endpoint, TargetControl};
use crate::scenario::model::Transport;

/// How long a connection may take to be refused.
const DOOR: Duration = Duration::from_secs(2);

/// A server under test.
#[derive(Debug)]
pub enum Server {
    /// The reference server, in this process; an instance for each trial.
    Bundled(Bundled),
    /// A target of `target.yaml`.
    Foreign(Foreign),
    /// A server that somebody else runs, asked before anything is played.
    Remote(Box<Visited>),
}

/// A URL, and what the server behind it said.
#[derive(Debug)]
pub struct Visited {
    asked: Asked,
    /// Whether nobody else uses the server, so that trials may have it for themselves one after the other.
    exclusive: bool,
    known: Vec<Known>,
    remote: tokio::sync::OnceCell<Remote>,
    turn: RwLock<()>,
}

/// A server lent to one trial; it must be given back.
#[derive(Debug)]
pub struct Lease<'a> {
    /// Where it is.
    pub endpoint: Endpoint,
    held: Held<'a>,
}

#[derive(Debug)]
enum Held<'a> {
    Bundled(Running),
    Instance(Loan<'a>),
    Shared { _turn: RwLockReadGuard<'a, ()> },
    Exclusive { _turn: RwLockWriteGuard<'a, ()> },
}

impl Server {
    /// The target of `target.yaml`.
    pub fn foreign(manifest: Manifest) -> Self {
        Self::Foreign(Foreign::new(manifest))
    }

    /// The server behind a URL.
    pub fn remote(asked: Asked, exclusive: bool) -> Self {
        let visited = Visited {
            asked,
            exclusive,
            known: Vec::new(),
            remote: tokio::sync::OnceCell::new(),
            turn: RwLock::new(()),
        };
        Self::Remote(Box::new(visited))
    }

    /// The same, with these known deviations.
    #[must_use]
    pub fn knowing(mut self, known: Vec<Known>) -> Self {
        match &mut self {
            Self::Bundled(_) => {}
            Self::Foreign(foreign) => foreign.manifest.known = known,
            Self::Remote(visited) => visited.known = known,
        }
        self
    }

    /// Its name in reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Bundled(_) => Bundled::NAME,
            Self::Foreign(foreign) => &foreign.manifest.name,
            Self::Remote(visited) => &visited.asked.url,
        }
    }

    /// The URL, if it is one.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Remote(visited) => Some(&visited.asked.url),
            _ => None,
        }
    }

    /// Where the server behind a URL is; only after [`Server::reach`].
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Remote(visited) => Some(visited.remote.get()?.endpoint.clone()),
            _ => None,
        }
    }

    /// Versions of what is judged, by name.
    pub fn versions(&self) -> BTreeMap<String, String> {
        match self {
            Self::Bundled(_) => {
                [("siospec".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into()
            }
            Self::Foreign(foreign) => foreign.manifest.versions.clone(),
            Self::Remote(visited) => {
                let version = visited
                    .remote
                    .get()
                    .and_then(|remote| remote.version.clone());
                version
                    .map(|version| ("fixture".to_owned(), version))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// The capabilities that it declares; of a URL only after [`Server::reach`].
    pub fn capabilities(&self) -> Vec<String> {
        match self {
            Self::Bundled(_) => Bundled::capabilities(),
            Self::Foreign(foreign) => foreign.manifest.capabilities.clone(),
            Self::Remote(visited) => {
                let remote = visited.remote.get();
                remote
                    .map(|remote| remote.endpoint.capabilities.iter().cloned().collect())
                    .unwrap_or_default()
            }
        }
    }

    /// The transports that it offers; of a URL only after [`Server::reach`].
    pub fn transports(&self) -> Vec<String> {
        match self {
            Self::Bundled(_) => ["polling", "websocket"].map(str::to_owned).to_vec(),
            Self::Foreign(foreign) => foreign.manifest.transports.clone(),
            Self::Remote(visited) => {
                let remote = visited.remote.get();
                remote
                    .map(|remote| remote.transports.clone())
                    .unwrap_or_default()
            }
        }
    }

    /// Deviations that somebody has looked at.
    pub fn known(&self) -> Vec<Known> {
        match self {
            Self::Foreign(foreign) => foreign.manifest.known.clone(),
            Self::Remote(visited) => visited.known.clone(),
            Self::Bundled(_) => Vec::new(),
        }
    }

    /// Prepares it, or asks it who it is: whatever must succeed before anything can be judged.
    pub async fn reach(&self) -> Result<(), String> {
        match self {
            Self::Bundled(_) => Ok(()),
            Self::Foreign(foreign) => {
                foreign.prepare().await?;
                let plain = foreign
                    .manifest
                    .knobs
                    .settle(&crate::scenario::model::Config::default());
                foreign
                    .lend(&plain.unwrap_or_else(|_| Settings::unknown()), false)
                    .await
                    .map(drop)
            }
            Self::Remote(visited) => {
                let asked = || Remote::reach(&visited.asked);
                visited
                    .remote
                    .get_or_try_init(asked)
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// What the server must be started with for a trial that needs this, or why it is not offered.
    pub fn offers(&self, needs: &Needs<'_>) -> Result<Settings, String> {
        match self {
            Self::Bundled(_) => {
                let both = self.transports();
                needs
                    .met(&Bundled::capabilities(), &both, &both)?
                    .settle(&Bundled::knobs())
            }
            Self::Foreign(Foreign { manifest, .. }) => {
                needs.met_by_an_app(!manifest.bare)?;
                let transports = &manifest.transports;
                needs
                    .met(&manifest.capabilities, transports, transports)?
                    .settle(&manifest.knobs)
            }
            Self::Remote(visited) => {
                let remote = visited.remote.get().ok_or("the server was not reached")?;
                needs.met_by_a_stranger(&remote.endpoint, visited.exclusive)?;
                needs
                    .met(&self.capabilities(), &remote.transports, &remote.announced)?
                    .settle(&remote.knobs)
            }
        }
    }

    /// A running server with these settings, for one trial.
    pub async fn lend(&self, settings: &Settings, needs: &Needs<'_>) -> Result<Lease<'_>, String> {
        match self {
            Self::Bundled(bundled) => {
                match bundled.process().filter(|_| needs.process || needs.figures) {
                    Some(foreign) => lend_instance(foreign, settings, true).await,
                    None => {
                        let running = bundled.serve(settings).await?;
                        let mut endpoint = Endpoint::local(running.address())
                            .map_err(|error| error.to_string())?;
                        endpoint.capabilities = Bundled::capabilities().into_iter().collect();
                        endpoint.knobs = settings.values();
                        Ok(Lease {
                            endpoint,
                            held: Held::Bundled(running),
                        })
                    }
                }
            }
            Self::Foreign(foreign) => lend_instance(foreign, settings, needs.alone).await,
            Self::Remote(visited) => {
                let remote = visited.remote.get().ok_or("the server was not reached")?;
                let mut endpoint = remote.endpoint.clone();
                endpoint.transport = usual(&remote.transports);
                endpoint.knobs = settings.values();
                endpoint.shared = !needs.alone;
                let held = if needs.alone {
                    Held::Exclusive {
                        _turn: visited.turn.write().await,
                    }
                } else {
                    Held::Shared {
                        _turn: visited.turn.read().await,
                    }
                };
                Ok(Lease { endpoint, held })
            }
        }
    }

    /// No further trial needs an instance with these settings.
    pub async fn retire(&self, settings: &Settings) {
        if let Self::Foreign(foreign) = self {
            foreign.retire(settings).await;
        }
    }

    /// How shared instances died, in words.
    pub async fn deaths(&self) -> Vec<String> {
        match self {
            Self::Foreign(foreign) => foreign.deaths().await,
            _ => Vec::new(),
        }
    }

    /// Whether a server that somebody else runs was there and takes no connection any more.
    pub async fn is_gone(&self) -> bool {
        let Self::Remote(visited) = self else {
            return false;
        };
        let base = visited.remote.get().map(|remote| &remote.endpoint.base);
        let address = base.and_then(|base| Some((base.host_str()?, base.port_or_known_default()?)));
        let Some((host, port)) = address else {
            return false;
        };
        let host = host.trim_matches(['[', ']']);
        let asked = tokio::net::TcpStream::connect((host, port));
        matches!(tokio::time::timeout(DOOR, asked).await, Ok(Err(_)))
    }

    /// Ends everything that was started.
    pub async fn close(&self) {
        if let Self::Foreign(foreign) = self {
            foreign.close().await;
        }
    }
}

/// How clients open where nothing says it.
fn usual(transports: &[String]) -> Transport {
    let websocket = Transport::WebSocket;
    match transports.contains(&websocket.to_string()) {
        true => websocket,
        false => Transport::Polling,
    }
}

async fn lend_instance<'a>(
    foreign: &'a Foreign,
    settings: &Settings,
    alone: bool,
) -> Result<Lease<'a>, String> {
    let loan = foreign.lend(settings, alone).await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, loan.instance.port));
    let mut endpoint = Endpoint::local(address).map_err(|error| error.to_string())?;
    endpoint
        .socket_path
        .clone_from(&foreign.manifest.socket_path);
    endpoint
        .engine_path
        .clone_from(&foreign.manifest.engine_path);
    endpoint.fixture = !foreign.manifest.bare;
    endpoint.capabilities = foreign.manifest.capabilities.iter().cloned().collect();
    endpoint.knobs = settings.values();
    endpoint.shared = loan.shared;
    endpoint.transport = usual(&foreign.manifest.transports);
    Ok(Lease {
        endpoint,
        held: Held::Instance(loan),
    })
}

impl Lease<'_> {
    /// What a trial may do to the process.
    pub fn control(&self) -> Option<Arc<dyn TargetControl>> {
        let instance: Arc<Instance> = match &self.held {
            Held::Instance(loan) if !loan.shared => loan.instance.clone(),
            _ => return None,
        };
        Some(instance)
    }

    /// How the process ended, if it has ended by itself.
    pub async fn death(&self) -> Option<String> {
        match &self.held {
            Held::Instance(loan) => loan.instance.death().await,
            _ => None,
        }
    }

    /// What its threads have waited for a processor so far; nothing where it is no process of ours.
    pub async fn waits(&self) -> Waits {
        let process = match &self.held {
            Held::Instance(loan) => loan.instance.group().await,
            _ => None,
        };
        process.map(Waits::of).unwrap_or_default()
    }

    /// Whether it runs in this process, among everything else that does.
    pub fn is_within(&self) -> bool {
        matches!(&self.held, Held::Bundled(_))
    }

    /// Whether others may have been using it at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(&self.held, Held::Instance(loan) if loan.shared)
    }

    /// The trial is over.
    pub async fn give_back(self) {
        match self.held {
            Held::Bundled(running) => drop(running),
            Held::Instance(loan) if !loan.shared => loan.instance.end().await,
            Held::Instance(_) | Held::Shared { .. } | Held::Exclusive { .. } => {}
        }
    }
}
