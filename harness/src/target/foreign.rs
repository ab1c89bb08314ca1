//! The instances of one foreign target: one for each configuration that scenarios need, shared by their trials, and
//! fresh ones for trials that want to be alone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::instance::Instance;
use super::knobs::Settings;
use super::manifest::Manifest;
use super::prepare::{self, Setup};

/// How many instances may stand for trials that want to be alone; each is a whole interpreter.
const ALONE: usize = 3;
/// How many may start at once; more only makes all of them late.
const STARTING: usize = 2;
/// A shared instance that keeps dying is not started for ever.
const LIVES: usize = 20;

/// A target of `target.yaml` and its processes.
#[derive(Debug)]
pub struct Foreign {
    /// What `target.yaml` says.
    pub manifest: Manifest,
    prepared: OnceCell<Result<PathBuf, String>>,
    shared: Mutex<HashMap<Settings, Arc<Slot>>>,
    alone: Semaphore,
    starting: Semaphore,
}

/// The place of a shared instance.
#[derive(Debug, Default)]
struct Slot {
    instance: tokio::sync::Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    instance: Option<Arc<Instance>>,
    deaths: Vec<String>,
    /// A start that failed is not tried again for each trial.
    failed: Option<String>,
}

/// An instance lent to one trial.
#[derive(Debug)]
pub struct Loan<'a> {
    /// The process.
    pub instance: Arc<Instance>,
    /// Whether other trials may use it at the same time.
    pub shared: bool,
    _place: Option<SemaphorePermit<'a>>,
}

impl Foreign {
    /// Nothing is prepared or started yet.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            prepared: OnceCell::new(),
            shared: Mutex::default(),
            alone: Semaphore::new(ALONE),
            starting: Semaphore::new(STARTING),
        }
    }

    /// Its prepared folder. Says on stderr what takes long.
    pub async fn prepare(&self) -> Result<PathBuf, String> {
        let prepare = async || {
            let setup = Setup {
                name: &self.manifest.name,
                dir: &self.manifest.dir,
                inputs: &self.manifest.inputs,
                commands: &self.manifest.setup,
                env: &self.manifest.env,
            };
            let say = |text: &str| eprintln!("siospec: {text}");
            setup
                .prepare(&prepare::cache(), say)
                .await
                .map_err(|error| error.to_string())
        };
        self.prepared.get_or_init(prepare).await.clone()
    }

    /// An instance with these settings: the shared one, or one for the borrower alone.
    pub async fn lend(&self, settings: &Settings, alone: bool) -> Result<Loan<'_>, String> {
        if alone {
            let place = self
                .alone
                .acquire()
                .await
                .map_err(|error| error.to_string())?;
            let instance = Arc::new(self.start(settings).await?);
            return Ok(Loan {
                instance,
                shared: false,
                _place: Some(place),
            });
        }
        let slot = {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.entry(settings.clone()).or_default().clone()
        };
        let mut slot = slot.instance.lock().await;
        if let Some(failed) = &slot.failed {
            return Err(failed.clone());
        }
        if let Some(instance) = &slot.instance {
            match instance.death().await {
                None => {
                    return Ok(Loan {
                        instance: instance.clone(),
                        shared: true,
                        _place: None,
                    });
                }
                Some(death) => slot.deaths.push(death),
            }
        }
        if slot.deaths.len() >= LIVES {
            let last = slot.deaths.last().cloned().unwrap_or_default();
            return Err(format!(
                "it died {LIVES} times while trials were running; the last time, {last}"
            ));
        }
        match self.start(settings).await {
            Ok(instance) => {
                let instance = Arc::new(instance);
                slot.instance = Some(instance.clone());
                Ok(Loan {
                    instance,
                    shared: true,
                    _place: None,
                })
            }
            Err(error) => {
                slot.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn start(&self, settings: &Settings) -> Result<Instance, String> {
        let prepared = self.prepare().await?;
        let _turn = self
            .starting
            .acquire()
            .await
            .map_err(|error| error.to_string())?;
        Instance::start(&self.manifest, &prepared, settings)
            .await
            .map_err(|error| error.to_string())
    }

    /// What dead instances printed last, by their configuration.
    pub async fn deaths(&self) -> Vec<String> {
        let slots = self.slots();
        let mut all = Vec::new();
        for (settings, slot) in slots {
            let slot = slot.instance.lock().await;
            let of = settings.said();
            all.extend(slot.deaths.iter().map(|death| format!("{of}: {death}")));
        }
        all
    }

    /// Ends every shared instance with these settings; nobody needs it any more.
    pub async fn retire(&self, settings: &Settings) {
        let slot = {
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.get(settings).cloned()
        };
        let Some(slot) = slot else { return };
        let mut slot = slot.instance.lock().await;
        if let Some(instance) = slot.instance.take() {
            slot.deaths.extend(instance.death().await);
            instance.end().await;
        }
    }

    /// Ends every instance.
    pub async fn close(&self) {
        for (settings, _) in self.slots() {
            self.retire(&settings).await;
        }
    }

    fn slots(&self) -> Vec<(Settings, Arc<Slot>)> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared
            .iter()
            .map(|(settings, slot)| (settings.clone(), slot.clone()))
            .collect()
    }
}
