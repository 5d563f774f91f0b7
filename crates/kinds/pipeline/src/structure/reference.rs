//! References to variables: `#{namespace.key}`.

use crate::variables::name;

/// The texts between `#{` and `}` that are references or would be ones with a period, in order.
/// What has other characters than names have is no reference.
pub(super) fn references(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split("#{").skip(1).filter_map(|rest| rest.split_once('}'));
    inside.map(|(inside, _)| inside).filter(|inside| match inside.split_once('.') {
        Some((namespace, key)) => is_name(namespace) && is_name(key),
        None => is_name(inside),
    })
}

fn is_name(text: &str) -> bool {
    name(text).is_some_and(|(_, behind)| behind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_wherever_they_stand() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("a.b {a.b} #a ${a.b}", &[]),
            ("#{a.b}", &["a.b"]),
            ("x#{a.b}y#{variables.C}#{d}", &["a.b", "variables.C", "d"]),
            ("#{a.b", &[]),
            ("#{a#{b.c}", &["b.c"]),
            ("#{a b} #{a. b} #{.b} #{a.} #{} #{a.b.c}", &[]),
        ] {
            assert_eq!(references(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
