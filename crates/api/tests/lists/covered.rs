//! No list of IoT is built without a test that asks for its pages.

use std::path::Path;

use trackway_api::iot::operations;

/// The text of every test of this room.
fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_list_of_iot_is_asked_for_by_a_test() {
    let mut all = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut all);
    let lists = operations().filter(|name| name.starts_with("List"));
    let missing: Vec<&str> = lists.filter(|name| !all.contains(&format!("\"{name}\""))).collect();
    assert_eq!(missing, [""; 0]);
}
