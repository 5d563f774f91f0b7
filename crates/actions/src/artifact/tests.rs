use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use trackway_performers::aws::{AwsEnvironment, Limits};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn artifacts(folder: &Path) -> Artifacts {
    let caller = AwsCaller::new(AwsEnvironment::new([]), Limits::default());
    Artifacts::new(folder, caller, ArtifactsIn::Auto)
}

fn scope() -> Scope {
    Scope { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
}

fn artifact(key: &str) -> Artifact {
    Artifact {
        name: "Made".to_owned(),
        bucket: "store".to_owned(),
        key: key.to_owned(),
        ..Artifact::default()
    }
}

/// What a folder holds: files by content, links by `-> target`.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                all.insert(name, format!("-> {}", target.display()));
            } else if path.is_dir() {
                waiting.push(path);
            } else {
                all.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    all
}

#[tokio::test]
async fn what_is_packed_comes_out_again_and_is_found_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let from = home.path().join("from");
    fs::create_dir_all(from.join("src/deep")).unwrap();
    fs::write(from.join("run.sh"), "#!/bin/sh").unwrap();
    fs::set_permissions(from.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(from.join("src/deep/a.txt"), "a").unwrap();
    symlink("../run.sh", from.join("src/link")).unwrap();
    symlink("/etc/passwd", from.join("src/out")).unwrap();
    let store = home.path().join("store");
    let all = Selection::default();
    let first = artifacts(&store);
    first.pack(&scope(), &artifact("p/Made/1"), &from, &all).await.unwrap();
    first.pack(&scope(), &artifact("p/Made/2"), &from, &all).await.unwrap();
    let again = artifacts(&store);
    let file = again.get(&scope(), &artifact("p/Made/1")).await.unwrap();
    assert_eq!(file, again.get(&scope(), &artifact("p/Made/2")).await.unwrap(), "same bytes");
    let into = home.path().join("into");
    again.unpack(&scope(), &artifact("p/Made/1"), &into).await.unwrap();
    let expected = [
        ("run.sh", "#!/bin/sh"),
        ("src/deep/a.txt", "a"),
        ("src/link", "-> ../run.sh"),
        ("src/out", "/etc/passwd"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(tree(&into), BTreeMap::from(expected));
    let mode = |name: &str| into.join(name).metadata().unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("run.sh"), 0);
    assert_eq!(mode("src/deep/a.txt"), 0);
}

#[tokio::test]
async fn what_nobody_put_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let error = artifacts(home.path()).get(&scope(), &artifact("x")).await.unwrap_err();
    let expected = "could not read the artifact Made: there is no object x in the bucket store";
    assert_eq!((error.code, error.message.as_str()), ("JobFailed", expected));
}

#[tokio::test]
async fn a_key_that_is_written_again_means_the_new_file() {
    let home = tempfile::tempdir().unwrap();
    let store = artifacts(&home.path().join("store"));
    let file = home.path().join("file");
    for text in ["one", "two", ""] {
        fs::write(&file, text).unwrap();
        store.put(&scope(), &artifact("../../x"), &file).await.unwrap();
        let kept = store.get(&scope(), &artifact("../../x")).await.unwrap();
        assert_eq!(fs::read_to_string(kept).unwrap(), text);
    }
}

