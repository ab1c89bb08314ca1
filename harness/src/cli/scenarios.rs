//! The scenarios that a verb works on: the embedded ones, or files.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Code, refuse};
use crate::scenario::catalogue::Catalogue;
use crate::scenario::corpus::{self, Corpus};
use crate::scenario::model::Scenario;

/// The catalogue, and the scenarios of these paths or, without any, the embedded ones; what is wrong with them is not
/// yet said.
pub(super) fn read(paths: &[PathBuf]) -> Result<(Catalogue, Corpus), ExitCode> {
    let catalogue = corpus::catalogue().map_err(refuse)?;
    let corpus = match paths {
        [] => Corpus::embedded(&catalogue),
        paths => Corpus::read(paths, &catalogue).map_err(refuse)?,
    };
    Ok((catalogue, corpus))
}

/// Scenarios to play. If anything is wrong with any of them, that is said, and nothing is played.
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Arc<Scenario>>, ExitCode> {
    let (_, corpus) = read(paths)?;
    match corpus.errors.is_empty() {
        true => Ok(corpus.scenarios),
        false => Err(complain(&corpus)),
    }
}

/// Prints everything that is wrong, each with its place.
pub(super) fn complain(corpus: &Corpus) -> ExitCode {
    for error in &corpus.errors {
        anstream::eprintln!("{}\n", error.render(true));
    }
    let (count, word) = (
        corpus.errors.len(),
        if corpus.errors.len() == 1 {
            "mistake"
        } else {
            "mistakes"
        },
    );
    anstream::eprintln!("siospec: {count} {word}");
    ExitCode::from(Code::Wrong as u8)
}
