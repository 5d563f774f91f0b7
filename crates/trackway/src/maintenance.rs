//! What is done to a data directory that no server uses: `verify` and `rebuild`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_engine::{RebuildReport, VerifyReport};
use trackway_store::{Embedded, Options, Store};

use crate::compose::builder;

/// What `trackway verify` found.
pub(crate) struct Verified {
    store: trackway_store::Report,
    engine: VerifyReport,
}

/// Opens a data directory that must be there already.
fn existing(folder: &Path) -> Result<Arc<dyn Store>, String> {
    // Opening a folder that is empty would make a store of it.
    if !folder.join(trackway_store::FORMAT_FILE).is_file() {
        return Err("there is no store in it; name the server's data directory".to_owned());
    }
    let store = Embedded::open(folder, Options::new()).map_err(|fault| fault.to_string())?;
    Ok(Arc::new(store))
}

/// Checks a data directory.
pub(crate) async fn verify(folder: &Path) -> Result<Verified, String> {
    let cannot = |why: String| format!("could not verify {}: {why}", folder.display());
    let store = existing(folder).map_err(cannot)?;
    let rows = store.verify().await.map_err(|fault| cannot(fault.to_string()))?;
    let engine = builder().verify(store).await.map_err(|fault| cannot(fault.to_string()))?;
    Ok(Verified { store: rows, engine })
}

/// Makes every view of a data directory anew.
pub(crate) async fn rebuild(folder: &Path) -> Result<RebuildReport, String> {
    let cannot = |why: String| format!("could not rebuild {}: {why}", folder.display());
    let store = existing(folder).map_err(cannot)?;
    builder().rebuild(store).await.map_err(|fault| cannot(fault.to_string()))
}

impl Verified {
    pub(crate) fn is_clean(&self) -> bool {
        self.store.problems.is_empty() && self.engine.problems.is_empty()
    }

    fn problems(&self) -> impl Iterator<Item = String> + '_ {
        let rows = self.store.problems.iter().map(ToString::to_string);
        rows.chain(self.engine.problems.iter().map(ToString::to_string))
    }

    /// What was checked, and how much of it there is.
    fn checked(&self) -> Vec<(&'static str, u64)> {
        let rows = self.store.families.values().map(|family| family.rows).sum();
        let engine = &self.engine;
        vec![
            ("rows, each with its checksum", rows),
            ("executions, each refolded from its journal", engine.executions),
            ("journal segments, each decoded", engine.segments),
            ("events, without a gap", engine.events),
            ("list rows, each equal to a refold", engine.list_rows),
            ("rows of views, each equal to a refold", engine.rows),
            ("snapshots, each equal to a refold", engine.snapshots),
            ("executions whose oldest history was trimmed", engine.trimmed),
            ("timers, each of a running execution", engine.timers),
            ("effects, each of a running execution", engine.effects),
            ("letters, each to a running execution", engine.letters),
            ("letters to executions that have closed", engine.letters_stale),
            ("parked executions", engine.parked),
            ("ended executions that are leaving", engine.leaving),
            ("definitions, each with its hash", engine.definitions),
        ]
    }

    pub(crate) fn as_text(&self) -> String {
        let line = |(what, count): &(&str, u64)| format!("{count:>10}  {what}");
        let mut lines: Vec<String> = self.checked().iter().map(line).collect();
        lines.extend(self.problems().map(|problem| format!("PROBLEM {problem}")));
        lines.push(if self.is_clean() { "clean".to_owned() } else { "NOT CLEAN".to_owned() });
        lines.join("\n") + "\n"
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({
            "clean": self.is_clean(),
            "checked": self.checked().into_iter().collect::<BTreeMap<_, _>>(),
            "problems": self.problems().collect::<Vec<_>>(),
        })
    }
}
