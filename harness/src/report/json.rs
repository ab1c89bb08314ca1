//! The run as JSON: the data model itself, from which every other report can be made again.

use std::io::{self, Write};

use crate::outcome::Run;

/// Writes the run.
pub fn write(run: &Run, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, run)?;
    to.write_all(b"\n")
}

/// Reads a run back; one of a newer shape is refused.
pub fn read(text: &str) -> Result<Run, String> {
    #[derive(serde::Deserialize)]
    struct Shape {
        format: u32,
    }
    let shape: Shape = serde_json::from_str(text)
        .map_err(|error| format!("it is not a run of siospec: {error}"))?;
    if shape.format > Run::FORMAT {
        return Err(format!(
            "it has format {}, and this siospec reads up to {}",
            shape.format,
            Run::FORMAT
        ));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The JSON Schema of a run, as it is committed in `reports/run.schema.json`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Run);
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_run() {
        let committed = include_str!("../../../reports/run.schema.json");
        assert!(
            committed == schema(),
            "write it again: siospec schema run > reports/run.schema.json"
        );
    }

    #[test]
    fn a_newer_shape_is_refused_in_words() {
        assert_eq!(
            read(r#"{"format":99}"#).unwrap_err(),
            "it has format 99, and this siospec reads up to 1"
        );
        assert!(
            read("{}")
                .unwrap_err()
                .starts_with("it is not a run of siospec: missing field `format`")
        );
    }
}
