//! Walks everything and checks what can be checked while the store is in use.

use super::chain::check_ring;
use super::committer::Shared;
use super::directory::Directory;
use super::head::Head;
use super::journal;
use super::rows::Rows;
use crate::{Fault, Report};

/// How often the journals are read anew because one was removed meanwhile.
const ATTEMPTS: u32 = 5;

pub(super) fn verify(rows: &Rows, directory: &Directory, shared: &Shared) -> Result<Report, Fault> {
    shared.check()?;
    let mut report = Report::default();
    if let Err(fault) = rows.walk(|key, value| report.count(key, value)) {
        report.problems.push(fault.what().to_owned());
    }
    match rows.reserved() {
        Ok(reserved) => {
            let ring = check_ring(&reserved);
            report.last_sequence = ring.tip.sequence;
            report.problems.extend(ring.problems);
        }
        Err(fault) => report.problems.push(fault.what().to_owned()),
    }
    match Head::read(&directory.head()) {
        Ok(mark) if mark.sequence > shared.last_sequence() + 1 => report.problems.push(format!(
            "HEAD knows commit {} and the last is {}",
            mark.sequence,
            shared.last_sequence()
        )),
        Ok(_) => {}
        Err(fault) => report.problems.push(fault.what().to_owned()),
    }
    report.problems.extend(journal_problems(directory));
    Ok(report)
}

fn journal_problems(directory: &Directory) -> Vec<String> {
    let mut problem = Vec::new();
    for _ in 0..ATTEMPTS {
        // The end of the active journal moves; an end that looks torn is no problem.
        match journal::read(&directory.rows(), super::head::Mark::default()) {
            Ok(journals) => return journals.problems,
            Err(fault) => problem = vec![fault.what().to_owned()],
        }
    }
    problem
}
