//! A server that was judged.

use std::collections::BTreeMap;
use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Known, Stale};

/// A server that was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// Its name: a target's, or the URL.
    pub name: String,
    /// The versions of what was judged, by name, where they are known.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// Its address, where somebody else runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The capabilities that it declares.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Why it could not be judged at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// The entries of its `known.yaml`, but for those of scenarios that are none of this run's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Baselined>,
    /// Entries of its `known.yaml` that matched nothing although they should have; each is red.
    #[serde(default)]
    pub stale: Vec<Stale>,
    /// Capabilities that `--require` insists on and the server does not declare; each is red.
    #[serde(default)]
    pub missing: Vec<String>,
    /// How instances shared by several trials ended although nobody asked them to. The trials that this disturbed were
    /// played again, each on an instance of its own, and say which of them it was.
    #[serde(default)]
    pub deaths: Vec<String>,
    /// How many plays were asked of it, in all parts of the run together.
    #[serde(default)]
    pub selected: usize,
    /// From its first start to its last trial, milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
}

/// An entry of a target's `known.yaml`, and how much there is for it to match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baselined {
    /// The entry.
    pub entry: Known,
    /// How many trials it is about, played in this run or not.
    pub trials: usize,
    /// Whether none of these has the step that the entry names.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub without_step: bool,
}
