//! Which rules a decoder lets pass.

use crate::DecodeErrorKind;

/// The set of rules that are switched off; [`Leniency::STRICT`], the default, is the empty set.
///
/// A rule is named by the error it would give. What happens instead stands at each
/// [`DecodeErrorKind`] that has a lenient reading; the others cannot be let pass, and naming them
/// changes nothing.
///
/// ```
/// use siospec_codec::{DecodeErrorKind, Leniency, Limits, socket};
///
/// let text = r#"2["disconnect"]"#;
/// let limits = Limits::default();
/// assert!(socket::decode(text, &limits, Leniency::STRICT).is_err());
/// let leniency = Leniency::STRICT.allow(DecodeErrorKind::ReservedEventName);
/// assert!(socket::decode(text, &limits, leniency).is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Leniency(u64);

impl Leniency {
    /// Every rule holds.
    pub const STRICT: Self = Self(0);

    /// The same set with one more rule switched off.
    #[must_use]
    pub const fn allow(self, kind: DecodeErrorKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether the rule is switched off.
    #[must_use]
    pub const fn allows(self, kind: DecodeErrorKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}
