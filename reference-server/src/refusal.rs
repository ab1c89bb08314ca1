//! Why an HTTP request or a WebSocket handshake is turned down, and the body that says so.

/// The refusals of the Engine.IO layer; each has its status, its code and its sentence (EIO-QE-15).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `transport` is missing, or names none that there is (EIO-QE-04, EIO-QE-05).
    #[error("Transport unknown")]
    TransportUnknown,
    /// `sid` names no session (EIO-QE-11, EIO-QE-13).
    #[error("Session ID unknown")]
    SessionUnknown,
    /// A session can only be opened by a GET (EIO-QE-08, EIO-QE-09).
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// The request does not fit the session, or is malformed.
    #[error("Bad request")]
    BadRequest,
    /// The application does not admit this client (EIO-QE-19).
    #[error("{0}")]
    Forbidden(String),
    /// `EIO` is missing, or is not `4` (EIO-QE-01 and following).
    #[error("Unsupported protocol version")]
    UnsupportedVersion,
    /// The body is larger than `maxPayload` (EIO-LM-02).
    #[error("Payload too large")]
    TooLarge,
}

impl Refusal {
    /// The number by which clients know the refusal.
    pub fn code(&self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest | Self::TooLarge => 3,
            Self::Forbidden(_) => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) => 403,
            Self::TooLarge => 413,
            _ => 400,
        }
    }

    /// The JSON body: `{"code":n,"message":"…"}`.
    pub fn body(&self) -> String {
        serde_json::json!({ "code": self.code(), "message": self.to_string() }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_code_as_a_number_and_its_sentence() {
        assert_eq!(
            Refusal::SessionUnknown.body(),
            r#"{"code":1,"message":"Session ID unknown"}"#
        );
        assert_eq!(
            Refusal::Forbidden("no \"entry\"".into()).body(),
            r#"{"code":4,"message":"no \"entry\""}"#
        );
    }
}
