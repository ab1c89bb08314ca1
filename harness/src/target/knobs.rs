//! The knobs of the fixture contract: what a server can be started with, and what it honours.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::scenario::model::Config;

/// What one instance is started with, by the knobs' names in a scenario: milliseconds and bytes as numbers,
/// switches as booleans, the rest as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Settings(BTreeMap<&'static str, Setting>);

/// The value of a knob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Milliseconds or bytes.
    Number(u64),
    /// On or off.
    Switch(bool),
    /// A name, a list, a packet.
    Text(String),
}

/// One row of the contract.
struct Knob {
    name: &'static str,
    variable: &'static str,
    unit: Unit,
    slow: fn() -> Setting,
    asked: fn(&Config) -> Option<Setting>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Bytes,
    None,
}

fn ms(duration: Duration) -> Setting {
    Setting::Number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn seconds<const N: u64>() -> Setting {
    Setting::Number(N * 1000)
}

fn nothing() -> Setting {
    Setting::Text(String::new())
}

/// The contract's knobs, and the slow default in which no ping disturbs a scenario.
#[rustfmt::skip]
const KNOBS: [Knob; 11] = [
    Knob { name: "pingInterval", variable: "PING_INTERVAL_MS", unit: Unit::Milliseconds, slow: seconds::<10>, asked: |c| c.ping_interval.map(ms) },
    Knob { name: "pingTimeout", variable: "PING_TIMEOUT_MS", unit: Unit::Milliseconds, slow: seconds::<10>, asked: |c| c.ping_timeout.map(ms) },
    Knob { name: "maxPayload", variable: "MAX_PAYLOAD", unit: Unit::Bytes, slow: || Setting::Number(1_000_000), asked: |c| c.max_payload.map(Setting::Number) },
    Knob { name: "connectTimeout", variable: "CONNECT_TIMEOUT_MS", unit: Unit::Milliseconds, slow: seconds::<10>, asked: |c| c.connect_timeout.map(ms) },
    Knob { name: "upgradeTimeout", variable: "UPGRADE_TIMEOUT_MS", unit: Unit::Milliseconds, slow: seconds::<5>, asked: |c| c.upgrade_timeout.map(ms) },
    Knob { name: "cors", variable: "CORS", unit: Unit::None, slow: nothing, asked: |c| c.cors.clone().map(Setting::Text) },
    Knob { name: "cookie", variable: "COOKIE", unit: Unit::None, slow: nothing, asked: |c| c.cookie.clone().map(Setting::Text) },
    Knob { name: "recovery", variable: "RECOVERY", unit: Unit::None, slow: || Setting::Switch(false), asked: |c| c.recovery.map(Setting::Switch) },
    Knob { name: "recoveryWindow", variable: "RECOVERY_WINDOW_MS", unit: Unit::Milliseconds, slow: seconds::<120>, asked: |c| c.recovery_window.map(ms) },
    Knob { name: "upgrades", variable: "UPGRADES", unit: Unit::None, slow: || Setting::Switch(true), asked: |c| c.upgrades.map(Setting::Switch) },
    Knob { name: "initialPacket", variable: "INITIAL_PACKET", unit: Unit::None, slow: nothing, asked: |c| c.initial_packet.clone().map(Setting::Text) },
];

/// The names of all knobs, in the contract's order.
pub fn names() -> impl Iterator<Item = &'static str> {
    KNOBS.iter().map(|knob| knob.name)
}

/// The contract's environment variable for a knob.
pub fn variable(name: &str) -> Option<&'static str> {
    KNOBS
        .iter()
        .find(|knob| knob.name == name)
        .map(|knob| knob.variable)
}

/// Within what bounds a server honours a knob.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least value, milliseconds or bytes.
    pub min: Option<u64>,
    /// The greatest value.
    pub max: Option<u64>,
    /// Values are multiples of this; `1s` where a server counts whole seconds.
    pub step: Option<u64>,
    /// The one value that the server has and that cannot be changed.
    pub fixed: Option<Setting>,
}

/// The knobs that a server honours, each within its bounds; what is absent it does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Honoured(pub BTreeMap<String, Bounds>);

impl Honoured {
    /// Every knob, without bounds: what the bundled server does.
    pub fn everything() -> Self {
        Self(
            names()
                .map(|name| (name.to_owned(), Bounds::default()))
                .collect(),
        )
    }

    /// What the server is to be started with for a scenario's `config:`, or in words why it cannot be.
    pub fn settle(&self, config: &Config) -> Result<Settings, String> {
        let mut settings = BTreeMap::new();
        for knob in &KNOBS {
            let asked = (knob.asked)(config);
            let slow = (knob.slow)();
            let value = match (self.0.get(knob.name), asked) {
                (None, Some(asked)) if asked != slow => {
                    return Err(format!(
                        "the server has no knob {} (the scenario needs {asked})",
                        knob.name
                    ));
                }
                (None, _) => continue,
                (
                    Some(Bounds {
                        fixed: Some(fixed), ..
                    }),
                    Some(asked),
                ) if asked != *fixed => {
                    return Err(format!(
                        "{} is {fixed} and cannot be changed (the scenario needs {asked})",
                        knob.name
                    ));
                }
                (
                    Some(Bounds {
                        fixed: Some(fixed), ..
                    }),
                    _,
                ) => fixed.clone(),
                (Some(bounds), Some(asked)) => {
                    bounds.admit(knob.name, &asked)?;
                    asked
                }
                (Some(_), None) => slow,
            };
            settings.insert(knob.name, value);
        }
        Ok(Settings(settings))
    }
}

