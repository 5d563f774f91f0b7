//! What a command can use up, and how it is ended.

use std::time::{Duration, Instant};

use trackway_performers::sandbox::{End, Limits};

use super::*;

#[tokio::test]
async fn a_timeout_kills_grandchildren() {
    let house = House::new();
    let config = SandboxConfig { writable: vec!["out".into()], ..SandboxConfig::default() };
    let out = house.path("out").join("alive");
    let script = "( setsid sh -c 'while :; do echo x >> \"$0\"; sleep 0.05; done' \"$1\" & ) ; echo begun; sleep 60";
    let mut command = Command::new("/bin/sh", &["-c", script, "sh", out.to_str().unwrap()]);
    command.limits.wall = Duration::from_millis(700);
    let begun = Instant::now();
    let Some(ended) = run(&house.sandbox(config), command).await else { return };
    assert_eq!((ended.end, ended.stdout.text.as_str()), (End::TimedOut, "begun\n"));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Nothing waits here: when the sandbox is over its processes are gone, so that the file grows no more.
    let length = std::fs::metadata(&out).unwrap().len();
    assert!(length > 0);
    assert_eq!(still_there(&out), 0);
    assert_eq!(std::fs::metadata(&out).unwrap().len(), length);
}

/// How many processes of the machine name this path.
fn still_there(path: &Path) -> usize {
    let name = path.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let command_lines =
        processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.filter(|line| String::from_utf8_lossy(line).contains(name)).count()
}

#[tokio::test]
async fn a_command_that_is_called_off_ends_with_what_it_said() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig::default());
    let (canceller, cancel) = Cancel::new();
    let ended = tokio::spawn({
        let mut command = shell("echo begun; touch started; sleep 60");
        command.work = Some(house.work());
        async move { sandbox.run(command, &cancel).await }
    });
    let started = house.path("work/started");
    while !ended.is_finished() && !exists(&started) {
        tokio::task::yield_now().await;
    }
    canceller.cancel();
    match ended.await.unwrap() {
        Ok(ended) => assert_eq!((ended.end, &*ended.stdout.text), (End::Cancelled, "begun\n")),
        Err(error) => println!("skipped: {error}"),
    }
}

#[tokio::test]
async fn a_run_that_is_forgotten_is_killed() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig::default());
    let marker = house.path("a-name-that-only-this-test-has");
    let script = "touch started; sleep 60";
    let mut command = Command::new("/bin/sh", &["-c", script, marker.to_str().unwrap()]);
    command.work = Some(house.work());
    let forgotten = tokio::spawn(async move { sandbox.run(command, &Cancel::never()).await });
    let started = house.path("work/started");
    while !forgotten.is_finished() && !exists(&started) {
        tokio::task::yield_now().await;
    }
    forgotten.abort();
    let _ = forgotten.await;
    while still_there(&marker) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_left_in_the_background_does_not_hold_up_the_end() {
    let Some(text) = printed("sleep 60 & echo done").await else { return };
    assert_eq!(text, "done\n");
}

#[tokio::test]
async fn output_is_kept_up_to_its_limit_and_counted_beyond() {
    let house = House::new();
    let mut command = shell("yes | head -c 1000000; yes x | head -c 9001 >&2");
    command.limits = Limits { stdout_chars: 10, ..Limits::default() };
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_eq!((&*ended.stdout.text, ended.stdout.chars), ("y\ny\ny\ny\ny\n", 1_000_000));
    assert_eq!((ended.stderr.text.len(), ended.stderr.chars), (8000, 9001));
}

#[tokio::test]
async fn a_fork_bomb_is_bounded() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig::default());
    let limits = Limits { processes: 40, wall: Duration::from_secs(2), ..Limits::default() };
    let mut command =
        shell("i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i + 1)); done; echo unbounded");
    command.limits = limits.clone();
    let Some(ended) = run(&sandbox, command).await else { return };
    // Only now is it safe to try a real one.
    assert!(ended.stdout.text.is_empty() && ended.end != End::Exited(0), "{ended:?}");
    let marker = house.path("a-bomb");
    let bomb = "bomb() { bomb | bomb & }; bomb; sleep 60";
    let mut command = Command::new("/bin/sh", &["-c", bomb, marker.to_str().unwrap()]);
    command.limits = limits;
    let ended = run(&sandbox, command).await.unwrap();
    assert!(ended.elapsed < Duration::from_secs(20), "{ended:?}");
    assert_eq!(still_there(&marker), 0);
}

#[tokio::test]
async fn a_memory_hog_is_bounded() {
    let house = House::new();
    let hog = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}";
    let mut command = shell(hog);
    command.limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_ne!(ended.stdout.text, "300000000\n", "{ended:?}");
    assert_ne!(ended.end, End::Exited(0), "{ended:?}");
}

#[tokio::test]
async fn temporary_files_and_large_files_are_bounded() {
    let house = House::new();
    let mut command = shell(
        "head -c 5000000 /dev/zero > /tmp/a; wc -c < /tmp/a; head -c 9000000 /dev/zero > b; wc -c < b",
    );
    command.work = Some(house.work());
    command.limits =
        Limits { temporary_bytes: 1 << 20, file_bytes: 8_000_000, ..Limits::default() };
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_eq!(ended.stdout.text, "1048576\n8000000\n", "{ended:?}");
}

#[tokio::test]
async fn many_run_at_once() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig { concurrency: Some(4), ..SandboxConfig::default() });
    let all: Vec<_> = (0..12)
        .map(|number: u32| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { run(&sandbox, shell(&format!("echo {number}"))).await })
        })
        .collect();
    for (number, ended) in all.into_iter().enumerate() {
        let Some(ended) = ended.await.unwrap() else { return };
        assert_eq!(ended.stdout.text, format!("{number}\n"));
    }
}

#[tokio::test]
async fn what_is_written_to_disk_is_bounded() {
    let house = House::new();
    let mut command = shell("i=0; while :; do i=$((i + 1)); head -c 1000000 /dev/zero > $i; done");
    command.work = Some(house.work());
    command.limits =
        Limits { disk_bytes: 5_000_000, wall: Duration::from_secs(60), ..Limits::default() };
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_eq!(ended.end, End::DiskFull);
}

#[tokio::test]
async fn a_server_that_is_killed_takes_its_commands_with_it() {
    let house = House::new();
    let marker = house.path("another-name-that-only-this-test-has");
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_trackway-sandbox"))
        .arg("hold")
        .arg(&marker)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The server itself, the sandbox around it, the command: all name the marker but the two in between.
    let begun = Instant::now();
    while still_there(&marker) < 2 {
        if server.try_wait().unwrap().is_some() || begun.elapsed() > Duration::from_secs(20) {
            println!("skipped: the server could not hold a command");
            return;
        }
        std::thread::yield_now();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    while still_there(&marker) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the command outlives the server");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn what_a_command_prints_is_heard_while_it_runs() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig::default());
    let (canceller, cancel) = Cancel::new();
    let mut heard = Vec::new();
    let mut told = |part: &[u8]| {
        heard.extend_from_slice(part);
        // It would never end by itself.
        canceller.cancel();
    };
    let command = shell("echo begun; exec sleep 3600");
    match sandbox.follow(command, &cancel, &mut told).await {
        Ok(ended) => assert_eq!((ended.end, &heard[..]), (End::Cancelled, &b"begun\n"[..])),
        Err(error) => println!("skipped: {error}"),
    }
}
