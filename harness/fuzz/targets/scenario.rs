//! A scenario file of any bytes: read, or refused with errors that lie inside the file and can be shown.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use siospec::scenario::catalogue::Catalogue;
use siospec::scenario::{corpus, load};

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| corpus::catalogue().expect("the embedded catalogue is good"));

fuzz_target!(|bytes: &[u8]| {
    let errors = match load::load("fuzz", "fuzz.yaml", bytes, &CATALOGUE) {
        Ok(scenario) => return assert!(!scenario.cases.is_empty()),
        Err(errors) => errors,
    };
    assert!(!errors.is_empty());
    for error in &errors {
        assert!(error.span.start <= error.span.end && error.span.end <= error.source.text.len(), "{error:?}");
        assert!(!error.render(true).is_empty());
    }
});
