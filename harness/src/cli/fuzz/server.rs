//! `siospec fuzz server`: random conversations with live servers.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::cli::refuse;
use crate::cli::servers::Servers;
use crate::cli::signals;
use crate::fuzz::server::{Campaign, Ended, Finding, Standing, campaign};
use crate::outcome::Conclusion;
use crate::run::stop::Stop;
use crate::target::server::Server;

/// Conversations at once: on the bundled server, and on another one.
const JOBS: (u16, u16) = (16, 8);
/// Conversations a second, at most: on this machine, and elsewhere.
const RATES: (f64, f64) = (500.0, 5.0);

/// Play random conversations of several clients against live servers: connections, namespaces, rooms, broadcasts,
/// acknowledgements, binary, upgrades, cuts, and packets that are wrong. A model says what everybody must hear. What
/// goes wrong is made small, played again, and written out as a scenario. Ends with 1 if anything was found.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    servers: Servers,
    /// The seed of the first conversation; each further one has the next [default: a random one]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Begin no conversation after this time, for each server: 60s, 10m, 1h
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = crate::cli::time::time)]
    time: Duration,
    /// Begin no more conversations than this, for each server
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Begin no more conversations a second than this [default: 500 on this machine, 5 elsewhere]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Play this many conversations at once [default: 16 on the bundled server, 8 on others]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Multiply deadlines and the tolerance
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = crate::cli::run::factor)]
    time_scale: f64,
    /// Also ask for what the target's known deviations name
    #[arg(long)]
    known: bool,
    /// Write findings into this folder, each target's into one of its own
    #[arg(long, value_name = "FOLDER", default_value = "findings")]
    out: PathBuf,
    /// The server behind the URL is not on this machine, and whoever runs it agrees
    #[arg(long, requires = "url")]
    i_own_this_server: bool,
    /// Break one rule of the bundled server, by the name of its fault
    #[arg(long, value_name = "NAME", conflicts_with_all = ["target", "url"])]
    fault: Option<String>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "write a number")?;
    match (0.01..=10_000.0).contains(&rate) {
        true => Ok(rate),
        false => Err("it lies between 0.01 and 10000".to_owned()),
    }
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let servers = match self.found() {
            Ok(servers) => servers,
            Err(error) => return refuse(error),
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        let stop = Stop::default();
        signals::listen(
            &stop,
            "stopping; what was found so far is written (again to leave at once)",
        );
        let mut worst = Conclusion::Conforms.code();
        for server in servers {
            let code = runtime.block_on(self.one(Arc::new(server), &stop));
            worst = match (worst, code) {
                (_, 130) | (130, _) => 130,
                (worst, code) => worst.max(code),
            };
            if stop.is_set() {
                break;
            }
        }
        ExitCode::from(worst)
    }

    /// The servers, none of them elsewhere unless that was agreed to.
    fn found(&self) -> Result<Vec<Server>, String> {
        if let Some(name) = &self.fault {
            let fault = siospec_reference_server::faults::find(name)
                .ok_or_else(|| format!("there is no fault `{name}`"))?;
            let broken =
                crate::target::bundled::Bundled::broken(std::env::current_exe().ok(), Some(fault));
            return Ok(vec![Server::Bundled(broken)]);
        }
        let servers = self.servers.found(self.time_scale)?;
        let elsewhere = servers
            .iter()
            .filter_map(Server::url)
            .find(|url| !is_here(url));
        match elsewhere {
            Some(url) if !self.i_own_this_server => Err(format!(
                "{url} is not on this machine: fuzzing sends it thousands of malformed packets; \
                 add --i-own-this-server if whoever runs it agrees"
            )),
            _ => Ok(servers),
        }
    }

    async fn one(&self, server: Arc<Server>, stop: &Stop) -> u8 {
        let name = server.name().to_owned();
        if let Err(error) = server.reach().await {
            anstream::eprintln!("siospec: {name}: {error}");
            return Conclusion::Unreachable.code();
        }
        let here = server.url().is_none_or(is_here);
        let bundled = matches!(&*server, Server::Bundled(_));
        let folder: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let order = Campaign {
            seed: self
                .seed
                .unwrap_or_else(|| u64::from(rand::random::<u32>())),
            time: self.time,
            count: self.count,
            rate: self.rate.unwrap_or(if here { RATES.0 } else { RATES.1 }),
            jobs: usize::from(self.jobs.unwrap_or(if bundled { JOBS.0 } else { JOBS.1 })),
            known: self.known,
            time_scale: self.time_scale,
            folder: self.out.join(folder),
            flags: self.flags(&server),
        };
        anstream::println!("{name}, from the seed {}", order.seed);
        let shown = std::io::stderr().is_terminal();
        let total = order.time;
        let flags = self.replay_flags(&server);
        let ended = campaign(order, server.clone(), stop.clone(), |standing| {
            if shown {
                show(standing, total);
            }
        })
        .await;
        if shown {
            eprint!("\r\x1b[K");
        }
        let deaths = server.deaths().await;
        server.close().await;
        match ended {
            Ok(ended) => report(&ended, &deaths, &flags),
            Err(error) => {
                anstream::eprintln!("siospec: {name}: {error}");
                crate::cli::Code::Wrong as u8
            }
        }
    }

    /// The flags that fuzz this server again.
    fn flags(&self, server: &Server) -> String {
        let mut flags = match &self.fault {
            Some(fault) => format!("--fault {fault}"),
            None => self.replay_flags(server),
        };
        if self.known {
            flags += " --known";
        }
        flags
    }

    /// The flags of `siospec run` for this server.
    fn replay_flags(&self, server: &Server) -> String {
        let mut words = match server {
            Server::Remote(_) => vec![format!("--url {}", server.name())],
            _ => vec![format!("--target {}", server.name())],
        };
        if server.url().is_some() {
            words.extend(self.servers.repeated());
        }
        words.join(" ")
    }
}

