//! How much a build may use.

use std::time::Duration;

use trackway_performers::sandbox::Limits;

/// Minutes that a build may take unless its project says otherwise; as at AWS.
pub const TIMEOUT_MINUTES: u64 = 60;
/// The most that a project may say: a CodeBuild action ends after 8 hours.
pub const TIMEOUT_MINUTES_MAX: u64 = 480;
/// Bytes of a log that are kept; what comes after is counted and dropped.
pub const LOG_BYTES_MAX: u64 = 64 << 20;
/// Bytes that a build may have in its folders at one time, its sources included.
pub const DISK_BYTES_MAX: u64 = 16 << 30;
/// The largest file that a build may write.
pub const FILE_BYTES_MAX: u64 = 4 << 30;
/// Processes and threads of one build.
pub const PROCESSES_MAX: u64 = 4096;
/// Memory that each process may write to.
pub const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// The largest buildspec.
pub const BUILDSPEC_BYTES_MAX: u64 = 1 << 20;
/// The most commands of one phase, `finally` included.
pub const COMMANDS_MAX: usize = 1000;
/// What the shell may tell of its environment at the end.
pub const ENVIRONMENT_BYTES_MAX: u64 = 2 << 20;
/// The most files that are looked at for artifacts and reports.
pub const FILES_MAX: usize = 500_000;
/// The largest file of a report that is kept and counted.
pub const REPORT_BYTES_MAX: u64 = 32 << 20;
/// The most files of one report group.
pub const REPORT_FILES_MAX: usize = 1000;
/// Bytes of all output variables of one action.
pub const VARIABLES_BYTES_MAX: usize = 122_880;
/// Characters of the message of a failure, which may hold a whole command.
pub const MESSAGE_CHARS_MAX: usize = 4000;

/// The limits of one sandbox of a build.
pub(super) fn sandbox(wall: Duration) -> Limits {
    Limits {
        wall,
        memory_bytes: MEMORY_BYTES_MAX,
        processes: PROCESSES_MAX,
        file_bytes: FILE_BYTES_MAX,
        disk_bytes: DISK_BYTES_MAX,
        open_files: 8192,
        // Followed as it comes, so nothing of it is gathered.
        stdout_chars: 0,
        stderr_chars: 4000,
        ..Limits::default()
    }
}
