//! JSON values with holes, held flat so that no depth of nesting can overflow a stack.

use bytes::Bytes;

use super::literal::{Hole, Pattern, Template};

/// A JSON value, possibly with holes. The nodes lie in one list; the first is the root.
#[derive(Clone, Debug, PartialEq)]
pub struct Json {
    /// All nodes; containers name their children by index.
    pub nodes: Vec<Node>,
}

/// One node of a [`Json`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, with its digits as they were written.
    Number(String),
    /// A string, its escapes resolved.
    Text(String),
    /// Bytes: an attachment in its place, or `!hex`.
    Bytes(Bytes),
    /// An array.
    Array {
        /// Indices of the items.
        items: Vec<usize>,
        /// Ends with `...`, so that further items may follow.
        rest: bool,
    },
    /// An object.
    Object {
        /// Keys as written, in order, with the indices of their values.
        entries: Vec<(String, usize)>,
        /// Has `...`, so that further keys may stand beside these.
        rest: bool,
    },
    /// `$x`
    Hole(Hole),
    /// A string with holes within, in `emit` only, such as `room-$i`.
    Spliced(Template),
    /// `~/regex/`, for one value: the text of a string, or the JSON of anything else.
    Regex(Pattern),
}

impl Json {
    /// A value without children.
    #[must_use]
    pub fn leaf(node: Node) -> Self {
        Self { nodes: vec![node] }
    }

    /// A string.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::leaf(Node::Text(text.into()))
    }

    /// A whole number.
    #[must_use]
    pub fn integer(value: impl Into<i128>) -> Self {
        Self::leaf(Node::Number(value.into().to_string()))
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Node {
        self.nodes.first().unwrap_or(&Node::Null)
    }
}
