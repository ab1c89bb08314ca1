//! Any query: read, the last duplicate counts, a value reads back from its own encoding.

#![no_main]

use libfuzzer_sys::fuzz_target;
use siospec_codec::engine::{Query, Transport};

fuzz_target!(|text: &str| {
    let query = Query::parse(text);
    for (name, _) in &query.pairs {
        let last = query.pairs.iter().rfind(|(other, _)| other == name);
        assert_eq!(query.get(name), last.map(|(_, value)| value.as_ref()));
    }
    assert!(query.sid().is_none_or(|sid| !sid.is_empty()));
    if let Some(transport) = query.transport() {
        assert_eq!(Transport::from_name(transport.name()), Some(transport));
    }
});
