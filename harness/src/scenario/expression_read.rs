//! The text of a `check:`, read.

use super::expression::{Check, Comparison, Condition, Operator, Term};
use super::hole;
use super::json_read::JsonError;
use super::lower::duration;

impl Check {
    /// Reads `left op right`, or `distinct(…)`.
    ///
    /// # Errors
    /// Where the text is no condition.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader { text, at: 0 };
        let condition = reader.condition()?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.error("the condition ends here; `and` is a second `check:`"));
        }
        Ok(Self {
            written: text.to_owned(),
            condition,
        })
    }
}

/// Brackets and operators may be nested so deep.
const DEPTH: usize = 32;

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn condition(&mut self) -> Result<Condition, JsonError> {
        self.space();
        if self.take("distinct(") {
            let mut terms = vec![self.sum(0)?];
            while self.take(",") {
                terms.push(self.sum(0)?);
            }
            self.require(")")?;
            return Ok(Condition::Distinct(terms));
        }
        let left = self.sum(0)?;
        let comparisons = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (sign, comparison) in comparisons {
            if self.take(sign) {
                return Ok(Condition::Compare(left, comparison, self.sum(0)?));
            }
        }
        Err(self.error("a comparison must stand here: == != < <= > >="))
    }

    fn sum(&mut self, depth: usize) -> Result<Term, JsonError> {
        let mut left = self.product(depth)?;
        loop {
            let operator = match () {
                () if self.take("+") => Operator::Plus,
                () if self.take("-") => Operator::Minus,
                () => return Ok(left),
            };
            left = Term::Arithmetic(Box::new(left), operator, Box::new(self.product(depth)?));
        }
    }

    fn product(&mut self, depth: usize) -> Result<Term, JsonError> {
        let mut left = self.term(depth)?;
        while self.take("*") {
            left = Term::Arithmetic(Box::new(left), Operator::Times, Box::new(self.term(depth)?));
        }
        Ok(left)
    }

    fn term(&mut self, depth: usize) -> Result<Term, JsonError> {
        self.space();
        if depth > DEPTH {
            return Err(self.error("these brackets are nested too deep"));
        }
        if self.take("(") {
            let inner = self.sum(depth + 1)?;
            self.require(")")?;
            return Ok(inner);
        }
        for (word, make) in [("len(", Term::Len as fn(_) -> _), ("apart(", Term::Apart)] {
            if self.take(word) {
                let inner = self.sum(depth + 1)?;
                self.require(")")?;
                return Ok(make(Box::new(inner)));
            }
        }
        let rest = &self.text[self.at..];
        if rest.starts_with('$') {
            let (name, length) = hole::read_name(rest).map_err(|message| self.error(&message))?;
            self.at += length;
            return Ok(Term::Value(name));
        }
        if let Some(body) = rest.strip_prefix('"') {
            let Some(end) = body.find('"') else {
                return Err(self.error("this text is not closed"));
            };
            self.at += end + 2;
            return Ok(Term::Text(body[..end].to_owned()));
        }
        self.number()
    }

    fn number(&mut self) -> Result<Term, JsonError> {
        let rest = &self.text[self.at..];
        let word = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
            .map_or(rest, |end| &rest[..end]);
        let term =
            match duration(word) {
                Some(time) => Term::Time(time),
                None => match word.parse::<f64>() {
                    Ok(number) if word.starts_with(|c: char| c.is_ascii_digit()) => {
                        Term::Number(number)
                    }
                    _ => return Err(self.error(
                        "a value must stand here: `$x`, a number, `250ms`, `\"text\"`, `len($x)`",
                    )),
                },
            };
        self.at += word.len();
        Ok(term)
    }

    fn take(&mut self, sign: &str) -> bool {
        self.space();
        let there = self.text[self.at..].starts_with(sign);
        if there {
            self.at += sign.len();
        }
        there
    }

    fn require(&mut self, sign: &str) -> Result<(), JsonError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.error(&format!("`{sign}` must stand here")))
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, message: &str) -> JsonError {
        JsonError {
            offset: self.at,
            message: message.to_owned(),
        }
    }
}
