//! References to variables: `#{namespace.key}`.

/// The texts between `#{` and `}`, in order.
pub(super) fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split("#{").skip(1).filter_map(|rest| rest.split_once('}').map(|(inside, _)| inside))
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
        ] {
            assert_eq!(references(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
