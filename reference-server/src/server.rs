//! The public face: what an application registers, and what it can do to a server that runs.

use crate::adapter::Selection;
use crate::args::Args;
use crate::config::Config;
use crate::engine::EngineApp;
use crate::exchange::Query;
use crate::handler::{Answer, Event, Handlers, Refused};
use crate::io::{self, Running};
use crate::link::Handshake;
use crate::seams::Seams;
use crate::session::{CloseReason, Frame};
use crate::shared::{Core, Registered};
use crate::socket::{Broadcast, Socket};
use crate::trace::Tracer;
use siospec_codec::socket::packet::MAIN_NAMESPACE;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A server that is being put together: `on`, `of`, `middleware`, then `run`.
#[derive(Default)]
pub struct SocketIo {
    config: Config,
    main: Handlers,
    others: Vec<(String, Handlers)>,
    registered: Registered,
    seams: Option<Arc<dyn Seams>>,
    tracer: Option<Tracer>,
}

impl SocketIo {
    /// With this configuration.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Runs `handler` for each event of that name in the main namespace; see [`Handlers::on`].
    pub fn on<F, R>(&mut self, event: &str, handler: F) -> &mut Self
    where
        F: Fn(Socket, Event) -> R + Send + Sync + 'static,
        R: Future<Output: Answer> + Send + 'static,
    {
        self.main.on(event, handler);
        self
    }

    /// Adds a middleware to the main namespace; see [`Handlers::middleware`].
    pub fn middleware<F, R>(&mut self, middleware: F) -> &mut Self
    where
        F: Fn(Socket) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Refused>> + Send + 'static,
    {
        self.main.middleware(middleware);
        self
    }

    /// The handlers of a namespace; a name that nobody asked for here is unknown to clients (SIO-CE-01).
    pub fn of(&mut self, namespace: &str) -> &mut Handlers {
        if namespace == MAIN_NAMESPACE {
            return &mut self.main;
        }
        let at = match self.others.iter().position(|(name, _)| name == namespace) {
            Some(at) => at,
            None => {
                self.others
                    .push((namespace.to_owned(), Handlers::default()));
                self.others.len() - 1
            }
        };
        &mut self.others[at].1
    }

    /// Serves every namespace whose name `matches`, each apart from the others (SIO-CN-25).
    pub fn dynamic(
        &mut self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
        handlers: Handlers,
    ) {
        self.registered
            .dynamic
            .push((Box::new(matches), Arc::new(handlers)));
    }

    /// Asks before each handshake whether the client may open a session (EIO-QE-19); an error is the reason why not.
    pub fn allow_request(
        &mut self,
        admission: impl Fn(&Handshake, &Query) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.registered.admission = Some(Box::new(move |handshake| {
            admission(handshake, &Query::parse(&handshake.query))
        }));
    }

    /// Serves Engine.IO without Socket.IO on a path of its own.
    pub fn engine(&mut self, path: &str, app: impl EngineApp + 'static) {
        self.registered
            .engines
            .push((path.to_owned(), Arc::new(app)));
    }

    /// Answers a GET of this path with a JSON text.
    pub fn page(&mut self, path: &str, page: impl Fn(&Server) -> String + Send + Sync + 'static) {
        self.registered
            .pages
            .insert(path.to_owned(), Box::new(page));
    }

    /// Shows each step of each message to `tracer`.
    pub fn trace(&mut self, tracer: Tracer) {
        self.tracer = Some(tracer);
    }

    /// Makes the server differ from a right one.
    pub fn seams(&mut self, seams: Arc<dyn Seams>) {
        self.seams = Some(seams);
    }

    /// Starts the server; it is ready when this returns. Port 0 takes a free one.
    pub async fn start(mut self, address: SocketAddr) -> std::io::Result<Running> {
        if let Some(seams) = &self.seams {
            seams.config(&mut self.config);
        }
        let named = std::iter::once((MAIN_NAMESPACE.to_owned(), self.main)).chain(self.others);
        self.registered.namespaces = named
            .map(|(name, handlers)| (name, Arc::new(handlers)))
            .collect();
        let (config, registered, seams, tracer) =
            (self.config, self.registered, self.seams, self.tracer);
        io::start(address, |surroundings| {
            Core::new(config, registered, seams, tracer, surroundings)
        })
        .await
    }

    /// Runs the server for good.
    pub async fn run(self, address: SocketAddr) -> std::io::Result<()> {
        let _running = self.start(address).await?;
        std::future::pending().await
    }
}

/// A server that runs. Clones are the same server.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Core>);

impl Server {
    /// A broadcast to everybody in a namespace; none if nobody serves it.
    pub fn of(&self, namespace: &str) -> Option<Broadcast> {
        let namespace = self.0.namespace(namespace)?;
        let selection = Selection::default();
        Some(Broadcast {
            core: self.0.clone(),
            namespace,
            selection,
            volatile: false,
        })
    }

    /// Sends an event to everybody in a namespace.
    pub fn emit(&self, namespace: &str, event: &str, args: Args) {
        if let Some(broadcast) = self.of(namespace) {
            broadcast.emit(event, args);
        }
    }

    /// Empties a room; its members stay connected.
    pub fn close_room(&self, namespace: &str, room: &str) {
        if let Some(namespace) = self.0.namespace(namespace) {
            namespace.adapter.close_room(room);
        }
    }

    /// Waits, without holding up anybody.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.0.surroundings.sleep(duration)
    }

    /// Runs a future beside the handlers; it ends with the server.
    pub fn start_background_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.surroundings.spawn(Box::pin(task));
    }

    /// Number of open sessions.
    pub fn sessions(&self) -> usize {
        self.0.links.len()
    }

    /// Number of sockets in all namespaces.
    pub fn sockets(&self) -> usize {
        self.0.census().0
    }

    /// Number of rooms that somebody is in, in all namespaces, beside each socket's own.
    pub fn rooms(&self) -> usize {
        self.0.census().1
    }

    /// Closes a session by its sid, if there is one.
    pub fn close_session(&self, sid: &str) {
        if let Some(link) = self.0.links.get(sid) {
            link.close(CloseReason::ForcedClose);
        }
    }

    /// Closes all sessions.
    pub fn close_all(&self) {
        for link in self.0.links.all() {
            link.close(CloseReason::ForcedClose);
        }
    }

    /// The transport of a session and the number of frames that wait for its client, if there is such a session.
    pub fn session(&self, sid: &str) -> Option<(&'static str, usize)> {
        let link = self.0.links.get(sid)?;
        let state = link.state();
        Some((state.session.transport(), state.session.backlog().0))
    }

    /// Whether the client of a session is ready for data: a GET waits, or a WebSocket keeps up.
    pub fn waits_for_data(&self, sid: &str) -> bool {
        self.0
            .links
            .get(sid)
            .is_some_and(|link| link.state().session.is_writable())
    }

    /// Sends Engine.IO packets to a session as they are, if there is one.
    pub fn send_frame(&self, sid: &str, frame: Frame) {
        if let Some(link) = self.0.links.get(sid) {
            link.send_frame(frame);
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }
}
