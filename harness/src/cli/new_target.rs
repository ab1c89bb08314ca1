//! `siospec new-target`: a working fixture app and its `target.yaml`, to start from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::refuse;
use crate::target::embedded;
use crate::target::manifest::Manifest;

/// Write a fixture app and its target.yaml, to start from: they work as they stand, and are a copy of a bundled target.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// `python`, `node` or `rust`, or the name of a bundled target
    #[arg(value_name = "LANGUAGE", value_parser = template)]
    template: &'static str,
    /// The folder to make; it must not be there, or be empty
    #[arg(value_name = "DIR", default_value = "siospec-target")]
    folder: PathBuf,
}

/// Which target shows a language best: the one whose app needs the least explanation.
const LANGUAGES: [(&str, &str); 3] = [
    ("python", "python-socketio"),
    ("node", "node-socketio"),
    ("rust", "socketioxide"),
];

fn template(word: &str) -> Result<&'static str, String> {
    let language = LANGUAGES.iter().find(|(language, _)| *language == word);
    let name = language.map_or(word, |(_, target)| target);
    // A variant of another target's app cannot stand alone.
    let whole = |name: &&str| !text(name, "target.yaml").contains("$TARGET/..");
    let names: Vec<_> = embedded::names().into_iter().filter(whole).collect();
    let found = names.iter().find(|known| **known == name);
    found.copied().ok_or_else(|| {
        let languages = LANGUAGES.map(|(language, _)| language).join(", ");
        format!("there are {languages}, and by name {}", names.join(", "))
    })
}

fn text(target: &str, file: &str) -> &'static str {
    let found = embedded::files(target).find(|(path, _)| *path == file);
    found
        .and_then(|(_, content)| std::str::from_utf8(content).ok())
        .unwrap_or_default()
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let folder = &self.folder;
        let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        if taken || folder.is_file() {
            return refuse(format!(
                "{} is there and not empty; name a folder that is to be made",
                folder.display()
            ));
        }
        let Some(name) = name(folder) else {
            return refuse(format!(
                "{} gives the target no name; name a folder that is to be made",
                folder.display()
            ));
        };
        match self.write(&name) {
            Ok(written) => {
                say(self.template, folder, &written);
                ExitCode::SUCCESS
            }
            Err((path, error)) => refuse(format!("cannot write {}: {error}", path.display())),
        }
    }

    /// The files that were written.
    fn write(&self, name: &str) -> Result<Vec<&'static str>, (PathBuf, std::io::Error)> {
        let mut written = Vec::new();
        for (path, content) in embedded::files(self.template) {
            let file = self.folder.join(path);
            let content = match path {
                "target.yaml" => named(&String::from_utf8_lossy(content), name).into_bytes(),
                _ => content.to_vec(),
            };
            fs::create_dir_all(file.parent().unwrap_or(&self.folder))
                .and_then(|()| fs::write(&file, content))
                .map_err(|error| (file, error))?;
            written.push(path);
        }
        Ok(written)
    }
}

/// A target is called like its folder.
fn name(folder: &Path) -> Option<String> {
    let whole = std::path::absolute(folder).ok()?;
    Some(whole.file_name()?.to_string_lossy().into_owned())
}

/// `target.yaml` under another name; the rest stays as it is, comments included.
fn named(text: &str, name: &str) -> String {
    let plain = serde_yaml::from_str::<String>(name).is_ok_and(|read| read == name);
    let name = match plain {
        true => name.to_owned(),
        false => serde_json::Value::from(name).to_string(),
    };
    let lines = text.lines().map(|line| match line.starts_with("name:") {
        true => format!("name: {name}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

fn say(template: &str, folder: &Path, written: &[&str]) {
    let file = folder.join("target.yaml");
    let library = Manifest::describe(&file)
        .ok()
        .and_then(|manifest| manifest.title)
        .unwrap_or_else(|| template.to_owned());
    let (folder, file) = (folder.display(), file.display());
    anstream::println!(
        "{folder} holds a fixture app on {library}: {}\n\n\
         Try it as it is:\n    \
         siospec fixture-check --target {file}\n    \
         siospec run --target {file}\n\n\
         Then make it yours:\n  \
         1. Put your server in the app's place. What it cannot do, leave out, and strike from `capabilities` and `knobs`.\n  \
         2. Correct `title`, `versions`, `setup`, `inputs` and `start` in target.yaml.",
        written.join(", ")
    );
    if written.contains(&"known.yaml") {
        anstream::println!(
            "  3. Delete known.yaml: it lists what {library} is known to do differently. Yours is written by\n     \
             siospec run --target {file} --report json=run.json\n     \
             siospec bless run.json --target {file} --reason 'why it is so'"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_or_a_target_that_stands_alone_is_a_template() {
        assert_eq!(template("python"), Ok("python-socketio"));
        assert_eq!(template("flask-socketio"), Ok("flask-socketio"));
        let known = "there are python, node, rust, and by name flask-socketio, node-socketio, ";
        for other in ["flask-socketio-gevent", "java"] {
            assert!(template(other).unwrap_err().starts_with(known));
        }
    }

    #[test]
    fn only_the_name_is_changed_and_quoted_where_yaml_needs_it() {
        let text = "name: x\ntitle: name\n# end\n";
        assert_eq!(named(text, "mine"), "name: mine\ntitle: name\n# end\n");
        assert!(named(text, "12: y").starts_with("name: \"12: y\"\n"));
        assert!(named(text, "# x").starts_with("name: \"# x\"\n"));
    }
}
