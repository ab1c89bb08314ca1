//! A scenario, multiplied by its cases and by the ways its clients connect.

use std::sync::Arc;

use super::model::{Case, Link, Reconnect, Scenario, Transport};

/// One scenario with one case and one link for each client: what is played at once and judged.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The scenario's name, with the choices that made this trial: `path[packet=array,A=polling]`.
    pub name: String,
    /// What it is a trial of.
    pub scenario: Arc<Scenario>,
    /// The case, with its steps.
    pub case: Case,
    /// The listed clients, each with its one link.
    pub clients: Vec<Seat>,
}

/// A listed client of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Name of the client or group.
    pub name: String,
    /// Members of the group; `None` for a single client.
    pub count: Option<u32>,
    /// How it connects.
    pub link: Link,
    /// Whether it is opened before step 1.
    pub opened: bool,
    /// How it reconnects by itself, if it does.
    pub reconnecting: Option<Arc<Reconnect>>,
}

impl Trial {
    /// Whether it sets up many clients at once.
    #[must_use]
    pub fn is_a_crowd(&self) -> bool {
        self.clients.iter().any(|seat| seat.count.is_some())
    }

    /// All trials of a scenario: its cases first, then the links of each client in turn.
    #[must_use]
    pub fn of(scenario: &Arc<Scenario>) -> Vec<Self> {
        let mut trials = Vec::new();
        for case in &scenario.cases {
            for clients in seatings(scenario) {
                let name = name(scenario, case, &clients);
                trials.push(Self {
                    name,
                    scenario: Arc::clone(scenario),
                    case: case.clone(),
                    clients,
                });
            }
        }
        trials
    }
}

/// Every choice of one link for each client, the last client's changing fastest.
fn seatings(scenario: &Scenario) -> Vec<Vec<Seat>> {
    let mut seatings = vec![Vec::new()];
    for client in &scenario.clients {
        let mut longer = Vec::with_capacity(seatings.len() * client.links.len());
        for seating in &seatings {
            for &link in &client.links {
                let mut next = seating.clone();
                next.push(Seat {
                    name: client.name.clone(),
                    count: client.count,
                    link,
                    opened: client.opened,
                    reconnecting: client.reconnecting.clone(),
                });
                longer.push(next);
            }
        }
        seatings = longer;
    }
    seatings
}

fn name(scenario: &Scenario, case: &Case, clients: &[Seat]) -> String {
    let mut choices: Vec<String> = case
        .labels
        .iter()
        .map(|(key, label)| format!("{key}={label}"))
        .collect();
    for (seat, client) in clients.iter().zip(&scenario.clients) {
        if client.links.len() > 1 {
            choices.push(format!("{}={}", seat.name, seat.link));
        }
    }
    if choices.is_empty() {
        return scenario.name.clone();
    }
    format!("{}[{}]", scenario.name, choices.join(","))
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.transport)?;
        if self.via_proxy {
            f.write_str(" via proxy")
        } else {
            Ok(())
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        })
    }
}
