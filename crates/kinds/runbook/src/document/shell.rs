//! Values within a shell script: put in so that they stay text, whatever they hold.
//!
//! On AWS a parameter becomes part of the script as it is, so whoever chooses a value may run
//! anything. Here a value that stands within a line is written for the quotes that it stands in:
//! its spaces separate words as on AWS, its quotes, dollars and semicolons are themselves. A
//! parameter that is a whole line *is* the script, as in `AWS-RunShellScript`.
//!
//! The reader follows quotes, substitutions, comments and here-documents of the POSIX shell and
//! bash, as far as is needed to know in which of them a place lies.

use std::collections::VecDeque;

/// What a place in a script lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Within {
    /// Words of a command: the script itself, `( … )` or `$( … )`.
    Words,
    /// `' … '`.
    Single,
    /// `$' … '`.
    Ansi,
    /// `" … "`.
    Double,
    /// Back quotes.
    Back,
    /// `# …`.
    Comment,
    /// A here-document.
    Here(Here),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Here {
    /// The line that ends it.
    word: String,
    /// `<<-`: tabs before the word do not count.
    strips: bool,
    /// Its word was quoted: nothing in it is expanded.
    literal: bool,
    /// The line so far.
    line: String,
}

/// Why a value can't stand where it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CannotQuote {
    /// Within back quotes there is no quoting that every shell reads alike.
    #[error("a value with special characters can't stand within back quotes; write $( ) instead")]
    BackQuotes,
    /// One of its lines would end the here-document.
    #[error("a line of the value would end the here-document that it stands in")]
    HereDocument,
}

/// A script, read up to some place.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    outer: Vec<Within>,
    within: Within,
    escaped: bool,
    previous: char,
    /// Here-documents that begin with the next line.
    announced: VecDeque<Here>,
    /// `<<` was read, and this much of what names the end.
    naming: Option<String>,
}

impl Shell {
    /// The beginning of a script.
    pub(super) fn new() -> Self {
        Self {
            outer: Vec::new(),
            within: Within::Words,
            escaped: false,
            previous: '\n',
            announced: VecDeque::new(),
            naming: None,
        }
    }

    /// Reads on.
    pub(super) fn read(&mut self, text: &str) {
        text.chars().for_each(|next| {
            self.step(next);
            self.previous = next;
        });
    }

    fn step(&mut self, next: char) {
        if std::mem::take(&mut self.escaped) {
            if let Some(naming) = &mut self.naming {
                naming.push(next);
            }
            return;
        }
        match &mut self.within {
            Within::Words => self.word(next),
            Within::Single if next == '\'' => self.leave(),
            Within::Single => {}
            Within::Ansi | Within::Double | Within::Back if next == '\\' => self.escaped = true,
            Within::Ansi if next == '\'' => self.leave(),
            Within::Ansi => {}
            Within::Double if next == '"' => self.leave(),
            Within::Double => self.expansion(next),
            Within::Back if next == '`' => self.leave(),
            Within::Back => {}
            Within::Comment if next == '\n' => {
                self.leave();
                self.step(next);
            }
            Within::Comment => {}
            Within::Here(here) if next == '\n' => {
                let line = std::mem::take(&mut here.line);
                if here.ends(&line) {
                    self.leave();
                    self.begin_announced();
                }
            }
            Within::Here(here) => {
                here.line.push(next);
                let (literal, escapes) = (here.literal, next == '\\');
                if !literal && escapes {
                    self.escaped = true;
                } else if !literal {
                    self.expansion(next);
                }
            }
        }
    }

    /// What may begin in double quotes and here-documents.
    fn expansion(&mut self, next: char) {
        match next {
            '`' => self.enter(Within::Back),
            '(' if self.previous == '$' => self.enter(Within::Words),
            _ => {}
        }
    }

    fn word(&mut self, next: char) {
        if self.naming.is_some() && self.name(next) {
            return;
        }
        match next {
            '\\' => self.escaped = true,
            '\'' if self.previous == '$' => self.enter(Within::Ansi),
            '\'' => self.enter(Within::Single),
            '"' => self.enter(Within::Double),
            '`' => self.enter(Within::Back),
            '(' => self.enter(Within::Words),
            ')' if self.outer.last().is_some() => self.leave(),
            '#' if self.previous.is_whitespace() || ";&|(".contains(self.previous) => {
                self.enter(Within::Comment);
            }
            '<' if self.previous == '<' => self.naming = Some(String::new()),
            '\n' => self.begin_announced(),
            _ => {}
        }
    }

    /// Reads what names the end of a here-document. False where the name is over.
    fn name(&mut self, next: char) -> bool {
        let Some(naming) = &mut self.naming else { return false };
        let is_blank = naming.chars().all(|one| one == '-' || one == ' ' || one == '\t');
        match next {
            // `<<<` is a here-string.
            '<' if naming.is_empty() => self.naming = None,
            '-' | ' ' | '\t' if is_blank => naming.push(next),
            _ if next.is_whitespace() || ";&|()<>".contains(next) => {
                let name = std::mem::take(naming);
                self.naming = None;
                self.announced.extend(Here::named(&name));
                return false;
            }
            _ => naming.push(next),
        }
        true
    }

    fn begin_announced(&mut self) {
        if let Some(here) = self.announced.pop_front() {
            self.enter(Within::Here(here));
        }
    }

    fn enter(&mut self, within: Within) {
        self.outer.push(std::mem::replace(&mut self.within, within));
    }

    fn leave(&mut self) {
        self.within = self.outer.pop().unwrap_or(Within::Words);
    }

