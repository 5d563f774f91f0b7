//! `States.MathRandom`.

use serde_json::Value;

use super::error::IntrinsicError;
use super::function::Function;

/// Checks the bounds: 32-bit, the start below the end.
fn bounds(start: i64, end: i64) -> Result<(i32, i32), IntrinsicError> {
    match (i32::try_from(start), i32::try_from(end)) {
        (Ok(start), Ok(end)) if start < end => Ok((start, end)),
        _ => Err(Function::MathRandom.refuse("")),
    }
}

/// Maps random bits to a number from `start` up to, not including, `end`.
pub(super) fn between(start: i64, end: i64, bits: u64) -> Result<Value, IntrinsicError> {
    let (start, end) = bounds(start, end)?;
    let width = (i64::from(end) - i64::from(start)) as u128;
    let offset = (u128::from(bits) * width) >> 64;
    Ok(Value::from(i64::from(start) + offset as i64))
}

/// Gives the number that Java's generator makes first from `seed`. That AWS uses
/// `java.util.Random` is known from its JSONata `$random`; no recording shows this function's.
pub(super) fn seeded(start: i64, end: i64, seed: i64) -> Result<Value, IntrinsicError> {
    let (start, end) = bounds(start, end)?;
    let mut java = JavaRandom::new(seed);
    let number = match end.checked_sub(start) {
        Some(width) => start.wrapping_add(java.below(width)),
        // Wider than an int: draw until a number falls between the bounds, as Java does. At least
        // half of all draws do; the limit keeps the loop finite whatever the generator does.
        None => (0..1_000)
            .map(|_| java.bits(32))
            .find(|number| (start..end).contains(number))
            .unwrap_or(start),
    };
    Ok(Value::from(number))
}

/// The linear congruential generator of `java.util.Random`.
struct JavaRandom {
    state: u64,
}

const MASK: u64 = (1 << 48) - 1;

impl JavaRandom {
    fn new(seed: i64) -> JavaRandom {
        JavaRandom { state: (seed as u64 ^ 0x5_DEEC_E66D) & MASK }
    }

    fn bits(&mut self, count: u32) -> i32 {
        self.state = self.state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & MASK;
        (self.state >> (48 - count)) as i32
    }

    /// `nextInt(bound)` for a positive bound.
    fn below(&mut self, bound: i32) -> i32 {
        if bound & bound.wrapping_sub(1) == 0 {
            return ((i64::from(bound) * i64::from(self.bits(31))) >> 31) as i32;
        }
        for _ in 0..1_000 {
            let bits = self.bits(31);
            let value = bits % bound;
            // Java rejects the last, incomplete run of the bound, which overflows.
            if bits.checked_sub(value).and_then(|low| low.checked_add(bound - 1)).is_some() {
                return value;
            }
        }
        0
    }
}
