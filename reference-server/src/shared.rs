//! What all clients of one server share: configuration, namespaces, links, and the edge that gives time and tasks.

use crate::adapter::{Adapter, Rooms, Selection};
use crate::args::Args;
use crate::config::Config;
use crate::engine::EngineApp;
use crate::handler::{Handlers, Work};
use crate::link::{Handshake, Link};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::recovery::Recovery;
use crate::seams::Seams;
use crate::server::Server;
use crate::socket::Socket;
use crate::trace::{Record, Step, Tracer};
use crate::wire;
use bytestring::ByteString;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the outside gives to the server: time and tasks. The server itself has neither.
pub(crate) trait Surroundings: Send + Sync {
    /// The time.
    fn now(&self) -> Instant;
    /// Runs a future beside everything else; it ends with the server.
    fn spawn(&self, work: Work);
    /// Waits.
    fn sleep(&self, duration: Duration) -> Work;
}

/// A namespace with its members.
pub(crate) struct Namespace {
    pub(crate) name: ByteString,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) adapter: Box<dyn Adapter<Socket>>,
    pub(crate) recovery: Option<Mutex<Recovery<Encoded>>>,
}

pub(crate) type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;
pub(crate) type Page = Box<dyn Fn(&Server) -> String + Send + Sync>;
pub(crate) type Admission = Box<dyn Fn(&Handshake) -> Result<(), String> + Send + Sync>;

/// What the application registered before the server started.
#[derive(Default)]
pub(crate) struct Registered {
    pub(crate) namespaces: HashMap<String, Arc<Handlers>>,
    pub(crate) dynamic: Vec<(Matcher, Arc<Handlers>)>,
    pub(crate) engines: Vec<(String, Arc<dyn EngineApp>)>,
    pub(crate) pages: HashMap<String, Page>,
    pub(crate) admission: Option<Admission>,
}

pub(crate) struct Core {
    pub(crate) config: Arc<Config>,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) seams: Option<Arc<dyn Seams>>,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) links: Links,
    pub(crate) engines: Vec<(String, Arc<dyn EngineApp>)>,
    pub(crate) pages: HashMap<String, Page>,
    pub(crate) admission: Option<Admission>,
    namespaces: HashMap<String, Arc<Namespace>>,
    dynamic: Vec<(Matcher, Arc<Handlers>)>,
    /// Dynamic namespaces that somebody is in, or was.
    living: Mutex<HashMap<String, Arc<Namespace>>>,
}

impl Core {
    pub(crate) fn new(
        config: Config,
        registered: Registered,
        seams: Option<Arc<dyn Seams>>,
        tracer: Option<Tracer>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Arc<Self> {
        let Registered {
            namespaces,
            dynamic,
            engines,
            pages,
            admission,
        } = registered;
        let create = |(name, handlers): (String, Arc<Handlers>)| {
            (
                name.clone(),
                Namespace::new(name.into(), handlers, &config, seams.as_deref()),
            )
        };
        let namespaces = namespaces.into_iter().map(create).collect();
        Arc::new(Self {
            config: Arc::new(config),
            surroundings,
            seams,
            tracer,
            links: Links::default(),
            engines,
            pages,
            admission,
            namespaces,
            dynamic,
            living: Mutex::new(HashMap::new()),
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.surroundings.now()
    }

    /// The namespace of that name, compared exactly (SIO-CN-14); none is made for a name nobody serves (SIO-SEC-13).
    pub(crate) fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        if let Some(namespace) = self.namespaces.get(name) {
            return Some(namespace.clone());
        }
        let (_, handlers) = self.dynamic.iter().find(|(matches, _)| matches(name))?;
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(namespace) = living.get(name) {
            return Some(namespace.clone());
        }
        // Whoever is in a namespace holds it; those that only this map holds are empty.
        living.retain(|_, namespace| Arc::strong_count(namespace) > 1);
        let namespace = Namespace::new(
            name.into(),
            handlers.clone(),
            &self.config,
            self.seams.as_deref(),
        );
        living.insert(name.to_owned(), namespace.clone());
        Some(namespace)
    }

    /// Lets go of all sessions and sockets, without a word to anybody: they hold the server that holds them.
    pub(crate) fn forget(&self) {
        let living =
            std::mem::take(&mut *self.living.lock().unwrap_or_else(PoisonError::into_inner));
        for namespace in self.namespaces.values().chain(living.values()) {
            namespace.adapter.clear();
        }
        for link in self.links.take() {
            link.forget();
        }
    }

    /// Whether the server is gone, with all that it knew: what is said in its name now is not true.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.links.is_closed()
    }

    /// Number of sockets in all namespaces, and of rooms that somebody is in beside each socket's own.
    pub(crate) fn census(&self) -> (usize, usize) {
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.namespaces.values().chain(living.values());
        all.fold((0, 0), |(sockets, rooms), namespace| {
            let adapter = &namespace.adapter;
            (sockets + adapter.len(), rooms + adapter.count())
        })
    }

    /// Records a step, if anybody listens.
    #[inline]
    pub(crate) fn trace(&self, link: &Link, step: impl FnOnce() -> Step) {
        if let Some(tracer) = &self.tracer {
            tracer(&Record {
                connection: link.tcp,
                sid: Some(link.sid.clone()),
                step: step(),
            });
        }
    }

    /// Records a step below any session, if anybody listens.
    #[inline]
    pub(crate) fn trace_tcp(&self, connection: u64, step: impl FnOnce() -> Step) {
        if let Some(tracer) = &self.tracer {
            tracer(&Record {
                connection,
                sid: None,
                step: step(),
            });
        }
    }
}

impl Namespace {
    fn new(
        name: ByteString,
        handlers: Arc<Handlers>,
        config: &Config,
        seams: Option<&dyn Seams>,
    ) -> Arc<Self> {
        let rooms: Box<dyn Adapter<Socket>> = Box::new(Rooms::default());
        let adapter = match seams {
            Some(seams) => seams.adapter(&name, rooms),
            None => rooms,
        };
        let recovery = config
            .recovery
            .map(|limits| Mutex::new(Recovery::new(limits)));
        Arc::new(Self {
            name,
            handlers,
            adapter,
            recovery,
        })
    }

