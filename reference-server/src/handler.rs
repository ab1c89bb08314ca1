//! What an application hangs on a namespace: handlers, middleware, and the shapes they take and give.

use crate::args::Args;
use crate::link::Link;
use crate::namespace::Id;
use crate::outgoing::{Outgoing, Says};
use crate::socket::Socket;
use bytestring::ByteString;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A future that an application's handler became.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type EventHandler = Box<dyn Fn(Socket, Event) -> Work + Send + Sync>;
type ConnectHandler = Box<dyn Fn(Socket) -> Work + Send + Sync>;
type DisconnectHandler = Box<dyn Fn(Socket, String) -> Work + Send + Sync>;
type Verdict = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send>>;
type Middleware = Box<dyn Fn(Socket) -> Verdict + Send + Sync>;

/// An event as a handler gets it.
#[derive(Debug)]
pub struct Event {
    /// Its name.
    pub name: ByteString,
    /// Its arguments; an acknowledgement callback is none of them.
    pub args: Args,
    pub(crate) ack: Option<Ack>,
}

impl Event {
    /// Takes the acknowledgement that the client waits for, to answer from within the handler; what the handler
    /// returns is then no answer any more. None if the client asked for none (SIO-ACK-04).
    pub fn take_ack(&mut self) -> Option<Ack> {
        let ack = self.ack.take()?;
        ack.0.taken.store(true, Ordering::Relaxed);
        Some(ack)
    }

    /// Reads the n-th argument, counted from 0.
    pub fn get<T: serde::de::DeserializeOwned + 'static>(
        &self,
        n: usize,
    ) -> Result<T, crate::ArgError> {
        self.args.get(n)
    }
}

/// The acknowledgement of one event.
#[derive(Debug, Clone)]
pub struct Ack(Arc<Due>);

struct Due {
    link: Arc<Link>,
    namespace: ByteString,
    id: Id,
    taken: AtomicBool,
    sent: AtomicBool,
}

impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Due").field(&self.id).finish()
    }
}

/// The event was acknowledged before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is acknowledged already")]
pub struct AlreadyAcknowledged;

impl Ack {
    pub(crate) fn new(link: Arc<Link>, namespace: ByteString, id: Id) -> Self {
        let (taken, sent) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Due {
            link,
            namespace,
            id,
            taken,
            sent,
        }))
    }

    /// Answers the event; the first answer is the only one that goes out (SIO-ACK-08).
    pub fn send(&self, args: Args) -> Result<(), AlreadyAcknowledged> {
        let Due {
            link,
            namespace,
            id,
            sent,
            ..
        } = &*self.0;
        let again = sent.swap(true, Ordering::Relaxed);
        if again
            && !link
                .core
                .seams
                .as_ref()
                .is_some_and(|seams| seams.acknowledges_again())
        {
            return Err(AlreadyAcknowledged);
        }
        // SIO-ACK-05. A client that has gone gets nothing (SIO-CD-05).
        link.send_own(
            &Outgoing {
                namespace: namespace.clone(),
                body: Says::Ack {
                    id: id.clone(),
                    args,
                },
            },
            false,
        );
        Ok(())
    }

    /// Answers with what the handler returned, unless it took the acknowledgement for itself.
    fn settle(&self, answer: impl Answer) {
        if self.0.taken.load(Ordering::Relaxed) {
            return;
        }
        if let Some(args) = answer.into_args() {
            // The handler never had it, so this is the first answer.
            let _ = self.send(args);
        }
    }
}

/// What a handler may return: the arguments of the acknowledgement, where the client wants one.
pub trait Answer {
    /// The arguments; none if nothing is to be acknowledged.
    fn into_args(self) -> Option<Args>;
}

impl Answer for () {
    fn into_args(self) -> Option<Args> {
        Some(Args::new())
    }
}

impl Answer for Args {
    fn into_args(self) -> Option<Args> {
        Some(self)
    }
}

impl Answer for Option<Args> {
    fn into_args(self) -> Option<Args> {
        self
    }
}

/// An argument that does not fit ends the handler, not the connection; nothing is acknowledged.
impl<A: Answer> Answer for Result<A, crate::ArgError> {
    fn into_args(self) -> Option<Args> {
        self.ok().and_then(Answer::into_args)
    }
}

/// Why a middleware turns a client away (SIO-CE-05).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    message: String,
    data: Option<Value>,
}

impl Refused {
    /// With a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// With details, which the client finds under `data` (SIO-CE-06).
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        self.data = serde_json::to_value(data).ok();
        self
    }

    pub(crate) fn json(&self) -> String {
        let mut object = serde_json::json!({ "message": self.message });
        if let (Some(data), Some(object)) = (&self.data, object.as_object_mut()) {
            object.insert("data".to_owned(), data.clone());
        }
        object.to_string()
    }
}

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The time is over (SIO-ACK-26).
    #[error("timeout")]
    Timeout,
    /// The client has gone.
    #[error("disconnected")]
    Disconnected,
}

/// The handlers of a namespace.
#[derive(Default)]
pub struct Handlers {
    pub(crate) events: HashMap<String, EventHandler>,
    pub(crate) connect: Option<ConnectHandler>,
    pub(crate) disconnect: Option<DisconnectHandler>,
    pub(crate) middleware: Vec<Middleware>,
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.events.keys()).finish()
    }
}

impl Handlers {
    /// Runs `handler` for each event of that name. What it returns is the acknowledgement, if the client wants one.
    ///
    /// Handlers of one client run in the order of its events; one that awaits lets the next one begin (SIO-ACK-11).
    pub fn on<F, R>(&mut self, event: &str, handler: F) -> &mut Self
    where
        F: Fn(Socket, Event) -> R + Send + Sync + 'static,
        R: Future<Output: Answer> + Send + 'static,
    {
        self.events.insert(
            event.to_owned(),
            Box::new(move |socket, event| {
                let ack = event.ack.clone();
                let answer = handler(socket, event);
                Box::pin(async move {
                    let answer = answer.await;
                    if let Some(ack) = ack {
                        ack.settle(answer);
                    }
                })
            }),
        );
        self
    }

    /// Runs `handler` when a client has joined, also one whose state was recovered.
    pub fn on_connect<F, R>(&mut self, handler: F) -> &mut Self
    where
        F: Fn(Socket) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.connect = Some(Box::new(move |socket| Box::pin(handler(socket))));
        self
    }

    /// Runs `handler` with the reason when a client has left, whatever the cause, once (SIO-DC-11).
    ///
    /// Until it awaits or ends, it still sees the rooms the client was in (SIO-DC-14).
    pub fn on_disconnect<F, R>(&mut self, handler: F) -> &mut Self
    where
        F: Fn(Socket, String) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.disconnect = Some(Box::new(move |socket, reason| {
            Box::pin(handler(socket, reason))
        }));
        self
    }

    /// Adds a middleware: it lets a client in, or turns it away. They run in the order they were added, up to the
    /// first refusal, and only for this namespace (SIO-CE-15).
    pub fn middleware<F, R>(&mut self, middleware: F) -> &mut Self
    where
        F: Fn(Socket) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Refused>> + Send + 'static,
    {
        self.middleware
            .push(Box::new(move |socket| Box::pin(middleware(socket))));
        self
    }
}
