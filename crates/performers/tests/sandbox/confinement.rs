//! What a command can see and change.

use std::collections::BTreeMap;

use trackway_performers::sandbox::{End, read_regular};

use super::*;

#[tokio::test]
async fn a_command_runs_with_its_input_and_its_exit_code() {
    let house = House::new();
    let mut command = shell("cat; echo problem >&2; pwd; exit 3");
    command.input = b"hello\n".to_vec();
    command.work = Some(house.work());
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_eq!(ended.end, End::Exited(3), "{ended:?}");
    assert_eq!((&*ended.stdout.text, &*ended.stderr.text), ("hello\n/work\n", "problem\n"));
}

#[tokio::test]
async fn only_programs_and_empty_places_are_seen() {
    let Some(root) = printed("ls /; ls -A /home /root /run /tmp /var/lib; id -u; echo $$").await
    else {
        return;
    };
    let mut words: Vec<&str> = root.split_whitespace().collect();
    words.retain(|word| !word.starts_with("lib") && *word != "nix");
    // Init is process 1, and its thread has the next number.
    let seen = "bin dev etc home proc root run sbin tmp usr var /home: /root: /run: /tmp: /var/lib: 1000 3";
    assert_eq!(words.join(" "), seen);
}

#[tokio::test]
async fn the_environment_is_clean() {
    let house = House::new();
    let given = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
    let config =
        SandboxConfig { environment: given("AWS_DEFAULT_REGION"), ..SandboxConfig::default() };
    let mut command = Command::new("/usr/bin/env", &[]);
    command.environment = given("OWN");
    let Some(ended) = run(&house.sandbox(config), command).await else { return };
    let names: Vec<&str> =
        ended.stdout.text.lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["AWS_DEFAULT_REGION", "HOME", "LANG", "OWN", "PATH"]);
}

#[tokio::test]
async fn the_servers_own_things_are_invisible_even_in_a_folder_that_is_shown() {
    let house = House::new();
    let config = SandboxConfig { readable: vec!["shared".into()], ..SandboxConfig::default() };
    let script = "cd \"$1\"; cat notes; echo; ls -A data | wc -l; wc -c < trackway.toml; umount data 2>/dev/null; cat data/journal; rm notes; mv data away";
    let shared = house.path("shared");
    let command = Command::new("/bin/sh", &["-c", script, "sh", shared.to_str().unwrap()]);
    let Some(ended) = run(&house.sandbox(config), command).await else { return };
    assert_eq!(ended.stdout.text, "seen by all\n0\n0\n", "{}", ended.stderr.text);
    assert!(exists(&shared.join("notes")) && exists(&shared.join("data/journal")));
}

#[tokio::test]
async fn credentials_and_homes_are_invisible() {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let script = format!(
        "ls -A {home}/.aws {home}/.ssh {home}/.cargo /etc/shadow /etc/sudoers /etc/ssh /sys /mnt /boot 2>/dev/null | wc -l; ls /proc | grep -c '^[0-9]'"
    );
    let Some(seen) = printed(&script).await else { return };
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "0");
    assert!(lines[1].parse::<u32>().unwrap() <= 5, "only its own processes: {seen}");
}

#[tokio::test]
async fn nothing_but_its_own_places_is_writable() {
    let house = House::new();
    let config = SandboxConfig { writable: vec!["out".into()], ..SandboxConfig::default() };
    let out = house.path("out");
    let script = "for place in / /usr /usr/bin /etc /dev /var /root /proc/sys/kernel /work /tmp /dev/shm \"$1\"; do ( : > $place/probe ) 2>/dev/null && echo $place; done; ( echo x > /etc/passwd ) 2>/dev/null && echo passwd; ( echo x > /proc/sys/kernel/core_pattern ) 2>/dev/null && echo core; ( echo x > /proc/1/oom_score_adj ) 2>/dev/null && echo init; true";
    let mut command = Command::new("/bin/sh", &["-c", script, "sh", out.to_str().unwrap()]);
    command.work = Some(house.work());
    let Some(ended) = run(&house.sandbox(config), command).await else { return };
    let expected = format!("/work\n/tmp\n/dev/shm\n{}\n", out.display());
    assert_eq!(ended.stdout.text, expected, "{}", ended.stderr.text);
    assert!(exists(&out.join("probe")) && exists(&house.path("work/probe")));
}

