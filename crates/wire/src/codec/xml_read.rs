//! A small reader of XML, for responses: elements, attributes, text. No DTDs, no external entities.

use serde_json::{Map, Value};

use super::{DEPTH_MAX, from_text};
use crate::model::{Service, Shape, ShapeKind, Structure};

/// An element.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Node {
    /// Name without its namespace prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
    pub(crate) text: String,
}

impl Node {
    /// The first child of a name.
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of a name.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// Reads a document; `None` when it is not well-formed enough, or too deep.
pub(crate) fn parse(text: &str) -> Option<Node> {
    let mut open: Vec<Node> = vec![Node::default()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        unescape(before, &mut open.last_mut()?.text);
        if let Some(cdata) = after.strip_prefix("![CDATA[") {
            let (inside, after) = cdata.split_once("]]>")?;
            open.last_mut()?.text.push_str(inside);
            rest = after;
        } else if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
        } else {
            let (tag, after) = after.split_at_checked(end_of_tag(after)?)?;
            rest = after.strip_prefix('>')?;
            match tag.chars().next()? {
                '?' | '!' => {}
                '/' => {
                    let closed = open.pop()?;
                    if local(tag[1..].trim()) != closed.name {
                        return None;
                    }
                    open.last_mut()?.children.push(closed);
                }
                _ => {
                    let node = start(tag.trim_end_matches('/'));
                    if tag.ends_with('/') {
                        open.last_mut()?.children.push(node);
                    } else if open.len() < DEPTH_MAX {
                        open.push(node);
                    } else {
                        return None;
                    }
                }
            }
        }
    }
    let root = open.pop().filter(|_| open.is_empty())?;
    root.children.into_iter().next()
}

/// Where the `>` is that ends a tag: not one inside of an attribute.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, letter)| match (letter, quote) {
        ('>', None) => Some(at),
        ('"' | '\'', None) => {
            quote = Some(letter);
            None
        }
        (letter, Some(open)) if letter == open => {
            quote = None;
            None
        }
        _ => None,
    })
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn start(tag: &str) -> Node {
    let (name, mut rest) =
        tag.split_once(|letter: char| letter.is_whitespace()).unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else {
            break;
        };
        let Some((value, after)) = after[1..].split_once(quote) else { break };
        let mut text = String::new();
        unescape(value, &mut text);
        attributes.push((key.trim().to_owned(), text));
        rest = after;
    }
    Node { name: local(name).to_owned(), attributes, ..Node::default() }
}

fn unescape(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((entity, tail)) = after.split_once(';').filter(|(entity, _)| entity.len() <= 8)
        else {
            out.push('&');
            rest = after;
            continue;
        };
        rest = tail;
        let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        let letter = match entity {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match (entity.strip_prefix("#x"), entity.strip_prefix('#')) {
                (Some(digits), _) => code(digits, 16).and_then(char::from_u32),
                (_, Some(digits)) => code(digits, 10).and_then(char::from_u32),
                _ => None,
            },
        };
        out.push(letter.unwrap_or('\u{fffd}'));
    }
    out.push_str(rest);
}

/// Turns an element into the neutral form of a shape.
pub(crate) fn value(service: &Service, shape: &Shape, node: &Node) -> Value {
    match &shape.kind {
        ShapeKind::Structure(structure) => Value::Object(members(service, structure, node)),
        ShapeKind::List { member, .. } => {
            let of = service.shape(*member);
            node.children.iter().map(|child| value(service, of, child)).collect()
        }
        ShapeKind::Map { .. } => {
            entries(service, shape, node.children.iter().filter(|child| child.name == "entry"))
        }
        ShapeKind::String => Value::String(node.text.clone()),
        kind => {
            from_text(kind, node.text.trim()).unwrap_or_else(|_| Value::String(node.text.clone()))
        }
    }
}

/// The members of a structure that are elements or attributes of a node.
pub(crate) fn members(service: &Service, structure: &Structure, node: &Node) -> Map<String, Value> {
    let mut object = Map::new();
    for member in structure.members.iter().filter(|member| member.location.is_none()) {
        let shape = service.shape(member.shape);
        let found = if member.xml_attribute {
            let attribute = node.attributes.iter().find(|(name, _)| name == member.wire());
            attribute.map(|(_, text)| Value::from(text.as_str()))
        } else {
            element(service, shape, member.wire(), member.flattened, node)
        };
        if let Some(found) = found {
            object.insert(member.name.to_string(), found);
        }
    }
    object
}

fn element(service: &Service, shape: &Shape, name: &str, flat: bool, node: &Node) -> Option<Value> {
    match &shape.kind {
        ShapeKind::List { member, member_name, flattened } if flat || *flattened => {
            let of = service.shape(*member);
            let name = member_name.as_deref().unwrap_or(name);
            let all = node.children.iter().filter(|child| child.name == name);
            let items: Vec<Value> = all.map(|child| value(service, of, child)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        ShapeKind::Map { flattened, .. } if flat || *flattened => {
            let all = node.children.iter().filter(|child| child.name == name);
            let map = entries(service, shape, all);
            map.as_object().is_some_and(|map| !map.is_empty()).then_some(map)
        }
        _ => node.child(name).map(|child| value(service, shape, child)),
    }
}

fn entries<'a>(service: &Service, shape: &Shape, nodes: impl Iterator<Item = &'a Node>) -> Value {
    let mut map = Map::new();
    if let ShapeKind::Map { value: of, key_name, value_name, .. } = &shape.kind {
        let of = service.shape(*of);
        for node in nodes {
            let key = node.child_text(key_name.as_deref().unwrap_or("key"));
            let found = node.child(value_name.as_deref().unwrap_or("value"));
            if let (Some(key), Some(found)) = (key, found) {
                map.insert(key.to_owned(), value(service, of, found));
            }
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements_texts_and_attributes() {
        let text = "<?xml version=\"1.0\"?><!-- c --><a xmlns=\"u\" x:y='1&lt;>'>\
                    <b>1 &amp; &#x41;&#66;</b><b/><c><![CDATA[<raw>]]></c></a>";
        let root = parse(text).unwrap();
        assert_eq!(root.name, "a");
        assert_eq!(root.attributes[1], ("x:y".to_owned(), "1<>".to_owned()));
        assert_eq!(root.child_text("b"), Some("1 & AB"));
        assert_eq!(root.child_text("c"), Some("<raw>"));
        assert_eq!(root.children.len(), 3);
        for text in ["", "<a>", "<a></b>", "<a", "</a>", &"<a>".repeat(100_000)] {
            assert_eq!(parse(text), None, "{text:.20}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[<>/&;a-c!\\[\\]\"'= é-]{0,40}") {
            parse(&text);
        }
    }
}
