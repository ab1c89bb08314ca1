//! A server while it is measured.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::client::Address;
use super::cores::{Cores, Side};
use super::usage::Usage;
use crate::run::stop::Stop;
use crate::scenario::model::Config;
use crate::target::foreign::Foreign;
use crate::target::instance::Instance;
use crate::target::knobs::Settings;
use crate::target::server::Server;

/// A running server.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) address: Arc<Address>,
    instance: Option<Started>,
}

#[derive(Debug)]
struct Started {
    instance: Arc<Instance>,
    group: u32,
}

/// Prepares a server, so that it can be started at once.
pub(super) fn prepare(server: &Server, runtime: &Handle, stop: &Stop) -> Result<(), String> {
    let foreign = process(server)?;
    runtime.block_on(unless(stop, async {
        match foreign {
            Some(foreign) => foreign.prepare().await.map(drop),
            None => server.reach().await,
        }
    }))
}

/// What `doing` gives, unless it is to be stopped first.
async fn unless<T>(
    stop: &Stop,
    doing: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    tokio::select! {
        done = doing => done,
        () = stop.set() => Err("stopped before it was started".into()),
    }
}

/// The target's process; `None` where somebody else runs it.
fn process(server: &Server) -> Result<Option<&Foreign>, String> {
    match server {
        Server::Bundled(bundled) => bundled
            .process()
            .map(Some)
            .ok_or_else(|| "the program siospec is not found, so it cannot be started".into()),
        Server::Foreign(foreign) => Ok(Some(foreign)),
        Server::Remote(_) => Ok(None),
    }
}

impl Subject {
    /// Starts it, as a process of its own, on the servers' processors; or takes the one that runs.
    pub(super) fn start(
        server: &Server,
        cores: &Cores,
        runtime: &Handle,
        stop: &Stop,
    ) -> Result<Self, String> {
        let Some(foreign) = process(server)? else {
            return Self::of_url(server);
        };
        let manifest = &foreign.manifest;
        let settings = manifest.knobs.settle(&Config::default());
        let settings = settings.unwrap_or_else(|_| Settings::unknown());
        let _pinned = cores.pin(Side::Servers);
        let (instance, group) = runtime.block_on(unless(stop, async {
            let instance = foreign.lend(&settings, true).await?.instance;
            let group = instance.group().await.ok_or("it has ended already")?;
            Ok::<_, String>((instance, group))
        }))?;
        let address = Address {
            socket: ([127, 0, 0, 1], instance.port).into(),
            host: format!("127.0.0.1:{}", instance.port),
            path: manifest.socket_path.clone(),
            headers: Vec::new(),
        };
        Ok(Self {
            address: Arc::new(address),
            instance: Some(Started { instance, group }),
        })
    }

    fn of_url(server: &Server) -> Result<Self, String> {
        let endpoint = server.endpoint().ok_or("the server was not reached")?;
        if endpoint.encrypted() {
            return Err("the load client speaks http only; measure behind what ends TLS".into());
        }
        if !endpoint.fixture {
            return Err(
                "it has no fixture app, so nothing answers the events that are measured".into(),
            );
        }
        let port = endpoint.base.port_or_known_default().unwrap_or(80);
        let found = (endpoint.host(), port).to_socket_addrs();
        let mut found = found.map_err(|error| format!("{}: {error}", endpoint.host()))?;
        let socket = found.next().ok_or("its host has no address")?;
        Ok(Self {
            address: Arc::new(Address {
                socket,
                host: endpoint.authority(),
                path: endpoint.socket_path,
                headers: endpoint.headers,
            }),
            instance: None,
        })
    }

    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self.address.socket.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }

    /// What its processes have used.
    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of_group(self.instance.as_ref()?.group)
    }

    /// Bytes of memory that it holds: as the system says, or it itself.
    pub(super) fn resident(&self) -> Option<u64> {
        match &self.instance {
            Some(_) => self.usage().map(|usage| usage.resident),
            None => self.address.resident(),
        }
    }

    /// How it ended, if it has.
    pub(super) fn death(&self, runtime: &Handle) -> Option<String> {
        let started = self.instance.as_ref()?;
        runtime.block_on(started.instance.death())
    }

    /// Ends it.
    pub(super) fn end(self, runtime: &Handle) {
        if let Some(started) = self.instance {
            runtime.block_on(started.instance.end());
        }
    }

    /// Waits until its processes are quiet: what they begin after their start is no part of what is measured.
    pub(super) fn settle(&self, most: Duration) {
        let until = Instant::now() + most;
        let step = Duration::from_millis(50);
        while let Some(before) = self.usage() {
            std::thread::sleep(step);
            let Some(after) = self.usage() else { return };
            if after.since(&before) < step / 10 || Instant::now() >= until {
                return;
            }
        }
    }
}
