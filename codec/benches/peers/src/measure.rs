//! What is measured, and how long one time of it takes.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

/// The rows, in the order of the table.
pub const ROWS: [&str; 12] = [
    "small event, decode",
    "ack, decode",
    "1 KiB object, decode",
    "binary event, decode",
    "body of 100, decode",
    "1 MiB string, decode",
    "small event, encode",
    "ack, encode",
    "1 KiB object, encode",
    "binary event, encode",
    "body of 100, encode",
    "1 MiB string, encode",
];

/// One sample lasts so long.
pub const SAMPLE_MICROSECONDS: u64 = 200;
/// Samples of a row in a round.
pub const SAMPLES: usize = 41;

/// Nanoseconds by row.
pub type Times = BTreeMap<String, f64>;

/// What the table says of a subject.
#[derive(Debug, Clone)]
pub struct About {
    /// Short, for the head of a column.
    pub name: String,
    /// With versions.
    pub versions: String,
    /// What it does in the measured time.
    pub does: &'static str,
}

/// A codec that does the rows, or some of them.
pub trait Subject {
    /// What it is.
    fn about(&self) -> &About;
    /// One round of all its rows.
    fn round(&mut self) -> io::Result<Times>;
}

/// One row: does it once.
pub type Work = Box<dyn FnMut()>;

/// A codec in this process.
pub struct Native {
    pub about: About,
    pub rows: Vec<(&'static str, Work)>,
}

impl Subject for Native {
    fn about(&self) -> &About {
        &self.about
    }

    fn round(&mut self) -> io::Result<Times> {
        let rows = self.rows.iter_mut();
        Ok(rows
            .map(|(row, work)| ((*row).to_owned(), median(work)))
            .collect())
    }
}

fn sample(work: &mut Work, times: u64) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        work();
    }
    began.elapsed().as_nanos() as f64 / times as f64
}

fn median(work: &mut Work) -> f64 {
    let mut times = 1;
    while sample(work, times) * (times as f64) < (SAMPLE_MICROSECONDS * 1000) as f64 {
        times *= 2;
    }
    let mut samples: Vec<f64> = (0..SAMPLES).map(|_| sample(work, times)).collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}
