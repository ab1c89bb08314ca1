//! Ids that cannot be guessed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;

/// 120 random bits, as 20 characters that need no escaping in a query string (EIO-HS-10, EIO-HS-11).
fn random() -> String {
    let mut bytes = [0; 15];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The sid of an Engine.IO session.
pub(crate) fn engine() -> String {
    random()
}

/// The public id of a client in a namespace; it opens no session (SIO-SEC-11).
pub(crate) fn public() -> String {
    random()
}

/// The private id under which a client's state is kept (SIO-CSR-02).
pub(crate) fn private() -> String {
    random()
}
