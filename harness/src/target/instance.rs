//! One running process of a target, and what scenarios may do to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::knobs::Settings;
use super::manifest::{Manifest, fill};
use super::port;
use super::process::{Launch, LaunchError, Process};
use super::signal::Signal;
use crate::play::{Pending, TargetControl};

/// How long a target has to end after SIGTERM; the fixture contract says 5 s.
const END: Duration = Duration::from_secs(5);

/// How many ports a target is started on.
const TRIES: u32 = 3;

/// A target's process, on one port for its whole life, restarts included.
#[derive(Debug)]
pub struct Instance {
    /// What it was started with.
    pub settings: Settings,
    /// Where it listens.
    pub port: u16,
    launch: Launch,
    patience: Duration,
    process: Mutex<Option<Arc<Process>>>,
}

impl Instance {
    /// Starts `manifest` with `settings`; `prepared` is its cache folder.
    pub async fn start(
        manifest: &Manifest,
        prepared: &Path,
        settings: &Settings,
    ) -> Result<Self, LaunchError> {
        let mut env: std::collections::BTreeMap<_, _> = manifest
            .env
            .iter()
            .map(|(name, value)| (name.clone(), fill(value, prepared, &manifest.dir)))
            .collect();
        env.extend(settings.environment());
        // Python holds back what it prints into a pipe unless told otherwise.
        env.entry("PYTHONUNBUFFERED".into())
            .or_insert_with(|| "1".into());
        let argv = manifest
            .start
            .iter()
            .map(|word| fill(word, prepared, &manifest.dir))
            .collect();
        let mut launch = Launch {
            argv,
            dir: manifest.dir.clone(),
            env,
        };
        let mut tries = 0;
        let (process, port) = loop {
            let own = port::own();
            launch.env.insert("PORT".into(), own.to_string());
            tries += 1;
            match launch.serve(manifest.ready_within).await {
                // Somebody was quicker; with the next one that is over.
                Err(LaunchError::Died { .. }) if tries < TRIES && port::is_taken(own) => {}
                served => break served?,
            }
        };
        launch.env.insert("PORT".into(), port.to_string());
        let process = Mutex::new(Some(Arc::new(process)));
        Ok(Self {
            settings: settings.clone(),
            port,
            launch,
            patience: manifest.ready_within,
            process,
        })
    }

    /// The id of its process group, while there is a process.
    pub async fn group(&self) -> Option<u32> {
        let process = self.process.lock().await.clone()?;
        process.status().is_none().then(|| process.group())
    }

    /// How it ended, if it has ended by itself: with what it printed last.
    pub async fn death(&self) -> Option<String> {
        let process = self.process.lock().await.clone()?;
        let status = process.status()?;
        let printed = process.output().last(20);
        Some(if printed.is_empty() {
            format!("the server's process ended with {status} and printed nothing")
        } else {
            format!("the server's process ended with {status}; it printed last:\n{printed}")
        })
    }

    /// Ends it.
    pub async fn end(&self) {
        let process = self.process.lock().await.take();
        if let Some(process) = process {
            process.stop(END).await;
        }
    }

    async fn begin(&self) -> Result<(), String> {
        let mut process = self.process.lock().await;
        if process
            .as_ref()
            .is_some_and(|process| process.status().is_none())
        {
            return Err("it is running already".into());
        }
        let (started, port) = self
            .launch
            .serve(self.patience)
            .await
            .map_err(|error| error.to_string())?;
        if port != self.port {
            return Err(format!(
                "it was started on port {} (PORT) and listens on {port}",
                self.port
            ));
        }
        *process = Some(Arc::new(started));
        Ok(())
    }

    async fn signal(&self, signal: Signal) -> Result<(), String> {
        let process = self.process.lock().await.clone();
        let process = process.ok_or("there is no process")?;
        process.signal(signal).map_err(|error| error.to_string())
    }
}

impl TargetControl for Instance {
    fn restart(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            self.end().await;
            self.begin().await
        })
    }

    fn stop(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            let process = self
                .process
                .lock()
                .await
                .take()
                .ok_or("there is no process")?;
            process
                .signal(Signal::Kill)
                .map_err(|error| error.to_string())?;
            process.ended().await;
            Ok(())
        })
    }

    fn start(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(self.begin())
    }

    fn pause(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(self.signal(Signal::Stop))
    }

    fn resume(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(self.signal(Signal::Continue))
    }

    fn terminate(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(self.signal(Signal::Term))
    }

    fn exited(&self) -> Pending<'_, Result<String, String>> {
        Box::pin(async move {
            let process = self.process.lock().await.clone();
            Ok(process.ok_or("there is no process")?.ended().await)
        })
    }
}
