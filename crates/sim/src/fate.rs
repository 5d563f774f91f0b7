//! What goes wrong in a run.

use std::fmt;
use std::str::FromStr;

/// What goes wrong in a run. The numbers count commits, results and letters from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Calm,
    /// The process dies just before this commit.
    CrashBefore(u64),
    /// It dies just after it, before anyone hears of it.
    CrashAfter(u64),
    /// It dies just before this result of an effect reaches it.
    LoseResult(u64),
    /// This result comes twice.
    RepeatResult(u64),
    /// It dies just before this letter reaches its execution.
    LoseLetter(u64),
    /// This letter comes twice.
    RepeatLetter(u64),
    /// All of that at random, by this seed.
    Random(u64),
}

/// What happens at one point where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    GoOn,
    CrashBefore,
    CrashAfter,
    Repeat,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calm => write!(f, "calm"),
            Self::CrashBefore(number) => write!(f, "crash-before:{number}"),
            Self::CrashAfter(number) => write!(f, "crash-after:{number}"),
            Self::LoseResult(number) => write!(f, "lose-result:{number}"),
            Self::RepeatResult(number) => write!(f, "repeat-result:{number}"),
            Self::LoseLetter(number) => write!(f, "lose-letter:{number}"),
            Self::RepeatLetter(number) => write!(f, "repeat-letter:{number}"),
            Self::Random(seed) => write!(f, "random:{seed}"),
        }
    }
}

impl FromStr for Fate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("no such fate: {text}");
        if text == "calm" {
            return Ok(Self::Calm);
        }
        let (name, number) = text.split_once(':').unwrap_or(("random", text));
        let number = number.parse().map_err(|_| unknown())?;
        Ok(match name {
            "crash-before" => Self::CrashBefore(number),
            "crash-after" => Self::CrashAfter(number),
            "lose-result" => Self::LoseResult(number),
            "repeat-result" => Self::RepeatResult(number),
            "lose-letter" => Self::LoseLetter(number),
            "repeat-letter" => Self::RepeatLetter(number),
            "random" => Self::Random(number),
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_reads_back_as_shown() {
        let fates = [
            Fate::Calm,
            Fate::CrashBefore(1),
            Fate::CrashAfter(2),
            Fate::LoseResult(3),
            Fate::RepeatResult(4),
            Fate::LoseLetter(5),
            Fate::RepeatLetter(6),
            Fate::Random(7),
        ];
        assert!(fates.iter().all(|fate| fate.to_string().parse() == Ok(*fate)));
        assert_eq!("42".parse(), Ok(Fate::Random(42)));
        assert!("crash:x".parse::<Fate>().is_err());
    }
}
