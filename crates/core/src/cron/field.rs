//! One field of a cron expression: lists, ranges, steps, names.

/// A set of numbers below 256: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u128, u128);

impl Set {
    /// Of these members; what is 256 or more is left out.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = u16>) -> Self {
        let mut set = Self::default();
        members.into_iter().for_each(|member| set.insert(member));
        set
    }

    pub(super) fn insert(&mut self, value: u16) {
        match value {
            0..128 => self.0 |= 1 << value,
            128..256 => self.1 |= 1 << (value - 128),
            _ => {}
        }
    }

    /// Whether it has this member.
    #[must_use]
    pub fn contains(self, value: u16) -> bool {
        match value {
            0..128 => self.0 >> value & 1 == 1,
            128..256 => self.1 >> (value - 128) & 1 == 1,
            _ => false,
        }
    }

    /// The smallest member from `from` on.
    #[must_use]
    pub fn next(self, from: u16) -> Option<u16> {
        (from..256).find(|value| self.contains(*value))
    }

    /// Its members, ascending.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        (0..256).filter(move |value| self.contains(*value))
    }

    /// How many members it has.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones() + self.1.count_ones()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Why a field is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Neither a number, a name nor a sign that this field takes.
    #[error("{0:?} has no meaning there")]
    Word(String),
    /// Outside of what the field takes.
    #[error("{value} is not from {least} to {most}")]
    Range {
        /// What was given.
        value: u32,
        /// The least value.
        least: u16,
        /// The greatest.
        most: u16,
    },
    /// A range that ends before it begins.
    #[error("the range {0} ends before it begins")]
    Reversed(String),
    /// A step of nothing.
    #[error("a step must be 1 or more")]
    Step,
    /// `?`, `L`, `W` or `#` in a list.
    #[error("{0:?} can't stand in a list")]
    Alone(String),
}

/// What one field takes.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) least: u16,
    pub(super) most: u16,
    /// Names of the values from `least` on.
    pub(super) names: &'static [&'static str],
    /// Whether a range may go over the end and on from the beginning, as from Saturday to Sunday.
    pub(super) wraps: bool,
}

impl Shape {
    /// Reads a list of values, ranges and steps.
    pub(super) fn set(&self, text: &str) -> Result<Set, FieldError> {
        let mut set = Set::default();
        for item in text.split(',') {
            self.item(item, &mut set)?;
        }
        Ok(set)
    }

    fn item(&self, item: &str, set: &mut Set) -> Result<(), FieldError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = if range == "*" || (range.is_empty() && step.is_some()) {
            (self.least, self.most)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first)?, self.value(last)?)
        } else {
            let first = self.value(range)?;
            (first, if step.is_some() { self.most } else { first })
        };
        let step = usize::from(step.unwrap_or(1));
        if first <= last {
            (first..=last).step_by(step).for_each(|value| set.insert(value));
            return Ok(());
        }
        if !self.wraps {
            return Err(FieldError::Reversed(range.to_owned()));
        }
        let around = (first..=self.most).chain(self.least..=last);
        around.step_by(step).for_each(|value| set.insert(value));
        Ok(())
    }

    fn step(&self, text: &str) -> Result<u16, FieldError> {
        let step: u32 = number(text).ok_or_else(|| FieldError::Word(text.to_owned()))?;
        match u16::try_from(step) {
            Ok(0) => Err(FieldError::Step),
            Ok(step) if step <= self.most => Ok(step),
            _ => Err(FieldError::Range { value: step, least: 1, most: self.most }),
        }
    }

    /// Reads one value: a number or a name.
    pub(super) fn value(&self, text: &str) -> Result<u16, FieldError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(place) = named {
            return Ok(self.least + u16::try_from(place).unwrap_or_default());
        }
        let value = number(text).ok_or_else(|| FieldError::Word(text.to_owned()))?;
        u16::try_from(value)
            .ok()
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or(FieldError::Range { value, least: self.least, most: self.most })
    }
}

fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
