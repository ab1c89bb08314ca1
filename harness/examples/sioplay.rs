// private: plays scenarios against the bundled server, instance per trial
use siospec::play::{End, Endpoint, PlayOptions, Pulse, play};
use siospec::scenario::{catalogue, corpus, trial::Trial};
use siospec_reference_server::{
    config::{Config, Cors, Recovery},
    faults,
    fixture::{FixtureConfig, serve},
};
use std::time::Duration;
#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let root = args[0].clone();
    let filters: Vec<String> = args[1..]
        .iter()
        .filter(|a| !a.starts_with("--"))
        .cloned()
        .collect();
    let fault = args
        .iter()
        .find_map(|a| a.strip_prefix("--fault="))
        .map(|f| faults::find(f).expect("fault"));
    let verbose = args.iter().any(|a| a == "--trace");
    let only_check = args.iter().any(|a| a == "--check");
    let jobs = args
        .iter()
        .find_map(|a| a.strip_prefix("--jobs="))
        .and_then(|j| j.parse().ok())
        .unwrap_or(24usize);
    let repeat = args
        .iter()
        .find_map(|a| a.strip_prefix("--repeat="))
        .and_then(|j| j.parse().ok())
        .unwrap_or(1usize);
    let stress = args.iter().any(|a| a == "--stress");
    let cat = corpus::catalogue().unwrap();
    let _ = &catalogue::Catalogue::default;
    let c = corpus::Corpus::read(&[root.into()], &cat).unwrap();
    for e in &c.errors {
        println!("{e}");
    }
    println!("{} scenarios, {} errors", c.scenarios.len(), c.errors.len());
    if only_check {
        return;
    }
    let pulse = Pulse::start();
    let sem = std::sync::Arc::new(tokio::sync::Semaphore::new(jobs));
    let mut set = tokio::task::JoinSet::new();
    for s in &c.scenarios {
        if s.stress && !stress {
            continue;
        }
        for t in Trial::of(s) {
            if !filters.is_empty()
                && !filters
                    .iter()
                    .any(|f| t.name.contains(f.as_str()) || s.requirements.iter().any(|r| r == f))
            {
                continue;
            }
            for _ in 0..repeat {
                let (t, pulse, sem, s) = (t.clone(), pulse.clone(), sem.clone(), s.clone());
                set.spawn(async move {
                    let _p = sem.acquire().await.unwrap();
                    let k = &s.config;
                    let ms = Duration::from_millis;
                    let server = Config {
                        ping_interval: k.ping_interval.unwrap_or(ms(10000)),
                        ping_timeout: k.ping_timeout.unwrap_or(ms(10000)),
                        max_payload: k.max_payload.unwrap_or(1_000_000) as usize,
                        connect_timeout: k.connect_timeout.unwrap_or(ms(10000)),
                        upgrade_timeout: k.upgrade_timeout.unwrap_or(ms(5000)),
                        cors: Cors::parse(k.cors.as_deref().unwrap_or("")),
                        cookie: k.cookie.clone().filter(|c| !c.is_empty()),
                        upgrades: k.upgrades.unwrap_or(true),
                        recovery: k.recovery.unwrap_or(false).then(|| Recovery {
                            window: k.recovery_window.unwrap_or(ms(120000)),
                            ..Recovery::default()
                        }),
                        ..Config::default()
                    };
                    let running = serve(FixtureConfig {
                        server,
                        fault,
                        ..FixtureConfig::default()
                    })
                    .await
                    .unwrap();
                    let e = Endpoint::local(running.address()).unwrap();
                    let o = PlayOptions {
                        pulse: Some(pulse),
                        ..PlayOptions::default()
                    };
                    let p = play(&t, &e, &o, std::future::pending()).await;
                    running.stop().await;
                    (t.name.clone(), s.requirements.clone(), p)
                });
            }
        }
    }
    let mut out = Vec::new();
    while let Some(r) = set.join_next().await {
        out.push(r.unwrap());
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    let mut bad = 0;
    for (name, req, p) in &out {
        match &p.end {
            End::Passed => {}
            End::Failed(f) | End::Errored(f) => {
                bad += 1;
                println!("FAIL {req:?} {name} {:?} [{}] {:?}", p.took, f.at, f.client);
                println!(
                    "     {} | expected {:?} | received {:?} {:?} {:?}",
                    f.summary, f.expected, f.received, f.notes, p.late
                );
            }
            End::Cancelled => println!("CANCELLED {name}"),
        }
        if verbose {
            for e in &p.transcript.entries {
                println!("   {e:?}");
            }
        }
    }
    println!(
        "{} trials, {} failed, slowest {:?}",
        out.len(),
        bad,
        out.iter().map(|o| (o.2.took, &o.0)).max()
    );
}
