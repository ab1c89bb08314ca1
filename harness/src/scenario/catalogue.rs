//! The catalogue of requirements, `scenarios/requirements.yaml`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::model::Level;

/// One requirement on a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its id, such as `EIO-HS-02`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// The heading that it stands under, such as `EIO-HS`.
    pub group: String,
    /// What must hold.
    pub statement: String,
    /// Where that is said or seen.
    pub source: String,
    /// A page that says it.
    #[serde(default)]
    pub link: Option<String>,
    /// How to see it on the wire.
    pub check: String,
    /// The fault of the reference server that breaks it; others may break it in further ways.
    pub fault: String,
    /// The tests of the official suites that touch it.
    #[serde(default)]
    pub official: Option<String>,
    /// Why no scenario can see it from outside.
    #[serde(default)]
    pub unchecked: Option<String>,
}

/// All requirements, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    requirements: Vec<Requirement>,
    by_id: HashMap<String, usize>,
}

/// A catalogue that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no list of requirements.
    #[error("the catalogue of requirements: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// An id stands in it twice.
    #[error("the catalogue of requirements: `{0}` stands there twice")]
    Twice(String),
}

impl Catalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// It is no list of requirements, or names one twice.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let requirements: Vec<Requirement> = serde_yaml::from_str(text)?;
        let mut by_id = HashMap::new();
        for (i, requirement) in requirements.iter().enumerate() {
            if by_id.insert(requirement.id.clone(), i).is_some() {
                return Err(CatalogueError::Twice(requirement.id.clone()));
            }
        }
        Ok(Self {
            requirements,
            by_id,
        })
    }

    /// The requirement with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.by_id.get(id).map(|i| &self.requirements[*i])
    }

    /// All requirements, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Requirement] {
        &self.requirements
    }

    /// All ids, in the file's order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.requirements
            .iter()
            .map(|requirement| requirement.id.as_str())
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::DeFacto => "DE-FACTO",
        })
    }
}
