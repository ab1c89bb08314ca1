//! Somebody's parser: a process behind the line protocol of targets/parsers/README.md.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::answer::Answer;
use super::input::{Input, Layer};
use crate::scenario::json::{Json, Node};
use crate::target::embedded;
use crate::target::manifest::{Manifest, ManifestError, fill};
use crate::target::prepare::{self, Setup};
use crate::target::process::{Launch, Process};

/// How long a peer may say nothing while an answer is due, if nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line that is an answer, in bytes.
const LINE: u64 = 4 << 20;
/// A peer that keeps breaking is not started for ever.
const LIVES: u32 = 30;

/// A peer that `--against` names.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What its column is called.
    pub name: String,
    /// The versions of its parsers, as far as they are known.
    pub versions: BTreeMap<String, String>,
    /// How long it may say nothing while an answer is due.
    pub patience: Duration,
    /// Where it comes from.
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    Folder(Box<Manifest>),
    Command(Vec<String>),
}

impl Asked {
    /// The peer of that name in `targets/parsers`, here or in the program, or the command behind `cmd:`.
    ///
    /// # Errors
    /// Says what there is.
    pub fn find(name: &str) -> Result<Self, String> {
        if let Some(command) = name.strip_prefix("cmd:") {
            let argv: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            if argv.is_empty() {
                return Err("write cmd:COMMAND, such as cmd:./my-parser".into());
            }
            return Ok(Self {
                name: name.to_owned(),
                versions: BTreeMap::new(),
                patience: PATIENCE,
                origin: Origin::Command(argv),
            });
        }
        let manifest = Manifest::seek(&format!("parsers/{name}")).map_err(|error| match error {
            ManifestError::Unknown { .. } => format!(
                "there is no parser `{name}`; there are {}, or cmd:COMMAND",
                Vec::from_iter(embedded::parsers()).join(", ")
            ),
            error => error.to_string(),
        })?;
        Ok(Self {
            name: manifest.name.clone(),
            versions: manifest.versions.clone(),
            patience: PATIENCE,
            origin: Origin::Folder(Box::new(manifest)),
        })
    }

    /// Prepares it if it must be, starts it, and hears what it can parse.
    ///
    /// # Errors
    /// Says why it cannot be asked.
    pub async fn start(&self) -> Result<Peer, String> {
        let launch = match &self.origin {
            Origin::Command(argv) => Launch {
                argv: argv.clone(),
                dir: std::env::current_dir().map_err(|error| error.to_string())?,
                env: BTreeMap::new(),
            },
            Origin::Folder(manifest) => prepared(manifest).await?,
        };
        let mut peer = Peer {
            name: self.name.clone(),
            patience: self.patience,
            launch,
            talk: None,
            layers: Vec::new(),
            breaks: 0,
        };
        peer.revive().await?;
        Ok(peer)
    }
}

async fn prepared(manifest: &Manifest) -> Result<Launch, String> {
    let name = format!("parser-{}", manifest.name);
    let setup = Setup {
        name: &name,
        dir: &manifest.dir,
        inputs: &manifest.inputs,
        commands: &manifest.setup,
        env: &manifest.env,
    };
    let say = |text: &str| eprintln!("siospec: {text}");
    let folder = setup
        .prepare(&prepare::cache(), say)
        .await
        .map_err(|error| error.to_string())?;
    let filled = |word: &String| fill(word, &folder, &manifest.dir);
    let env = manifest.env.iter();
    Ok(Launch {
        argv: manifest.start.iter().map(filled).collect(),
        dir: folder.clone(),
        env: env
            .map(|(name, value)| (name.clone(), filled(value)))
            .collect(),
    })
}

/// A peer that runs; dropping it ends it.
#[derive(Debug)]
pub struct Peer {
    /// What its column is called.
    pub name: String,
    patience: Duration,
    launch: Launch,
    talk: Option<Talk>,
    layers: Vec<Layer>,
    breaks: u32,
}

#[derive(Debug)]
struct Talk {
    process: Process,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// What comes of one question.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An answer.
    Answer(Answer),
    /// It died, hung, or printed something else.
    Broke(String),
    /// It does not parse this layer.
    NotOffered,
}