impl Bounds {
    fn admit(&self, name: &str, asked: &Setting) -> Result<(), String> {
        let Setting::Number(asked) = *asked else {
            return Ok(());
        };
        let refused = |bound: &str, value: u64| {
            Err(format!(
                "{name} is {bound} {value} (the scenario needs {asked})"
            ))
        };
        match (self.min, self.max, self.step) {
            (Some(min), _, _) if asked < min => refused("at least", min),
            (_, Some(max), _) if asked > max => refused("at most", max),
            (_, _, Some(step)) if step > 0 && !asked.is_multiple_of(step) => {
                refused("a multiple of", step)
            }
            _ => Ok(()),
        }
    }
}

impl Settings {
    /// The settings for a server whose knobs nobody knows.
    pub fn unknown() -> Self {
        Self(BTreeMap::new())
    }

    /// The variables of the contract that say this.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let said = KNOBS
            .iter()
            .filter_map(|knob| Some((knob.variable.to_owned(), self.0.get(knob.name)?.variable())));
        said.collect()
    }

    /// `$config.…` of the scenarios.
    pub fn values(&self) -> BTreeMap<String, Value> {
        self.0
            .iter()
            .map(|(name, setting)| ((*name).to_owned(), setting.value()))
            .collect()
    }

    /// The value of a knob.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    /// What differs from the slow default, for messages: `pingInterval 300 ms`.
    pub fn said(&self) -> String {
        let unlike = KNOBS.iter().filter_map(|knob| {
            let setting = self
                .0
                .get(knob.name)
                .filter(|setting| **setting != (knob.slow)())?;
            let unit = match knob.unit {
                Unit::Milliseconds => " ms",
                Unit::Bytes => " bytes",
                Unit::None => "",
            };
            Some(format!("{} {setting}{unit}", knob.name))
        });
        let said: Vec<_> = unlike.collect();
        if said.is_empty() {
            "the default configuration".into()
        } else {
            said.join(", ")
        }
    }
}

impl Setting {
    fn variable(&self) -> String {
        match self {
            Setting::Switch(on) => u8::from(*on).to_string(),
            other => other.to_string(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Setting::Number(number) => (*number).into(),
            Setting::Switch(on) => (*on).into(),
            Setting::Text(text) => text.clone().into(),
        }
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Setting::Number(number) => number.fmt(f),
            Setting::Switch(on) => on.fmt(f),
            Setting::Text(text) => text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pings(interval: u64) -> Config {
        Config {
            ping_interval: Some(Duration::from_millis(interval)),
            ..Config::default()
        }
    }

    #[test]
    fn a_scenario_that_says_nothing_gets_the_slow_default() {
        let settings = Honoured::everything().settle(&Config::default()).unwrap();
        let env = settings.environment();
        assert_eq!(env["PING_INTERVAL_MS"], "10000");
        assert_eq!(env["UPGRADE_TIMEOUT_MS"], "5000");
        assert_eq!(env["RECOVERY"], "0");
        assert_eq!(env["CORS"], "");
        assert_eq!(env.len(), KNOBS.len());
        assert_eq!(settings.said(), "the default configuration");
    }

    #[test]
    fn a_knob_that_the_server_lacks_is_not_offered_unless_its_default_is_wanted() {
        let none = Honoured::default();
        assert!(
            none.settle(&pings(300))
                .unwrap_err()
                .contains("no knob pingInterval")
        );
        assert_eq!(none.settle(&pings(10_000)).unwrap(), Settings::unknown());
    }

    #[test]
    fn bounds_are_kept() {
        let bounds = Bounds {
            min: Some(1000),
            step: Some(1000),
            ..Bounds::default()
        };
        let honoured = Honoured([("pingInterval".to_owned(), bounds)].into());
        assert_eq!(
            honoured.settle(&pings(300)).unwrap_err(),
            "pingInterval is at least 1000 (the scenario needs 300)"
        );
        assert!(
            honoured
                .settle(&pings(1500))
                .unwrap_err()
                .contains("a multiple of 1000")
        );
        let settled = honoured.settle(&pings(2000)).unwrap();
        assert_eq!(
            settled.environment(),
            [("PING_INTERVAL_MS".to_owned(), "2000".to_owned())].into()
        );
        assert_eq!(settled.said(), "pingInterval 2000 ms");
    }

    #[test]
    fn a_fixed_knob_is_offered_at_its_one_value() {
        let bounds = Bounds {
            fixed: Some(Setting::Number(25_000)),
            ..Bounds::default()
        };
        let honoured = Honoured([("pingInterval".to_owned(), bounds)].into());
        assert!(honoured.settle(&pings(300)).is_err());
        assert!(honoured.settle(&pings(25_000)).is_ok());
        assert_eq!(
            honoured.settle(&Config::default()).unwrap().values()["pingInterval"],
            25_000
        );
    }
}
