//! Every limit of the engine, in one table.

/// Shards of a new store; fixed for its life, in a row of its own.
pub const SHARDS_DEFAULT: u16 = 4;
/// Letters that one batch takes before it is handed to the store.
pub const LETTERS_PER_BATCH_MAX: usize = 512;
/// Bytes of rows after which a batch takes no further letter.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Batches of one shard on their way to the disk; the next one is computed meanwhile.
pub const BATCHES_IN_FLIGHT_MAX: usize = 2;
/// Payload bytes after which a turn's events go on in a further segment.
pub const SEGMENT_PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Segments shorter than this are stored as they are.
pub const COMPRESS_BYTES_MIN: usize = 64;
/// The longest segment that is believed to be one when it is unpacked.
pub const SEGMENT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The longest key of a row of a kind's view, in bytes.
pub const ROW_KEY_BYTES_MAX: usize = trackway_store::KEY_BYTES_MAX - crate::keys::ROW_PREFIX_LEN;
/// Timers of an execution kept within its record; further ones have rows of their own.
pub const TIMERS_INLINE_MAX: usize = 16;
/// Timers a shard keeps in memory: the next ones due.
pub const TIMERS_NEAR_MAX: usize = 8192;
/// Timers read at once when memory runs out of them.
pub const TIMERS_REFILL: usize = 4096;
/// Timers fired in one batch.
pub const TIMERS_PER_BATCH_MAX: usize = 512;
/// Executions with a timer due within so many milliseconds stay in memory.
pub const TIMER_SOON_MS: i64 = 1000;
/// Events from which on a journal is not folded anew for every input: its execution stays among the
/// idle ones, although it waits for nothing but a timer.
pub const COSTLY_FOLD_EVENTS: u32 = 1024;
/// Events after which a snapshot of an execution's state is written anew, if its kind has them.
pub const SNAPSHOT_EVENTS: u32 = 512;
/// Bytes of a state for which one more event is folded before it is written again: a large state
/// must not be written as often as a small one.
pub const SNAPSHOT_BYTES_PER_EVENT: usize = 64;
/// The largest state that is stored, in bytes before it is compressed.
pub const STATE_BYTES_MAX: usize = trackway_store::VALUE_BYTES_MAX - 1024;
/// Idle executions that a shard keeps folded because the world may answer them soon.
pub const IDLE_MAX: usize = 64;
/// Definitions that a shard keeps parsed.
pub const DEFINITIONS_MAX: usize = 256;
/// Rows read at once where a whole range is walked.
pub const SCAN_ROWS: usize = 512;
/// Effects that a shard runs again at the same time after a restart.
pub const RECOVERY_EFFECTS_MAX: usize = 256;
/// The longest scope, in bytes.
pub const SCOPE_BYTES_MAX: usize = 255;
/// Offers that [`crate::Engine::take_ready`] looks at between two looks at who else takes.
pub const OFFERS_PER_LOOK: usize = 64;
/// Bytes of the requests of one polled queue that are kept in memory because somebody looked at
/// them in vain.
pub const REQUESTS_KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Segments that leave a journal in one step of its trimming.
pub const TRIMMED_SEGMENTS_PER_STEP: usize = 512;
/// Changed rows after which a step of the trimming takes no further segment.
pub const TRIMMED_ROWS_PER_STEP: usize = 4096;
/// How much older than the horizon a journal's first event becomes before it is trimmed, in
/// milliseconds: its state is written then, and that not for every event.
pub const TRIM_SLACK_MS: i64 = 3_600_000;
/// Seconds between two looks of the trimming at a page of records.
pub const TRIM_STEP_SECONDS: u64 = 1;
/// Rows after which a batch of a rebuild is handed to the store.
pub const REBUILT_ROWS_PER_BATCH: usize = 4096;
/// Ended executions dropped by one batch of the retention sweep.
pub const RETENTION_DROPS_PER_BATCH: usize = 64;
/// Rows after which a batch of the retention sweep is handed to the store.
pub const RETENTION_ROWS_PER_BATCH: usize = 4096;
/// Records looked at by one step of the retention sweep.
pub const RETENTION_RECORDS_PER_STEP: usize = 512;
/// Seconds between two steps of the retention sweep.
pub const RETENTION_STEP_SECONDS: u64 = 1;
