//! What this program does when it is started as a sandbox: two stages, each its own process, then the command.
//!
//! ```text
//!   server ── sandbox-run ──▶ outer   leaves the host's namespaces, waits
//!                               └ sandbox-init ──▶ init   process 1: builds the root, gives up every right,
//!                                                    └──▶ the command     reaps, reports
//! ```
//!
//! A process id namespace begins with a child, and only a program of one thread may leave its user namespace; both
//! want a fresh process, so the program starts itself again. When init ends, the kernel ends everything inside.
//!
//! As root, the mounts are made with root's rights and the command runs as the host's unprivileged user 65534, in a
//! user namespace of its own. As an ordinary user, all of it is inside a user namespace, and the command is in a
//! second one, so that it has no rights over the mounts that hide things from it.

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::MemfdFlags;
use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, WaitOptions, getegid, geteuid,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
};

use super::root::{self, Outcome, USER_INSIDE, enter, give, usual_umask};
use super::spec::{self, Report, Spec};

/// The hidden subcommand that makes this program a sandbox.
pub(super) const OUTER: &str = "sandbox-run";
const INIT: &str = "sandbox-init";
/// How init was set up by the outer stage.
const AS_ROOT: &str = "root";
const AS_USER: &str = "user";
/// Who the command is on the host when the server is root.
pub(super) const NOBODY: u32 = 65534;
const SELF: &str = "/proc/self/exe";

/// Becomes a sandbox if this process was started as one. To be called first in `main`, before anything starts a
/// thread; what it returns is the exit code of the process.
#[must_use]
pub fn enter_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let stage = arguments.next()?;
    if stage == OUTER {
        return Some(outer());
    }
    if stage == INIT {
        let is_root = arguments.next().is_some_and(|mode| mode == AS_ROOT);
        return Some(init(is_root));
    }
    None
}

fn socket() -> std::io::Result<UnixStream> {
    Ok(UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

/// Tells the server; if it is gone there is nobody to tell.
fn tell(socket: &mut UnixStream, report: &Report) {
    if let Ok(text) = serde_json::to_vec(report) {
        let _ = socket.write_all(&text);
    }
}

/// Closes what the server's own parent left open for it, which would be open for the command as well. What the
/// server opens itself is closed already.
fn close_inherited() {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let open: Vec<i32> =
        listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // The one by which they were listed is closed already.
        let _ = nix::unistd::close(number);
    }
}

fn outer() -> ExitCode {
    close_inherited();
    let Ok(mut socket) = socket() else { return ExitCode::FAILURE };
    match leave_host().and_then(start_init) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            tell(&mut socket, &Report::Unavailable(why));
            ExitCode::FAILURE
        }
    }
}

/// Leaves the host's namespaces, with root's rights where there are such, else in a new user namespace.
fn leave_host() -> Outcome<&'static str> {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    if user == 0 && can_become_nobody() && unshare(own).is_ok() {
        return Ok(AS_ROOT);
    }
    if user == 0 && is_root_outside() {
        // The kernel doesn't count root's processes, and lets root write to /proc/sys.
        return Err("this process is root, but may not mount or become another user; run it as an ordinary user, or with CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and CAP_CHOWN".to_owned());
    }
    unshare(own | CloneFlags::CLONE_NEWUSER).map_err(|error| {
        format!("the kernel refuses user, mount and process namespaces to this process: {error}")
    })?;
    map_user((0, user), (0, group))?;
    Ok(AS_USER)
}

/// Whether there is a user 65534 here to become: root of a container may be alone in its user namespace.
fn can_become_nobody() -> bool {
    let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    has_user(&text("uid_map"), NOBODY)
        && has_user(&text("gid_map"), NOBODY)
        && text("setgroups").trim() != "deny"
}

/// Whether root of this user namespace is root of the one around it, as it is on the host itself.
fn is_root_outside() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().all(|line| {
        let mut fields = line.split_whitespace();
        fields.next() != Some("0") || fields.next() == Some("0")
    })
}

/// Whether a map of users has this one: lines of first inside, first outside, count.
fn has_user(map: &str, user: u32) -> bool {
    let has = |line: &str| {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(user))
    };
    map.lines().any(has)
}

/// Says who one user and one group of this user namespace are outside of it: (inside, outside).
fn map_user(user: (u32, u32), group: (u32, u32)) -> Outcome<()> {
    let write = |name: &str, text: String| {
        let path = format!("/proc/self/{name}");
        fs::write(&path, text).map_err(|error| format!("could not write {path}: {error}"))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{} {} 1", user.0, user.1))?;
    write("gid_map", format!("{} {} 1", group.0, group.1))
}

fn start_init(mode: &str) -> Outcome<ExitStatus> {
    let status = Command::new(SELF).arg0("trackway").args([INIT, mode]).status();
    status.map_err(|error| format!("could not start a process in a new process namespace: {error}"))
}

fn init(is_root: bool) -> ExitCode {
    let Ok(mut socket) = socket() else { return ExitCode::FAILURE };
    let (spec, input) = match spec::read(&mut socket) {
        Ok(read) => read,
        Err(error) => {
            let why = format!("could not read what to run: {error}");
            tell(&mut socket, &Report::Unavailable(why));
            return ExitCode::FAILURE;
        }
    };
    if let Err(why) = confine(&spec, is_root) {
        tell(&mut socket, &Report::Unavailable(why));
        return ExitCode::FAILURE;
    }
    let report = follow(&socket)
        .map_err(Report::Unavailable)
        .and_then(|()| start(&spec, &input).map_err(Report::NotStarted))
        .and_then(|child| reap(child).map_err(Report::NotStarted));
    tell(&mut socket, &report.unwrap_or_else(|report| report));
    ExitCode::SUCCESS
}

fn cannot<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("could not {what}: {error}")
}