    /// A value, written so that it is text at this place.
    ///
    /// # Errors
    /// There is no such writing.
    pub(super) fn quoted(&self, value: &str) -> Result<String, CannotQuote> {
        let is_special = |one: char| "\\'\"$`;&|<>()#\n\r".contains(one);
        let in_back_quotes =
            self.outer.iter().chain([&self.within]).any(|one| *one == Within::Back);
        if in_back_quotes {
            let is_plain = !value.contains(is_special);
            return is_plain.then(|| value.to_owned()).ok_or(CannotQuote::BackQuotes);
        }
        Ok(match &self.within {
            Within::Words | Within::Back => escaped(value, is_special),
            Within::Single => value.replace('\'', "'\\''"),
            Within::Ansi => value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"),
            Within::Double => escaped(value, |one| "\\\"$`".contains(one)),
            Within::Comment => value.replace(['\n', '\r'], " "),
            Within::Here(here) => {
                here.takes(value)?;
                match here.literal {
                    true => value.to_owned(),
                    false => escaped(value, |one| "\\$`".contains(one)),
                }
            }
        })
    }
}

/// A backslash before each special character; a line's end is put in quotes.
fn escaped(value: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(value.len());
    for one in value.chars() {
        match one {
            '\n' | '\r' if is_special(one) => text.extend(['\'', one, '\'']),
            _ if is_special(one) => text.extend(['\\', one]),
            _ => text.push(one),
        }
    }
    text
}

impl Here {
    /// From what stands behind `<<`.
    fn named(name: &str) -> Option<Self> {
        let strips = name.starts_with('-');
        let name = name.trim_start_matches(['-', ' ', '\t']);
        let literal = name.contains(['\'', '"', '\\']);
        let word: String = name.chars().filter(|one| !"'\"\\".contains(*one)).collect();
        (!word.is_empty()).then(|| Self { word, strips, literal, line: String::new() })
    }

    fn ends(&self, line: &str) -> bool {
        let line = if self.strips { line.trim_start_matches('\t') } else { line };
        line == self.word
    }

    /// Whether no line of a value ends it, nor begins what may.
    fn takes(&self, value: &str) -> Result<(), CannotQuote> {
        let whole = format!("{}{value}", self.line);
        let mut lines = whole.split('\n').rev();
        let last = lines.next().unwrap_or_default();
        let may_end = !last.is_empty() && self.word.starts_with(last.trim_start_matches('\t'));
        match may_end || lines.any(|line| self.ends(line)) {
            true => Err(CannotQuote::HereDocument),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(script: &str, value: &str) -> Result<String, CannotQuote> {
        let mut shell = Shell::new();
        shell.read(script);
        shell.quoted(value)
    }

    #[test]
    fn a_value_is_written_for_the_quotes_that_it_stands_in() {
        let value = r#"a b; $(x) `y` 'q' "d" \ #"#;
        for (script, written) in [
            ("echo ", r#"a b\; \$\(x\) \`y\` \'q\' \"d\" \\ \#"#),
            ("echo \"", r#"a b; \$(x) \`y\` 'q' \"d\" \\ #"#),
            ("echo '", r#"a b; $(x) `y` '\''q'\'' "d" \ #"#),
            ("echo $'", r#"a b; $(x) `y` \'q\' "d" \\ #"#),
            ("# ", value),
            ("echo \"$(echo ", r#"a b\; \$\(x\) \`y\` \'q\' \"d\" \\ \#"#),
            ("echo \"$(echo x)", r#"a b; \$(x) \`y\` 'q' \"d\" \\ #"#),
            ("echo 'it'\"'\"'s' ", r#"a b\; \$\(x\) \`y\` \'q\' \"d\" \\ \#"#),
            ("echo it\\'s ", r#"a b\; \$\(x\) \`y\` \'q\' \"d\" \\ \#"#),
            ("cat <<EOF\n", r#"a b; \$(x) \`y\` 'q' "d" \\ #"#),
            ("cat <<'EOF' >f\n", value),
            ("cat <<-\"EOF\"\n\tx\n", value),
            ("cat <<EOF\nx\nEOF\necho '", r#"a b; $(x) `y` '\''q'\'' "d" \ #"#),
            ("cat <<<x\n'", r#"a b; $(x) `y` '\''q'\'' "d" \ #"#),
        ] {
            assert_eq!(at(script, value).as_deref(), Ok(written), "{script}");
        }
    }

    #[test]
    fn lines_in_a_value_stay_in_their_word() {
        assert_eq!(at("echo ", "a\nb").unwrap(), "a'\n'b");
        assert_eq!(at("echo \"", "a\nb").unwrap(), "a\nb");
        assert_eq!(at("# ", "a\nrm x").unwrap(), "a rm x");
    }

    #[test]
    fn plain_values_stay_as_they_are() {
        for script in ["yum install ", "echo \"", "echo '", "x=`echo ", "cat <<E\n"] {
            let value = "a-b_c=d/e.f:g,h *.txt ~ {1,2}";
            assert_eq!(at(script, value).unwrap(), value, "{script}");
        }
    }

    #[test]
    fn what_can_t_be_written_safely_is_refused() {
        assert_eq!(at("x=`echo ", "$(y)"), Err(CannotQuote::BackQuotes));
        for value in ["EOF", "x\nEOF\nrm y", "x\nEO"] {
            assert_eq!(at("cat <<'EOF'\n", value), Err(CannotQuote::HereDocument), "{value}");
        }
        assert!(at("cat <<'EOF'\n", "x\ny\n").is_ok());
    }
}