    pub(crate) fn recovery(&self) -> Option<MutexGuard<'_, Recovery<Encoded>>> {
        self.recovery
            .as_ref()
            .map(|recovery| recovery.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends an event to everybody meant, encoded once.
    pub(crate) fn broadcast(
        &self,
        core: &Core,
        event: &str,
        mut args: Args,
        selection: Selection,
        volatile: bool,
    ) {
        // With recovery on, whoever comes back must find exactly what was sent: keeping and sending are one step.
        let mut kept = if volatile { None } else { self.recovery() };
        let offset = kept.as_mut().map(|recovery| recovery.offset());
        if let Some(offset) = &offset {
            args = args.with(offset);
        }
        let body = Says::Event {
            name: event.to_owned(),
            args,
            id: None,
        };
        let packet = Outgoing {
            namespace: self.name.clone(),
            body,
        };
        let encoded = wire::encode(&packet);
        self.adapter.select(&selection, &mut |_, socket| {
            socket.0.link.send(&packet, &encoded, volatile);
        });
        if let (Some(recovery), Some(offset)) = (&mut kept, offset) {
            recovery.keep(offset, selection, encoded, core.now());
        }
    }
}

const SHARDS: usize = 32;

/// All sessions by their sid, in shards: no lock stands over all of them.
pub(crate) struct Links {
    shards: [Mutex<HashMap<String, Arc<Link>>>; SHARDS],
    hasher: RandomState,
    /// Whether all were taken out: there will be no others.
    closed: AtomicBool,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            closed: AtomicBool::new(false),
        }
    }
}

impl Links {
    fn shard(&self, sid: &str) -> MutexGuard<'_, HashMap<String, Arc<Link>>> {
        let at = self.hasher.hash_one(sid) as usize % SHARDS;
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, link: &Arc<Link>) {
        let mut shard = self.shard(&link.sid);
        if !self.is_closed() {
            shard.insert(link.sid.clone(), link.clone());
        }
    }

    pub(crate) fn get(&self, sid: &str) -> Option<Arc<Link>> {
        self.shard(sid).get(sid).cloned()
    }

    pub(crate) fn remove(&self, sid: &str) {
        self.shard(sid).remove(sid);
    }

    pub(crate) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Whoever finds no link here learns, after that, whether it is because all were taken out.
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes all out.
    fn take(&self) -> Vec<Arc<Link>> {
        // The locks of the shards make it known.
        self.closed.store(true, Ordering::Relaxed);
        let of = |shard: &Mutex<HashMap<String, Arc<Link>>>| {
            std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)).into_values()
        };
        self.shards.iter().flat_map(of).collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        let of = |shard: &Mutex<HashMap<String, Arc<Link>>>| -> Vec<Arc<Link>> {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .cloned()
                .collect()
        };
        self.shards.iter().flat_map(of).collect()
    }
}
