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

    /// An array of values.
    #[must_use]
    pub fn array(values: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::leaf(Node::Null);
        let items = values
            .into_iter()
            .map(|value| whole.graft(&value, 0))
            .collect();
        whole.nodes[0] = Node::Array { items, rest: false };
        whole
    }

    /// The node at an index.
    pub(crate) fn node(&self, index: usize) -> &Node {
        self.nodes.get(index).unwrap_or(&Node::Null)
    }

    /// The value whose root is the node at `index`.
    #[must_use]
    pub(crate) fn subtree(&self, index: usize) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.graft(self, index);
        tree
    }

    /// Copies the value at `index` of another one behind the nodes; returns where it begins.
    pub(crate) fn graft(&mut self, other: &Self, index: usize) -> usize {
        let root = self.nodes.len();
        self.nodes.push(Node::Null);
        let mut todo = vec![(index, root)];
        while let Some((from, to)) = todo.pop() {
            let mut node = other.node(from).clone();
            let mut adopt = |child: &mut usize| {
                let place = self.nodes.len();
                self.nodes.push(Node::Null);
                todo.push((*child, place));
                *child = place;
            };
            match &mut node {
                Node::Array { items, .. } => items.iter_mut().for_each(adopt),
                Node::Object { entries, .. } => entries.iter_mut().for_each(|(_, v)| adopt(v)),
                _ => {}
            }
            self.nodes[to] = node;
        }
        root
    }
}
