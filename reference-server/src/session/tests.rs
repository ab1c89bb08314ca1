//! The session played with the clock moved by hand.