#[tokio::test]
async fn there_is_no_way_out_of_the_namespaces() {
    let script = "for try in 'unshare -Urm true' 'unshare -m true' 'mount -t tmpfs x /tmp' 'umount /tmp' 'mount -o remount,rw /usr' 'chroot / true' 'nsenter -t 1 -m true' 'ls /proc/1/root/' 'cat /proc/1/environ' 'ls -l /proc/1/fd/' 'kill -9 1'; do timeout 5 $try >/dev/null 2>&1 && echo \"$try\"; done; kill -0 1 2>/dev/null; grep -E 'NoNewPrivs|CapEff|CapPrm' /proc/self/status";
    let Some(text) = printed(script).await else { return };
    // The signal is not refused but ignored: it is for process 1.
    let text = text.replace("kill -9 1\n", "");
    let empty = "0000000000000000";
    assert_eq!(text, format!("CapPrm:\t{empty}\nCapEff:\t{empty}\nNoNewPrivs:\t1\n"));
}

#[tokio::test]
async fn no_open_file_of_the_server_is_inherited() {
    // The fourth is the folder that is being listed.
    let Some(text) = printed("ls /proc/self/fd; [ -p /proc/self/fd/1 ] && echo pipe").await else {
        return;
    };
    assert_eq!(text, "0\n1\n2\n3\npipe\n");
}

#[test]
fn a_folder_that_commands_could_not_write_to_is_refused() {
    let house = House::new();
    let config =
        SandboxConfig { enabled: true, writable: vec!["work".into()], ..SandboxConfig::default() };
    let made = Sandbox::new(config, house.folder.path(), &[], launcher());
    let is_root =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    match made {
        Err(problem) => assert!(is_root && problem.to_string().contains("65534"), "{problem}"),
        Ok(_) => assert!(!is_root),
    }
}

#[tokio::test]
async fn the_network_is_off_unless_it_is_asked_for() {
    let script =
        "tail -n +3 /proc/net/dev | grep -vc ' lo:' ; ls /etc/resolv.conf 2>/dev/null | wc -l";
    let Some(off) = printed(script).await else { return };
    assert_eq!(off.lines().last(), Some("0"), "{off}");
    let house = House::new();
    let links = |text: &str| text.lines().next().and_then(|line| line.parse::<u32>().ok());
    let config = SandboxConfig { network: true, ..SandboxConfig::default() };
    let Some(on) = run(&house.sandbox(config), shell(script)).await else { return };
    let host = std::fs::read_to_string("/proc/net/dev").unwrap().lines().count() - 3;
    assert_eq!(links(&on.stdout.text), u32::try_from(host).ok(), "{on:?}");
    let devices = printed("cat /proc/net/dev").await.unwrap_or_default();
    assert!(!devices.contains("eth0:"), "{devices}");
}

#[tokio::test]
async fn what_is_left_behind_is_read_only_if_it_is_a_plain_file() {
    let house = House::new();
    let outside = house.path("shared/trackway.toml");
    let script = "echo good > plain; ln -s \"$1\" link; mkfifo pipe; mkdir folder; head -c 100 /dev/zero > large";
    let mut command = Command::new("/bin/sh", &["-c", script, "sh", outside.to_str().unwrap()]);
    command.work = Some(house.work());
    let Some(ended) = run(&house.sandbox(SandboxConfig::default()), command).await else { return };
    assert_eq!(ended.end, End::Exited(0), "{ended:?}");
    assert_eq!(read_regular(&house.path("work/plain"), 10).unwrap(), b"good\n");
    for name in ["link", "pipe", "folder", "large", "absent"] {
        assert!(read_regular(&house.path("work").join(name), 10).is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_start_is_said() {
    let house = House::new();
    let sandbox = house.sandbox(SandboxConfig::default());
    for (program, folder) in [("/no/such", "/tmp"), ("/bin/sh", "/no/folder")] {
        let mut command = Command::new(program, &["-c", "true"]);
        command.working_folder = Some(folder.into());
        match sandbox.run(command, &Cancel::never()).await {
            Err(SandboxError::NotStarted(why)) => assert!(why.contains("/no/"), "{why}"),
            Err(SandboxError::Unavailable(why)) => println!("skipped: {why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_runs_unless_it_is_enabled() {
    let refused = Sandbox::disabled().run(shell("true"), &Cancel::never()).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("enabled = true") && text.contains("[sandbox]"), "{text}");
}
