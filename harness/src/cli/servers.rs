//! The flags that say which servers are judged.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::play::Endpoint;
use crate::target::bundled::Bundled;
use crate::target::manifest::Manifest;
use crate::target::server::Server;
use crate::target::trust::trust;
use crate::target::url::Asked;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Servers")]
pub(super) struct Servers {
    /// Judge this target: `reference`, a name in the folder `targets`, or a path to a target.yaml (repeatable)
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Judge the server behind this URL, which somebody else runs
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where the URL's server has Socket.IO, if not at /socket.io/
    #[arg(long, value_name = "PATH", requires = "url")]
    path: Option<String>,
    /// A capability of the fixture contract that the URL's server has, if it has no /fixture to tell (repeatable)
    #[arg(long, value_name = "NAME", requires = "url", value_delimiter = ',')]
    cap: Vec<String>,
    /// A header for every request to the URL (repeatable)
    #[arg(long, value_name = "NAME: VALUE", requires = "url", value_parser = header)]
    header: Vec<(String, String)>,
    /// Trust the certificates of this PEM file beside the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// Nobody else uses the URL's server: also play scenarios that need it for themselves, one at a time
    #[arg(long, requires = "url")]
    exclusive: bool,
}

pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("write NAME: VALUE, such as `Authorization: Bearer x`")?;
    let (name, value) = (name.trim(), value.trim());
    reqwest::header::HeaderName::try_from(name)
        .map_err(|_| format!("`{name}` cannot be the name of a header"))?;
    reqwest::header::HeaderValue::try_from(value)
        .map_err(|_| format!("`{value}` cannot be the value of a header"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Servers {
    /// The servers in the order of the flags; the bundled one if there are none.
    pub(super) fn found(&self, time_scale: f64) -> Result<Vec<Server>, String> {
        let bundled = || Server::Bundled(Bundled::new(std::env::current_exe().ok()));
        let mut servers: Vec<Server> = Vec::new();
        for name in &self.target {
            let server = match name.as_str() {
                Bundled::NAME => bundled(),
                _ => Server::foreign(Manifest::find(name).map_err(|error| error.to_string())?),
            };
            if servers.iter().any(|other| other.name() == server.name()) {
                return Err(format!("--target {name} is given twice"));
            }
            servers.push(server);
        }
        if let Some(url) = &self.url {
            Endpoint::url(url).map_err(|error| format!("--url: {error}"))?;
            if let Some(ca) = &self.ca {
                trust(Some(ca)).map_err(|error| error.to_string())?;
            }
            let asked = Asked {
                url: url.clone(),
                path: self.path.clone(),
                capabilities: self.cap.clone(),
                headers: self.header.clone(),
                ca: self.ca.clone(),
                patience: Duration::from_secs(10).mul_f64(time_scale),
            };
            servers.push(Server::remote(asked, self.exclusive));
        }
        if servers.is_empty() {
            servers.push(bundled());
        }
        Ok(servers)
    }

    /// What a replay needs beside target or URL. The values of headers may be secret and are left to the reader.
    pub(super) fn repeated(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .path
            .iter()
            .map(|path| format!("--path {path}"))
            .collect();
        words.extend(self.cap.iter().map(|cap| format!("--cap {cap}")));
        words.extend(
            self.header
                .iter()
                .map(|(name, _)| format!("--header '{name}: …'")),
        );
        words.extend(
            self.ca
                .iter()
                .map(|path| format!("--ca {}", path.display())),
        );
        words.extend(self.exclusive.then(|| "--exclusive".to_owned()));
        words
    }
}
