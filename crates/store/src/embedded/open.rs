//! Opening: lock, format, journals, fjall, ring, `HEAD`, in this order, each checked before the
//! next may change anything.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::chain::{BASE_KEY, Link, LinkBuilder, Ring, check_ring, missing};
use super::committer::{Committer, Shared};
use super::directory::{Directory, io_fault, sync_folder};
use super::head::{Head, Mark};
use super::journal::{self, Journals};
use super::rows::Rows;
use super::{Durability, Embedded, OnLoss, Options};
use crate::{Fault, FaultKind};

/// What to do about damage.
pub(super) const REMEDY: &str = "restore the data directory from a backup, or serve it once \
                                 with --accept-loss to go on from what is left";

/// The most problems a fault lists.
const PROBLEMS_TOLD: usize = 5;

pub(super) fn open(folder: &Path, options: Options) -> Result<Embedded, Fault> {
    let directory = Directory::open(folder)?;
    create_if_new(&directory, options)?;
    let mark = read_mark(&directory, options)?;
    let mut journals = journal::read(&directory.rows(), mark)?;
    compare_journals(&mut journals, mark);
    let lost_in_journals = refuse_or_accept(&journals.problems, options, &directory)?;
    if lost_in_journals {
        journal::cut_damage(&journals)?;
    } else {
        journal::cut_torn_end(&journals)?;
    }

    let rows = Rows::open(&directory.rows(), options.cache_bytes)?;
    let mut ring = check_ring(&rows.reserved()?);
    if !lost_in_journals {
        compare_ring(&mut ring, &journals, mark);
    }
    let lost_in_rows = refuse_or_accept(&ring.problems, options, &directory)?;
    let mut tip = ring.tip;
    if lost_in_journals || lost_in_rows || mark.sequence > tip.sequence {
        tip = rebase(&rows, tip)?;
    }
    start(directory, rows, tip, options)
}

fn start(directory: Directory, rows: Rows, tip: Link, options: Options) -> Result<Embedded, Fault> {
    let buffered = options.durability == Durability::Buffered;
    let head = Head::open(&directory.head(), Mark::of(&tip, buffered))?;
    let (rows, shared) = (Arc::new(rows), Arc::new(Shared::default()));
    let committer = Committer {
        shared: Arc::clone(&shared),
        rows: Arc::clone(&rows),
        head,
        tip,
        durability: options.durability,
    };
    let committer = Some(committer.start()?);
    Ok(Embedded { rows, shared, committer, directory: Arc::new(directory) })
}

/// Makes fjall's database beside its place and moves it there whole: a creation that is cut short
/// leaves nothing that looks like a store.
fn create_if_new(directory: &Directory, options: Options) -> Result<(), Fault> {
    let (rows, unfinished) = (directory.rows(), directory.rows_unfinished());
    if rows.exists() {
        return Ok(());
    }
    if directory.head().exists() && Head::read(&directory.head())?.sequence > 0 {
        let gone = vec![format!("{} is gone", rows.display())];
        refuse_or_accept(&gone, options, directory)?;
    }
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .map_err(|error| io_fault("could not remove", &unfinished, &error))?;
    }
    Head::create(&directory.head())?;
    drop(Rows::open(&unfinished, options.cache_bytes)?);
    sync_folder(&unfinished)?;
    fs::rename(&unfinished, &rows).map_err(|error| io_fault("could not move", &rows, &error))?;
    directory.sync()
}

fn read_mark(directory: &Directory, options: Options) -> Result<Mark, Fault> {
    match Head::read(&directory.head()) {
        Ok(mark) => Ok(mark),
        Err(_) if options.on_loss == OnLoss::Accept => Ok(Mark::default()),
        Err(fault) if directory.head().exists() => Err(fault),
        Err(_) => Err(gap(&["its HEAD file is gone".to_owned()], directory)),
    }
}

/// What was acknowledged last must be in the journals, if anything is.
fn compare_journals(journals: &mut Journals, mark: Mark) {
    if let Some(tip) = journals.tip
        && tip.sequence < mark.sequence
    {
        journals.problems.push(lost_end(tip, mark));
    }
}

/// The rows must hold what the journals hold, and what was acknowledged last.
fn compare_ring(ring: &mut Ring, journals: &Journals, mark: Mark) {
    let tip = ring.tip;
    if let Some(journal) = journals.tip.filter(|journal| *journal != tip) {
        ring.problems.push(format!(
            "the journals end with commit {} and the rows with commit {}",
            journal.sequence, tip.sequence
        ));
    }
    if tip.sequence < mark.sequence {
        ring.problems.push(lost_end(tip, mark));
    } else if tip.sequence == mark.sequence && tip.checksum != mark.checksum {
        ring.problems.push(format!("commit {} isn't the one acknowledged", tip.sequence));
    }
}

fn lost_end(tip: Link, mark: Mark) -> String {
    format!("acknowledged {}", missing(tip.sequence + 1, mark.sequence))
}

/// Tells whether there are problems to be accepted; refuses them if it may not.
fn refuse_or_accept(
    problems: &[String],
    options: Options,
    directory: &Directory,
) -> Result<bool, Fault> {
    match options.on_loss {
        OnLoss::Refuse if !problems.is_empty() => Err(gap(problems, directory)),
        OnLoss::Refuse | OnLoss::Accept => Ok(!problems.is_empty()),
    }
}

fn gap(problems: &[String], directory: &Directory) -> Fault {
    let more = problems.len().saturating_sub(PROBLEMS_TOLD);
    let mut told = problems[..problems.len() - more].join("; ");
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    Fault::new(FaultKind::Gap, format!("{}: {told}; {REMEDY}", directory.path().display()))
}

/// Starts the chain anew behind an accepted loss.
fn rebase(rows: &Rows, tip: Link) -> Result<Link, Fault> {
    let link = LinkBuilder::default().finish(tip.sequence + 1, tip.checksum);
    let (key, value) = (Link::key(link.sequence), link.encode());
    rows.write(
        [(&key[..], Some(&value[..])), (&BASE_KEY[..], Some(&value[..]))],
        Durability::Synced,
    )?;
    Ok(link)
}
