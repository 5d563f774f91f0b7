//! The folder of a store: who has it open, which format it has, and where things are.
//!
//! ```text
//!  FORMAT   "trackway-store 1": the format of all that is beside it
//!  LOCK     locked by the process that has the store open; holds its id
//!  HEAD     the last commit acknowledged (see `head`)
//!  rows/    fjall's database: journals (*.jnl) and tables
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Fault, FaultKind};

/// The number of the format this code reads and writes.
pub(super) const FORMAT: u32 = 1;

const FORMAT_NAME: &str = "trackway-store";

/// The file by which a folder that holds a store is known.
pub const FORMAT_FILE: &str = "FORMAT";

/// The folder, locked for this process.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    // Held for its lock.
    _lock: File,
}

impl Directory {
    /// Makes the folder if need be, locks it and checks its format.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        if path.exists() && !path.is_dir() {
            let what = format!("{} is not a folder; choose another data directory", path.display());
            return Err(Fault::new(FaultKind::Format, what));
        }
        fs::create_dir_all(path).map_err(|error| io_fault("could not create", path, &error))?;
        let lock = lock(path)?;
        let directory = Self { path: path.to_owned(), _lock: lock };
        directory.check_format()?;
        Ok(directory)
    }

    /// The side file of the last commit acknowledged.
    pub(super) fn head(&self) -> PathBuf {
        self.path.join("HEAD")
    }

    /// The folder of fjall's database.
    pub(super) fn rows(&self) -> PathBuf {
        self.path.join("rows")
    }

    /// Where fjall's database is made before it is moved to its place, whole.
    pub(super) fn rows_unfinished(&self) -> PathBuf {
        self.path.join("rows.new")
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was created, renamed or removed in the folder durable.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        sync_folder(&self.path)
    }

    fn check_format(&self) -> Result<(), Fault> {
        let path = self.path.join(FORMAT_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => check_format_text(&text, &self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.refuse_strangers()?;
                self.write_format(&path)
            }
            Err(error) => Err(io_fault("could not read", &path, &error)),
        }
    }

    /// A folder without `FORMAT` must be empty: nothing of somebody else's is overwritten.
    fn refuse_strangers(&self) -> Result<(), Fault> {
        let entries = fs::read_dir(&self.path)
            .map_err(|error| io_fault("could not read", &self.path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| io_fault("could not read", &self.path, &error))?;
            let name = entry.file_name();
            if name != "LOCK" && name != "FORMAT.new" {
                return Err(Fault::new(
                    FaultKind::Format,
                    format!(
                        "{} is not empty and not a store (it has {} and no FORMAT file); choose \
                         another data directory",
                        self.path.display(),
                        name.display()
                    ),
                ));
            }
        }
        Ok(())
    }

    fn write_format(&self, path: &Path) -> Result<(), Fault> {
        let unfinished = self.path.join("FORMAT.new");
        let write = || {
            let mut file = File::create(&unfinished)?;
            writeln!(file, "{FORMAT_NAME} {FORMAT}")?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        write().map_err(|error| io_fault("could not write", path, &error))?;
        self.sync()
    }
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), Fault> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_fault("could not sync", path, &error))
}

/// The fault of an operation on a file.
pub(super) fn io_fault(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::unavailable(format!("{what} {}: {error}", path.display()))
}

fn check_format_text(text: &str, folder: &Path) -> Result<(), Fault> {
    let number =
        text.trim().strip_prefix(FORMAT_NAME).and_then(|rest| rest.trim().parse::<u32>().ok());
    let folder = folder.display();
    let what = match number {
        Some(FORMAT) => return Ok(()),
        Some(number) if number > FORMAT => format!(
            "{folder} has format {number} and this program knows {FORMAT}; use the newer program \
             that wrote it"
        ),
        Some(number) => format!(
            "{folder} has format {number} and this program knows {FORMAT}; move it with the older \
             program's export"
        ),
        None => format!("the FORMAT file of {folder} can't be read: {:?}", text.trim()),
    };
    Err(Fault::new(FaultKind::Format, what))
}

fn lock(folder: &Path) -> Result<File, Fault> {
    let path = folder.join("LOCK");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| io_fault("could not open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(folder, &path)),
        Err(TryLockError::Error(error)) => return Err(io_fault("could not lock", &path, &error)),
    }
    // Only for the message above; nothing depends on it.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|error| io_fault("could not write", &path, &error))?;
    Ok(file)
}

fn in_use(folder: &Path, lock: &Path) -> Fault {
    let owner = fs::read_to_string(lock).unwrap_or_default();
    let owner = if owner.trim().is_empty() { "unknown" } else { owner.trim() };
    Fault::new(
        FaultKind::Locked,
        format!("data directory {} is in use by another process (pid {owner})", folder.display()),
    )
}
