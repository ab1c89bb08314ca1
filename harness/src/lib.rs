//! siospec
