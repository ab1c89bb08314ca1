//! siospec-reference-server