/// Whether every address of the URL's host is one of this machine's own.
fn is_here(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let port = url.port_or_known_default().unwrap_or(80);
    (host, port).to_socket_addrs().is_ok_and(|addresses| {
        let addresses: Vec<_> = addresses.collect();
        !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback())
    })
}

fn show(standing: &Standing, total: Duration) {
    let seconds = standing.took.as_secs_f64();
    eprint!(
        "\r\x1b[K{} conversations, {:.0} a second, {} findings, {} s left",
        standing.conversations,
        standing.conversations as f64 / seconds.max(0.001),
        standing.classes,
        total.saturating_sub(standing.took).as_secs()
    );
    let _ = std::io::stderr().flush();
}

fn report(ended: &Ended, deaths: &[String], flags: &str) -> u8 {
    let seconds = ended.took.as_secs_f64();
    anstream::println!(
        "  {} conversations in {seconds:.1} s, {:.1} a second; {} findings",
        ended.conversations,
        ended.conversations as f64 / seconds.max(0.001),
        ended.findings.len()
    );
    if ended.passing > 0 {
        anstream::println!(
            "  {} failed as they do where this machine is late, and never again when they were played once more",
            ended.passing
        );
    }
    if let (count, Some(why)) = &ended.errored {
        anstream::println!("  {count} could not be judged: {}", why.trim_end());
    }
    for death in deaths {
        anstream::println!(
            "  a process died: {}",
            death.lines().next().unwrap_or_default()
        );
    }
    for finding in &ended.findings {
        show_finding(finding, ended.conversations, flags);
    }
    let conclusion = match (
        ended.interrupted,
        ended.conversations,
        ended.findings.is_empty(),
    ) {
        (true, _, _) => Conclusion::Interrupted,
        (_, 0, _) => Conclusion::NothingJudged,
        (_, _, true) => Conclusion::Conforms,
        _ => Conclusion::Red,
    };
    conclusion.code()
}

fn show_finding(finding: &Finding, conversations: u64, flags: &str) {
    anstream::println!(
        "\n  {}\n    in {} of {conversations} conversations; first with --seed {}; {} acts made {}",
        finding.class,
        finding.count,
        finding.seed,
        finding.acts.0,
        finding.acts.1
    );
    anstream::println!("    {}", finding.deeds.join(", "));
    for line in &finding.said {
        anstream::println!("    {line}");
    }
    let repeats = finding.repeats;
    match repeats.stable() {
        true => anstream::println!("    it failed so {} times of {}", repeats.same, repeats.of),
        false => anstream::println!(
            "    unstable: it failed so {} times of {}",
            repeats.same,
            repeats.of
        ),
    }
    if let Some(file) = &finding.file {
        anstream::println!("    siospec run {} {flags}", file.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_here() {
        assert!(is_here("http://127.0.0.1:3000/x"));
        assert!(is_here("http://[::1]:3000"));
        assert!(!is_here("http://192.0.2.7"));
        assert!(!is_here("http://10.0.0.1:80"));
        assert!(!is_here("nonsense"));
    }
}
