//! Runs the program in a folder of its own, and servers that misbehave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A folder, and what siospec said in it.
pub(crate) struct Run {
    folder: TempDir,
    output: Option<Output>,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            output: None,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn siospec(mut self, arguments: &[&str]) -> Self {
        self.output = Some(self.command(arguments).output().unwrap());
        self
    }

    /// Runs the program once more in the folder, which stays: its exit code, and everything that it printed.
    #[allow(dead_code, reason = "not every test that has this module needs it")]
    pub(crate) fn then(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_siospec"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("SIOSPEC_CACHE", self.folder().join("cache"));
        command
    }

    /// Everything that it printed.
    pub(crate) fn text(&self) -> String {
        text(self.output.as_ref().unwrap())
    }

    pub(crate) fn code(&self) -> i32 {
        self.output.as_ref().unwrap().status.code().unwrap()
    }

    #[track_caller]
    pub(crate) fn ends(&self, code: i32) {
        assert_eq!(self.code(), code, "{}", self.text());
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        let text = self.text();
        for word in words {
            assert!(text.contains(word), "`{word}` is missing in:\n{text}");
        }
        assert!(!text.contains("panicked"), "{text}");
    }
}

/// A server that answers each connection's first request, or breaks it.
pub(crate) struct Server {
    url: String,
}

impl Server {
    /// `answer` gets a request's head; `None` resets the connection.
    pub(crate) fn answering(answer: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        Self::listening("http", move |mut stream| match answer(&head(&mut stream)) {
            Some(text) => {
                let _ = stream.write_all(text.as_bytes());
                std::thread::sleep(Duration::from_millis(50));
            }
            None => drop(stream),
        })
    }

    /// TLS with a certificate of its own making; behind it, 404.
    pub(crate) fn encrypted() -> Self {
        let pem = |name: &str| {
            std::fs::read(format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        let certificates = CertificateDer::pem_slice_iter(&pem("certificate.pem"))
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(&pem("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        let config = Arc::new(config);
        Self::listening("https", move |stream| {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                );
                let _ = stream.flush();
            }
        })
    }

    fn listening(scheme: &str, serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "{scheme}://127.0.0.1:{}",
            listener.local_addr().unwrap().port()
        );
        std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
        Self { url }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