impl Peer {
    /// Asks every input, in order. A peer that breaks is started again and asked on.
    ///
    /// # Errors
    /// It keeps breaking, or does not start again.
    pub async fn ask(&mut self, inputs: &[Input]) -> Result<Vec<Reply>, String> {
        let mut replies = vec![Reply::NotOffered; inputs.len()];
        let offered = |input: &Input| self.layers.contains(&input.layer);
        let due: Vec<usize> = (0..inputs.len())
            .filter(|at| offered(&inputs[*at]))
            .collect();
        let questions: Vec<_> = due.iter().map(|at| inputs[*at].question()).collect();
        let mut next = 0;
        while next < due.len() {
            let mut answered = next;
            let broke = self
                .batch(&questions[next..], |answer| {
                    replies[due[answered]] = Reply::Answer(answer);
                    answered += 1;
                })
                .await;
            next = answered;
            let Err(mut why) = broke else { break };
            self.revive().await?;
            // What it had answered without flushing is lost, so the input that broke it is looked for one by one.
            let suspects = next;
            while next < due.len() {
                let mut alone = None;
                let broke = self
                    .batch(&questions[next..=next], |answer| alone = Some(answer))
                    .await;
                let at = due[next];
                next += 1;
                match (broke, alone) {
                    (Ok(()), Some(answer)) => replies[at] = Reply::Answer(answer),
                    (Err(words), _) => {
                        replies[at] = Reply::Broke(words);
                        self.revive().await?;
                        why.clear();
                        break;
                    }
                    (Ok(()), None) => replies[at] = Reply::Broke("it gave no answer".into()),
                }
            }
            if !why.is_empty() {
                // No input does it alone.
                replies[due[suspects]] = Reply::Broke(format!("{why}, and not on one input alone"));
            }
        }
        Ok(replies)
    }

    /// Asks one input.
    ///
    /// # Errors
    /// As [`Peer::ask`].
    pub async fn ask_one(&mut self, input: &Input) -> Result<Reply, String> {
        let mut replies = self.ask(std::slice::from_ref(input)).await?;
        Ok(replies.pop().unwrap_or(Reply::NotOffered))
    }

    /// Writes all questions and reads as many answers.
    async fn batch(
        &mut self,
        questions: &[String],
        mut each: impl FnMut(Answer),
    ) -> Result<(), String> {
        let Some(talk) = &mut self.talk else {
            return Err("it does not run".into());
        };
        let text = questions.join("\n") + "\n\n";
        let (stdin, stdout, patience) = (&mut talk.stdin, &mut talk.stdout, self.patience);
        let ask = async {
            // A peer that dies while it is asked is noticed by the reader.
            let _ = stdin.write_all(text.as_bytes()).await;
            let _ = stdin.flush().await;
            std::future::pending::<()>().await;
        };
        let hear = async {
            for _ in questions {
                let line = line(stdout, patience).await?;
                let answer = Answer::parse(&line).map_err(|why| {
                    format!("it printed what is no answer ({why}): {}", cut(&line))
                })?;
                each(answer);
            }
            Ok(())
        };
        let heard = tokio::select! {
            heard = hear => heard,
            () = ask => Ok(()),
        };
        match heard {
            Err(why) => Err(self.buried(why).await),
            Ok(()) => Ok(()),
        }
    }

    /// Ends the process, and says how it had ended and what it printed if it had.
    async fn buried(&mut self, why: String) -> String {
        let Some(talk) = self.talk.take() else {
            return why;
        };
        if why != DIED {
            talk.process.stop(Duration::ZERO).await;
            return why;
        }
        let status = timeout(self.patience, talk.process.ended()).await;
        let output = talk.process.output().last(5);
        match (status, output.is_empty()) {
            (Ok(status), true) => format!("it ended with {status}"),
            (Ok(status), false) => format!("it ended with {status} and printed:\n{output}"),
            (Err(_), _) => "it closed its stdout".into(),
        }
    }

    /// Starts it, if it does not run, and hears its first line.
    async fn revive(&mut self) -> Result<(), String> {
        if self.talk.is_some() {
            return Ok(());
        }
        let wrong = |why: String| format!("{}: `{}`: {why}", self.name, self.launch.typed());
        if self.breaks > LIVES {
            return Err(wrong(format!("it broke {LIVES} times")));
        }
        self.breaks += 1;
        let (process, stdin, stdout) = self.launch.converse().map_err(|error| error.to_string())?;
        let mut stdout = BufReader::new(stdout);
        let first = line(&mut stdout, self.patience).await;
        self.talk = Some(Talk {
            process,
            stdin,
            stdout,
        });
        let layers = match first {
            Ok(line) => layers(&line).ok_or_else(|| {
                format!(
                    "its first line must say what it parses, such as {HELLO}; it was {}",
                    cut(&line)
                )
            }),
            Err(why) => Err(self.buried(why).await),
        };
        self.layers =
            layers.map_err(|why| format!("{}: `{}`: {why}", self.name, self.launch.typed()))?;
        Ok(())
    }

    /// Ends it.
    pub async fn end(self) {
        if let Some(Talk { process, stdin, .. }) = self.talk {
            drop(stdin);
            process.stop(Duration::from_secs(1)).await;
        }
    }
}

