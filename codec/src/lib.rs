//! siospec-codec
