//! The smallest input that still shows something.

use super::input::{Frame, Input};
use super::ours::{self, Ours, Rules};
use super::peer::{Peer, Reply};

/// How many rounds are tried; each makes the input smaller.
const ROUNDS: usize = 200;

/// Makes `input` smaller as long as `shows` holds for what our codec and the peer say to it.
///
/// # Errors
/// The peer can no longer be asked.
pub async fn shrink(
    input: &Input,
    peer: &mut Peer,
    shows: impl Fn(&Input, &Ours, &Reply) -> bool,
) -> Result<Input, String> {
    let mut best = input.clone();
    for _ in 0..ROUNDS {
        let candidates = smaller(&best);
        let replies = peer.ask(&candidates).await?;
        let mut showing = candidates
            .into_iter()
            .zip(&replies)
            .filter(|(candidate, reply)| {
                shows(candidate, &ours::read(candidate, Rules::default()), reply)
            })
            .map(|(candidate, _)| candidate);
        match showing.next() {
            Some(found) => best = found,
            None => break,
        }
    }
    Ok(best)
}

/// Inputs that are a little smaller or plainer, those that take most away first.
fn smaller(input: &Input) -> Vec<Input> {
    let mut all = Vec::new();
    for at in (0..input.frames.len())
        .rev()
        .filter(|_| input.frames.len() > 1)
    {
        let mut less = input.clone();
        less.frames.remove(at);
        all.push(less);
    }
    for (at, frame) in input.frames.iter().enumerate() {
        let with = |frame| {
            let mut less = input.clone();
            less.frames[at] = frame;
            less
        };
        match frame {
            Frame::Binary(data) => {
                all.extend((!data.is_empty()).then(|| with(Frame::Binary(Vec::new()))));
                all.extend((data.len() > 1).then(|| with(Frame::Binary(data[..1].to_vec()))));
            }
            Frame::Text(text) => {
                let texts = shorter(text).into_iter().chain(plainer(text));
                all.extend(texts.map(|text| with(Frame::Text(text))));
            }
        }
    }
    all
}

/// The text without a run of characters, long runs first.
fn shorter(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut all = Vec::new();
    let mut run = chars.len();
    while run > 0 {
        // Long texts are cut in steps, short ones everywhere.
        let step = if chars.len() > 64 { run } else { 1 };
        for start in (0..=chars.len() - run).step_by(step) {
            all.push(chars[..start].iter().chain(&chars[start + run..]).collect());
        }
        run = if chars.len() > 64 { run / 2 } else { run - 1 };
    }
    all
}

/// The text with one character replaced by a plainer one.
fn plainer(text: &str) -> Vec<String> {
    let plain = |c: char| match c {
        '1'..='9' => Some('0'),
        'b'..='z' | 'A'..='Z' => Some('a'),
        ' ' | '0' | 'a' => None,
        c if c.is_ascii_punctuation() => None,
        _ => Some('a'),
    };
    let replaced = |(at, c): (usize, char)| {
        let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
        plain(c).map(|plain| format!("{before}{plain}{after}"))
    };
    text.char_indices().filter_map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_is_never_larger_and_ends() {
        let mut text = "2[\"é1\"]".to_owned();
        // Whatever still holds an é is kept: what stands before it goes, then what stands behind it.
        let mut rounds = 0;
        while let Some(next) = shorter(&text).into_iter().find(|less| less.contains('é')) {
            assert!(next.len() < text.len());
            text = next;
            rounds += 1;
        }
        assert_eq!((text.as_str(), rounds), ("é", 2));
        assert_eq!(plainer("9é ["), ["0é [", "9a ["]);
        assert!(plainer("0a").is_empty());
    }
}