const HELLO: &str = r#"{"siospec":1,"layers":["socket"]}"#;
const DIED: &str = "it ended";

/// The next line, bounded in length and time.
async fn line(stdout: &mut BufReader<ChildStdout>, patience: Duration) -> Result<String, String> {
    let mut line = Vec::new();
    let mut bounded = stdout.take(LINE);
    match timeout(patience, bounded.read_until(b'\n', &mut line)).await {
        Err(_) => Err(format!("it said nothing for {patience:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) if line.last() != Some(&b'\n') => match line.len() as u64 {
            LINE.. => Err(format!("it printed a line of more than {LINE} bytes")),
            _ => Err(DIED.into()),
        },
        Ok(Ok(_)) => String::from_utf8(line)
            .map(|line| line.trim_end().to_owned())
            .map_err(|_| "it printed what is not UTF-8".into()),
    }
}

fn layers(line: &str) -> Option<Vec<Layer>> {
    let json = Json::parse(line).ok()?;
    let Node::Object { entries, .. } = json.root() else {
        return None;
    };
    let value = |name: &str| {
        entries
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, at)| json.node(*at))
    };
    let (Node::Number(version), Node::Array { items, .. }) = (value("siospec")?, value("layers")?)
    else {
        return None;
    };
    let layer = |item: &usize| match json.node(*item) {
        Node::Text(name) => Layer::from_name(name),
        _ => None,
    };
    (version == "1").then(|| items.iter().map(layer).collect())?
}

/// The start of a line that may be long.
fn cut(line: &str) -> String {
    crate::judge::shorten(line)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A peer that answers everything with no packets, but for what `odd` does to some questions.
    async fn peer(odd: &str) -> Peer {
        let script = format!(
            r#"echo '{HELLO}'
while read -r line; do case "$line" in
  {odd}
  "") ;;
  *) echo '{{"packets":[]}}' ;;
esac; done"#
        );
        let asked = Asked {
            name: "p".into(),
            versions: BTreeMap::new(),
            patience: Duration::from_secs(2),
            origin: Origin::Command(["sh", "-c", &script].map(str::to_owned).to_vec()),
        };
        asked.start().await.unwrap()
    }

    fn asked() -> Vec<Input> {
        let texts = ["a", "b", "odd", "c", "d"];
        let mut all = texts.map(|text| Input::text(Layer::Socket, text)).to_vec();
        all.push(Input::text(Layer::EnginePacket, "2"));
        all
    }

    async fn replies(odd: &str) -> Vec<String> {
        let mut peer = peer(odd).await;
        let replies = peer.ask(&asked()).await.unwrap();
        peer.end().await;
        let shown = |reply| match reply {
            Reply::Answer(answer) => answer.end.word().to_owned(),
            Reply::Broke(why) => why,
            Reply::NotOffered => "not offered".into(),
        };
        replies.into_iter().map(shown).collect()
    }

    #[tokio::test]
    async fn an_input_that_breaks_a_peer_is_found_and_the_rest_is_asked() {
        for (odd, why) in [
            (
                "*odd*) echo boom >&2; exit 3 ;;",
                "it ended with exit code 3 and printed:\n    boom",
            ),
            (
                "*odd*) echo hello ;;",
                "it printed what is no answer (it is not JSON): hello",
            ),
            ("*odd*) sleep 60 ;;", "it said nothing for 2s"),
        ] {
            let expected = [
                "accepted",
                "accepted",
                why,
                "accepted",
                "accepted",
                "not offered",
            ];
            assert_eq!(replies(odd).await, expected, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_always_breaks_is_given_up() {
        let mut peer = peer("*) exit 1 ;;").await;
        let many: Vec<_> = (0..100)
            .map(|n| Input::text(Layer::Socket, n.to_string()))
            .collect();
        let error = peer.ask(&many).await.unwrap_err();
        assert!(error.contains("it broke 30 times"), "{error}");
    }

    #[tokio::test]
    async fn a_peer_must_say_what_it_parses() {
        for (script, why) in [
            ("echo hi", "its first line must say what it parses"),
            ("exit 4", "it ended with exit code 4"),
        ] {
            let asked = Asked {
                name: "p".into(),
                versions: BTreeMap::new(),
                patience: Duration::from_secs(5),
                origin: Origin::Command(["sh", "-c", script].map(str::to_owned).to_vec()),
            };
            let error = asked.start().await.unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(
            Asked::find("cmd: ")
                .unwrap_err()
                .starts_with("write cmd:COMMAND")
        );
        assert!(
            Asked::find("nobody")
                .unwrap_err()
                .starts_with("there is no parser `nobody`; there are node, python")
        );
    }
}