/// Takes everything away that the command must not have.
fn confine(spec: &Spec, is_root: bool) -> Outcome<()> {
    // No terminal of the server's can be reached.
    rustix::process::setsid().map_err(cannot("leave the server's session"))?;
    usual_umask();
    if !spec.network {
        unshare(CloneFlags::CLONE_NEWNET).map_err(cannot("take the network away"))?;
    }
    if is_root {
        for shown in spec.shown.iter().filter(|shown| shown.owned) {
            give(&shown.host, NOBODY)
                .map_err(|error| format!("could not hand over the work folder: {error}"))?;
        }
    }
    enter(spec, !is_root)?;
    // Whoever runs out of memory first, it is not the server.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    limit(spec).map_err(cannot("set limits"))?;
    rustix::thread::set_no_new_privs(true).map_err(cannot("give up new privileges"))?;
    drop_rights(is_root)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(cannot("hide the first process"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(cannot("follow the outer process"))
}

fn limit(spec: &Spec) -> rustix::io::Result<()> {
    let limits = [
        (Resource::Core, Some(0)),
        (Resource::Cpu, spec.cpu_seconds),
        (Resource::Data, Some(spec.memory_bytes)),
        (Resource::As, Some(spec.address_space_bytes)),
        (Resource::Nproc, Some(spec.processes)),
        (Resource::Fsize, Some(spec.file_bytes)),
        (Resource::Nofile, Some(spec.open_files)),
    ];
    for (resource, limit) in limits {
        if limit.is_some() {
            // A lower limit of the server's own can't be raised and is as good.
            let most = rustix::process::getrlimit(resource).maximum;
            let limit = limit.map(|limit| most.map_or(limit, |most| limit.min(most)));
            setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
        }
    }
    Ok(())
}

/// From here on, this process has no rights over what hides the host from it, and neither has the command.
fn drop_rights(is_root: bool) -> Outcome<()> {
    if is_root {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_groups(&[])
            .and_then(|()| rustix::thread::set_thread_res_gid(group, group, group))
            .and_then(|()| rustix::thread::set_thread_res_uid(user, user, user))
            .map_err(|error| format!("could not become an unprivileged user: {error}"))?;
        // So that its own /proc files can be written.
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        return match unshare(CloneFlags::CLONE_NEWUSER) {
            Ok(()) => {
                map_user((USER_INSIDE, NOBODY), (USER_INSIDE, NOBODY))?;
                // The command shall not make namespaces of its own, in which it would have rights.
                let _ = fs::write(root::NAMESPACES_MAX, "0");
                Ok(())
            }
            // Not needed: as nobody, without capabilities, the command has no rights either.
            Err(_) => Ok(()),
        };
    }
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|error| format!("could not enter a second user namespace: {error}"))?;
    map_user((USER_INSIDE, 0), (USER_INSIDE, 0))
}

/// Ends this process, and so everything inside, when the server lets go of the socket.
fn follow(socket: &UnixStream) -> Outcome<()> {
    let mut socket = socket.try_clone().map_err(|error| error.to_string())?;
    let watch = move || {
        let mut byte = [0];
        while matches!(socket.read(&mut byte), Ok(1)) {}
        std::process::exit(1);
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(watch);
    thread.map(drop).map_err(|error| format!("could not watch the server: {error}"))
}

fn start(spec: &Spec, input: &[u8]) -> Outcome<u32> {
    let input = file_of(input).map_err(|error| format!("could not keep the input: {error}"))?;
    let child = Command::new(&spec.program)
        .args(&spec.arguments)
        .env_clear()
        .envs(&spec.environment)
        .current_dir(&spec.working_folder)
        .stdin(input)
        .spawn();
    match child {
        Ok(child) => Ok(child.id()),
        Err(error) if !Path::new(&spec.working_folder).is_dir() => {
            Err(format!("chdir {}: {error}", spec.working_folder.display()))
        }
        Err(error) => Err(format!("{}: {error}", spec.program.display())),
    }
}

/// The command's standard input: a file in memory, so that nobody has to feed it.
fn file_of(input: &[u8]) -> std::io::Result<Stdio> {
    let mut file = fs::File::from(rustix::fs::memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(file.into())
}

/// Reaps whatever ends inside until the command does. What it left running ends with this process.
fn reap(child: u32) -> Outcome<Report> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((process, status)))
                if process.as_raw_nonzero().get().cast_unsigned() == child =>
            {
                let status = ExitStatus::from_raw(status.as_raw());
                return Ok(match (status.code(), status.signal()) {
                    (Some(code), _) => Report::Exited(code),
                    (None, signal) => Report::Signalled(signal.unwrap_or_default()),
                });
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("could not wait for the command: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_a_map_or_not() {
        assert!(has_user("         0          0 4294967295\n", NOBODY));
        assert!(has_user("0 1000 1\n1 100000 65536\n", NOBODY));
        assert!(!has_user("0 1000 1\n", NOBODY));
        assert!(!has_user("", NOBODY));
    }
}