#[test]
fn a_selection_is_that_of_a_buildspec() {
    let home = tempfile::tempdir().unwrap();
    for name in ["out-1/a.js", "out-1/b/c.js", "out-1/b/d.css", "top.js"] {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let names = |base: &str, files: &[&str], exclude: &[&str], flat: bool| {
        let (files, exclude) = (texts(files), texts(exclude));
        let selection =
            Selection { base: base.to_owned(), files, exclude, flat, may_be_empty: false };
        let mut file = tempfile::tempfile().unwrap();
        pack::pack(&mut file, home.path(), &selection).map_err(|why| why.to_string())?;
        let archive = zip::ZipArchive::new(file).unwrap();
        Ok(archive.file_names().map(|name| name.unwrap().into_owned()).collect::<Vec<_>>())
    };
    let ok = |all: &[&str]| Ok::<_, String>(texts(all));
    assert_eq!(names("", &["**/*"], &[], false).unwrap().len(), 4);
    assert_eq!(names("", &["*"], &[], false), ok(&["top.js"]));
    assert_eq!(names("out-*", &["**/*.js"], &[], false), ok(&["a.js", "b/c.js"]));
    assert_eq!(names("out-1", &[], &["**/*.css"], true), ok(&["a.js", "c.js"]));
    let nothing = Err("no matching artifact paths found".to_owned());
    assert_eq!(names("", &["x"], &[], false), nothing);
    let no_base = Err("no matching base directory path found for dist".to_owned());
    assert_eq!(names("dist", &[], &[], false), no_base);
    assert!(names("../x", &[], &[], false).is_err());
}

#[test]
fn a_pipe_is_not_packed() {
    let home = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(home.path().join("socket")).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    let error = pack::pack(&mut file, home.path(), &Selection::default()).unwrap_err();
    assert_eq!(error.to_string(), "\"socket\" is neither file nor link");
}

/// A zip file of these entries: name, mode, content.
fn zipped(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in entries {
        if mode & 0o170_000 == 0o120_000 {
            let target = std::str::from_utf8(content).unwrap();
            writer.add_symlink(*name, target, SimpleFileOptions::default()).unwrap();
        } else {
            let attributes = SimpleFileOptions::default().external_attributes(mode << 16);
            writer.start_file(*name, attributes).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// What comes of unpacking these bytes: the tree, or why not.
fn unpacked(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let home = tempfile::tempdir().unwrap();
    let (file, into) = (home.path().join("file"), home.path().join("deep/into"));
    fs::write(&file, bytes).unwrap();
    let result = unpack::unpack(&file, &into).map_err(|why| why.to_string());
    let outside: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "file" && name != "deep")
        .collect();
    assert_eq!(outside, Vec::<String>::new(), "written outside");
    result.map(|()| tree(&into))
}

const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

#[test]
fn an_archive_that_means_harm_is_refused() {
    for (name, mode, why) in [
        ("../evil", FILE, "would be written outside of the folder"),
        ("a/../../evil", FILE, "would be written outside of the folder"),
        ("/evil", FILE, "has an absolute name"),
        ("..\\evil", FILE, "has a character in its name that none may have"),
        ("C:\\evil", FILE, "has a character in its name that none may have"),
        ("pipe", 0o010_644, "is neither file, folder nor link"),
        ("device", 0o060_644, "is neither file, folder nor link"),
        ("terminal", 0o020_644, "is neither file, folder nor link"),
        ("socket", 0o140_644, "is neither file, folder nor link"),
    ] {
        let error = unpacked(&zipped(&[("ok", FILE, b""), (name, mode, b"x")])).unwrap_err();
        assert_eq!(error, format!("the entry {name:?} {why}"));
    }
    let twice = zipped(&[("a", FILE, b"1"), ("./a", FILE, b"2")]);
    assert_eq!(unpacked(&twice).unwrap_err(), "the entry \"./a\" is there twice");
    let through = zipped(&[("a", LINK, b"/tmp"), ("a/b", FILE, b"x")]);
    assert_eq!(unpacked(&through).unwrap_err(), "the entry \"a/b\" lies below what is no folder");
    let below = zipped(&[("a", FILE, b"x"), ("a/b", FILE, b"x")]);
    assert!(unpacked(&below).is_err());
    assert!(unpacked(b"no zip").unwrap_err().starts_with("it is no zip file that can be read"));
}

#[test]
fn names_in_the_directory_that_are_the_same_are_refused() {
    let mut bytes = zipped(&[("aa", FILE, b"1"), ("ab", FILE, b"2")]);
    for at in 0..bytes.len() - 1 {
        if &bytes[at..at + 2] == b"ab" {
            bytes[at + 1] = b'a';
        }
    }
    let error = unpacked(&bytes).unwrap_err();
    assert!(error.contains("two entries have the same name"), "{error}");
}

#[test]
fn an_encrypted_entry_is_refused() {
    let mut bytes = zipped(&[("a", FILE, b"1")]);
    // The flags of the entry, in its own header and in the directory.
    for at in 0..bytes.len() - 10 {
        match &bytes[at..at + 4] {
            b"PK\x03\x04" => bytes[at + 6] |= 1,
            b"PK\x01\x02" => bytes[at + 8] |= 1,
            _ => {}
        }
    }
    assert_eq!(unpacked(&bytes).unwrap_err(), "the entry \"a\" is encrypted");
}

#[test]
fn a_bomb_is_stopped_where_it_has_grown_too_large() {
    let zeros = vec![0; 1024 * 1024];
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("bomb", SimpleFileOptions::default()).unwrap();
    for _ in 0..129 {
        writer.write_all(&zeros).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let error = unpacked(&bytes).unwrap_err();
    assert_eq!(error, "it grows to more than 134217728 bytes");
}

#[test]
fn a_damaged_archive_is_not_unpacked() {
    let content: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    let whole = zipped(&[("a", FILE, &content)]);
    for cut in [1, 10, whole.len() / 2, whole.len() - 10] {
        assert!(unpacked(&whole[..whole.len() - cut]).is_err(), "{cut}");
    }
    let mut changed = whole;
    changed[2000] ^= 0xff;
    assert!(unpacked(&changed).unwrap_err().starts_with("it is no zip file that can be read"));
}

#[test]
fn a_link_stays_within_the_folder_or_is_a_text() {
    let bytes = zipped(&[
        ("a/b/real", FILE, b"x"),
        ("a/b/up", LINK, b".."),
        ("l", LINK, b"a/b"),
        ("through", LINK, b"l/../real"),
        ("a/b/out", LINK, b"../../.."),
        ("absolute", LINK, b"/etc"),
        ("dangling", LINK, b"a/nothing"),
        // By its looks `a`; but `a/b/up` is `a` already.
        ("trick", LINK, b"a/b/up/../.."),
    ]);
    let tree = unpacked(&bytes).unwrap();
    let expected = [
        ("a/b/out", "../../.."),
        ("a/b/real", "x"),
        ("a/b/up", "-> .."),
        ("absolute", "/etc"),
        ("dangling", "-> a/nothing"),
        ("l", "-> a/b"),
        ("through", "l/../real"),
        ("trick", "a/b/up/../.."),
    ];
    assert_eq!(tree, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
}

#[tokio::test]
async fn an_artifact_goes_once_nobody_has_needed_it_for_long() {
    use std::time::{Duration, SystemTime};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("artifacts");
    let artifacts = artifacts(&folder);
    let file = home.path().join("file");
    for key in ["read", "left", "shared"] {
        fs::write(&file, if key == "shared" { "read" } else { key }).unwrap();
        artifacts.keep("store", key, &file).await.unwrap();
    }
    let long_ago = SystemTime::now() - 10 * DAY;
    for name in tree(&folder).keys() {
        fs::File::open(folder.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
    assert_eq!(artifacts.drop_unused(10 * DAY), 0, "a day more is given");
    assert!(artifacts.held("store", "read").await.unwrap().is_some());
    assert_eq!(artifacts.drop_unused(5 * DAY), 3, "two references and one object");
    let held = artifacts.held("store", "read").await.unwrap().unwrap();
    assert!(artifacts.open(&held).is_ok());
    for key in ["left", "shared"] {
        assert_eq!(artifacts.held("store", key).await.unwrap(), None);
    }
    fs::write(&file, "left").unwrap();
    artifacts.keep("store", "left", &file).await.unwrap();
    let held = artifacts.held("store", "left").await.unwrap().unwrap();
    assert!(artifacts.open(&held).is_ok(), "it can be made again");
}
