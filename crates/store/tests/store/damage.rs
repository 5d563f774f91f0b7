//! Damage on disk is told, never passed over.

use std::fs;
use std::path::{Path, PathBuf};

use trackway_store::{Durability, Embedded, Fault, FaultKind, Local, OnLoss, Options, Store};

use crate::support::{all, block_on, commit, put};

const COMMITS: u64 = 40;

fn open(folder: &Path) -> Result<Embedded, Fault> {
    Embedded::open(folder, Options::new())
}

fn key(n: u64) -> Vec<u8> {
    format!("key {n:04}").into_bytes()
}

fn value(n: u64) -> Vec<u8> {
    format!("value {n:04} ").repeat(20).into_bytes()
}

/// A store with [`COMMITS`] commits of one row, closed; `flush` moves them into tables.
fn filled(flush: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 1..=COMMITS {
        put(&store, key(n), value(n)).unwrap();
    }
    if flush {
        store.flush().unwrap();
    }
    store.close().unwrap();
    folder
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("rows/0.jnl")
}

/// Where `needle` is in the file; the place of the commit that wrote it.
fn find(path: &Path, needle: &[u8]) -> usize {
    let bytes = fs::read(path).unwrap();
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

fn refused(folder: &Path, kind: FaultKind, words: &[&str]) {
    let fault = open(folder).map(drop).unwrap_err();
    assert_eq!(fault.kind(), kind, "{fault}");
    for word in words {
        assert!(fault.to_string().contains(word), "{word:?} in: {fault}");
    }
}

fn accept(folder: &Path) -> Embedded {
    Embedded::open(folder, Options { on_loss: OnLoss::Accept, ..Options::new() }).unwrap()
}

/// A store opened after an accepted loss works, and opens again without complaint.
fn goes_on(store: Embedded, folder: &Path) {
    put(&store, "new", "").unwrap();
    store.close().unwrap();
    let store = open(folder).unwrap();
    assert!(store.get_now(b"new").unwrap().is_some());
    assert_eq!(block_on(store.verify()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn undamaged_store_opens() {
    for flush in [false, true] {
        let folder = filled(flush);
        let store = open(folder.path()).unwrap();
        assert_eq!(all(&store).unwrap().len() as u64, COMMITS);
        assert_eq!(block_on(store.verify()).unwrap().last_sequence, COMMITS);
    }
}

#[test]
fn flipped_byte_in_the_middle_of_the_journal_refuses_to_open() {
    let folder = filled(false);
    let path = journal(folder.path());
    flip(&path, find(&path, b"value 0007"));
    let before = fs::read(&path).unwrap();
    refused(
        folder.path(),
        FaultKind::Gap,
        &["0.jnl is damaged at byte", "after commit 6", "commit 8 behind it is whole", "backup"],
    );
    assert!(fs::read(&path).unwrap() == before, "the journal is left as it was");

    let store = accept(folder.path());
    assert_eq!(all(&store).unwrap().len(), 6);
    assert!(path.with_extension("jnl.damaged").exists());
    goes_on(store, folder.path());
}

/// Every byte of a commit, one after the other, its lengths, tags and numbers included.
#[test]
fn any_flipped_byte_of_a_commit_refuses_to_open() {
    let folder = filled(false);
    let path = journal(folder.path());
    let whole = fs::read(&path).unwrap();
    let step = find(&path, b"value 0008") - find(&path, b"value 0007");
    let start = find(&path, b"value 0007");
    for at in start..start + step {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        fs::write(&path, bytes).unwrap();
        let fault = open(folder.path()).map(drop).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Gap, "byte {at}: {fault}");
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(all(&open(folder.path()).unwrap()).unwrap().len() as u64, COMMITS);
}

#[test]
fn commits_cut_out_of_the_middle_refuse_to_open() {
    let folder = filled(false);
    let path = journal(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let (from, to) = (find(&path, b"value 0007"), find(&path, b"value 0010"));
    bytes.drain(from..to);
    fs::write(&path, bytes).unwrap();
    // The halves of two commits meet, with a wrong checksum.
    refused(folder.path(), FaultKind::Gap, &["after commit 6", "commit 11 behind it is whole"]);
}

#[test]
fn whole_commits_cut_out_refuse_to_open() {
    let folder = filled(false);
    let path = journal(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let ends: Vec<_> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, it)| it == b"FJL\x03")
        .map(|(at, _)| at + 4)
        .collect();
    bytes.drain(ends[5]..ends[8]);
    fs::write(&path, bytes).unwrap();
    refused(folder.path(), FaultKind::Gap, &["commits 7 to 9 are missing"]);

    let store = accept(folder.path());
    assert_eq!(all(&store).unwrap().len() as u64, COMMITS - 3);
}

#[test]
fn lost_end_of_the_journal_refuses_to_open() {
    let folder = filled(false);
    let path = journal(folder.path());
    let bytes = fs::read(&path).unwrap();
    let end = find(&path, b"value 0030");
    fs::write(&path, &bytes[..end]).unwrap();
    refused(folder.path(), FaultKind::Gap, &["acknowledged commits 30 to 40 are missing"]);

    let store = accept(folder.path());
    assert_eq!(all(&store).unwrap().len(), 29);
    goes_on(store, folder.path());
}

#[test]
fn missing_journal_refuses_to_open() {
    let folder = filled(false);
    fs::remove_file(journal(folder.path())).unwrap();
    refused(folder.path(), FaultKind::Gap, &["acknowledged commits 1 to 40 are missing"]);
    let store = accept(folder.path());
    assert!(all(&store).unwrap().is_empty());
    goes_on(store, folder.path());
}

/// What was being written when the power went, and was never acknowledged, is cut off: also where
/// fjall alone would refuse to open, at a last batch whose checksum is wrong.
#[test]
fn torn_end_that_nobody_was_promised_is_cut_off() {
    let folder = filled(false);
    let path = journal(folder.path());
    // The last commit, as if HEAD had not been reached: HEAD from before it.
    let head = fs::read(folder.path().join("HEAD")).unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, key(41), value(41)).unwrap();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let start = find(&path, b"value 0041");
    for damaged in [whole[..start + 50].to_vec(), {
        let mut zeroed = whole.clone();
        zeroed[start..start + 50].fill(0);
        zeroed
    }] {
        fs::write(&path, damaged).unwrap();
        fs::write(folder.path().join("HEAD"), &head).unwrap();
        let store = open(folder.path()).unwrap();
        assert_eq!(all(&store).unwrap().len() as u64, COMMITS);
        store.close().unwrap();
    }
}

#[test]
fn flipped_byte_in_a_table_is_told_on_reading() {
    let folder = filled(true);
    let tables = folder.path().join("rows/keyspaces");
    let mut flipped = 0;
    for path in files_below(&tables) {
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(10).position(|window| window == b"value 0030");
        if let Some(at) = found {
            flip(&path, at);
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
    let store = open(folder.path()).unwrap();
    let fault = store.get_now(&key(30)).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Corrupt);
    assert!(fault.to_string().contains("key 0030"), "{fault}");
    assert_eq!(all(&store).unwrap_err().kind(), FaultKind::Corrupt);
    let report = block_on(store.verify()).unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    // A batch that must read the row fails; others go on.
    let needs_it = commit(&store, |batch| {
        batch.require_present(key(30));
    });
    assert!(needs_it.is_err());
    put(&store, "other", "").unwrap();
}

#[test]
fn missing_table_refuses_to_open() {
    let folder = filled(true);
    let tables = folder.path().join("rows/keyspaces/1/tables");
    for path in files_below(&tables) {
        fs::remove_file(path).unwrap();
    }
    let fault = open(folder.path()).map(drop).unwrap_err();
    assert!(matches!(fault.kind(), FaultKind::Corrupt | FaultKind::Unavailable), "{fault}");
}

#[test]
fn missing_or_damaged_head_refuses_to_open() {
    let folder = filled(false);
    let head = folder.path().join("HEAD");
    let bytes = fs::read(&head).unwrap();
    fs::write(&head, vec![0; 64]).unwrap();
    refused(folder.path(), FaultKind::Corrupt, &["HEAD is damaged"]);
    fs::remove_file(&head).unwrap();
    refused(folder.path(), FaultKind::Gap, &["HEAD file is gone"]);
    fs::write(&head, bytes).unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn missing_rows_refuse_to_open() {
    let folder = filled(false);
    fs::remove_dir_all(folder.path().join("rows")).unwrap();
    refused(folder.path(), FaultKind::Gap, &["rows is gone"]);
    goes_on(accept(folder.path()), folder.path());
}

#[test]
fn second_opening_is_refused_with_the_pid() {
    let folder = filled(false);
    let store = open(folder.path()).unwrap();
    let pid = format!("is in use by another process (pid {})", std::process::id());
    refused(folder.path(), FaultKind::Locked, &[&pid]);
    store.close().unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn newer_format_is_refused() {
    let folder = filled(false);
    let path = folder.path().join("FORMAT");
    let check = |text, words: &[&str]| {
        fs::write(&path, text).unwrap();
        refused(folder.path(), FaultKind::Format, words);
    };
    check("trackway-store 2\n", &["has format 2", "knows 1", "newer program"]);
    check("something else\n", &["can't be read"]);
    fs::write(&path, "trackway-store 1\n").unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "dear").unwrap();
    refused(folder.path(), FaultKind::Format, &["not a store", "letter.txt"]);
}

/// A creation that was cut short leaves a folder that opens as a new store.
#[test]
fn unfinished_creation_is_begun_anew() {
    let folder = filled(false);
    fs::rename(folder.path().join("rows"), folder.path().join("rows.new")).unwrap();
    fs::remove_file(folder.path().join("HEAD")).unwrap();
    assert!(all(&open(folder.path()).unwrap()).unwrap().is_empty());
}

#[test]
fn buffered_store_is_there_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Buffered, ..Options::new() };
    for n in 0..3 {
        let store = Embedded::open(folder.path(), options).unwrap();
        assert_eq!(all(&store).unwrap().len(), n);
        put(&store, key(n as u64), "").unwrap();
    }
    assert_eq!(all(&open(folder.path()).unwrap()).unwrap().len(), 3);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
