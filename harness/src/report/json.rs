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

#[cfg(test)]
mod tests {
    use super::*;

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
