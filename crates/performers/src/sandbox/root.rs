//! The root that a command sees: built on a small memory file system, then entered for good.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_remount, unmount,
};

use super::spec::Spec;

/// Programs and libraries, read-only.
const SYSTEM: [&str; 8] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store"];
/// What programs look for in `/etc` and that tells nothing about the host's people and services.
const ETC: [&str; 24] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "pki",
    "protocols",
    "python3",
    "redhat-release",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// The user inside; it has no rights on the host beyond those of the user outside that it is.
pub(super) const USER_INSIDE: u32 = 1000;
const PASSWD: &str = "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n";
/// How many user namespaces may be made inside the current one.
pub(super) const NAMESPACES_MAX: &str = "/proc/sys/user/max_user_namespaces";
/// Parts of `/proc` that change the machine; they are read-only where the user outside could be root.
const PROC_READ_ONLY: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// What could not be done, in words.
pub(super) type Outcome<T> = Result<T, String>;

/// Says what could not be done and on what.
fn at<T, E: std::fmt::Display>(what: &str, path: &Path, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| format!("could not {what} {}: {error}", path.display()))
}

/// Builds the root and makes it the only thing that this process and its children see.
///
/// Needs mount and process id namespaces of its own, and the right to mount in them.
pub(super) fn enter(spec: &Spec, protect_proc: bool) -> Outcome<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    at("detach the mounts of", Path::new("/"), mount_change("/", private))?;
    let root = spec.root.as_path();
    memory(root, "size=16m,mode=755", MountFlags::empty())?;
    let mut builder = Builder { root, writable: Vec::new(), devices: Vec::new() };
    builder.system()?;
    builder.etc(spec.network)?;
    builder.devices()?;
    builder.places(spec)?;
    for shown in &spec.shown {
        builder.bind(&shown.host, &shown.inside)?;
        if shown.writable {
            builder.writable.push(builder.place(&shown.inside));
        }
    }
    builder.restrict()?;
    for hidden in &spec.hidden {
        builder.cover(hidden)?;
    }
    builder.proc(protect_proc)?;
    change_root(root)
}

/// The new root takes the place of the old, which is let go; then it is read-only.
fn change_root(root: &Path) -> Outcome<()> {
    at("enter", root, std::env::set_current_dir(root))?;
    // Old and new root are stacked at one place; the old one is on top and is taken away.
    at("take as root", root, rustix::process::pivot_root(".", "."))?;
    at("let go of", Path::new("/"), unmount(".", UnmountFlags::DETACH))?;
    at("enter", Path::new("/"), std::env::set_current_dir("/"))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    at("make read-only", Path::new("/"), mount_remount("/", flags, c""))
}

/// A memory file system of its own.
fn memory(place: &Path, options: &str, flags: MountFlags) -> Outcome<()> {
    let options = std::ffi::CString::new(options).map_err(|error| error.to_string())?;
    let flags = flags | MountFlags::NOSUID | MountFlags::NODEV;
    at("mount memory at", place, mount("tmpfs", place, "tmpfs", flags, options.as_c_str()))
}

struct Builder<'a> {
    root: &'a Path,
    /// Mount points below which things stay writable.
    writable: Vec<PathBuf>,
    /// Mount points that are devices.
    devices: Vec<PathBuf>,
}

impl Builder<'_> {
    /// Where a path of the inside lies while the root is being built.
    fn place(&self, inside: &Path) -> PathBuf {
        self.root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    fn folder(&self, inside: &str, mode: u32) -> Outcome<PathBuf> {
        let place = self.root.join(inside);
        at("make", &place, fs::create_dir_all(&place))?;
        at("open up", &place, fs::set_permissions(&place, fs::Permissions::from_mode(mode)))?;
        Ok(place)
    }

    fn file(&self, inside: &str, text: &[u8]) -> Outcome<()> {
        let place = self.root.join(inside);
        at("write", &place, fs::write(&place, text))
    }

    fn link(&self, inside: &str, to: &Path) -> Outcome<()> {
        let place = self.root.join(inside);
        at("link", &place, symlink(to, &place))
    }

    /// Shows a folder or a file of the host. What isn't there is passed over by the callers.
    fn bind(&self, host: &Path, inside: &Path) -> Outcome<()> {
        let place = self.place(inside);
        let facts = at("look at", host, fs::metadata(host))?;
        if facts.is_dir() {
            at("make", &place, fs::create_dir_all(&place))?;
            return at("show", host, mount_bind_recursive(host, &place));
        }
        if let Some(parent) = place.parent() {
            at("make", parent, fs::create_dir_all(parent))?;
        }
        if fs::symlink_metadata(&place).is_err() {
            at("make", &place, fs::write(&place, b""))?;
        }
        at("show", host, mount_bind(host, &place))
    }

    /// Links stay links: `/bin` is often one to `usr/bin`.
    fn system(&self) -> Outcome<()> {
        for name in SYSTEM {
            let host = Path::new("/").join(name);
            match fs::symlink_metadata(&host) {
                Ok(facts) if facts.is_symlink() => {
                    self.link(name, &at("read", &host, fs::read_link(&host))?)?;
                }
                Ok(_) => self.bind(&host, &host)?,
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn etc(&self, network: bool) -> Outcome<()> {
        self.folder("etc", 0o755)?;
        for name in ETC {
            let host = Path::new("/etc").join(name);
            let Ok(facts) = fs::symlink_metadata(&host) else { continue };
            if facts.is_symlink() {
                let to = at("read", &host, fs::read_link(&host))?;
                self.link(&format!("etc/{name}"), &to)?;
            } else if facts.is_dir() || facts.is_file() {
                self.bind(&host, &host)?;
            }
        }
        self.file("etc/passwd", PASSWD.as_bytes())?;
        self.file("etc/group", GROUP.as_bytes())?;
        self.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")?;
        let hosts = network.then(|| fs::read("/etc/hosts").ok()).flatten();
        self.file("etc/hosts", &hosts.unwrap_or_else(|| b"127.0.0.1 localhost\n".to_vec()))?;
        // Often a link to a file elsewhere, so that its content is copied.
        match network.then(|| fs::read("/etc/resolv.conf").ok()).flatten() {
            Some(resolvers) => self.file("etc/resolv.conf", &resolvers),
            None => Ok(()),
        }
    }

    fn devices(&mut self) -> Outcome<()> {
        self.folder("dev", 0o755)?;
        for name in DEVICES {
            let host = Path::new("/dev").join(name);
            self.bind(&host, &host)?;
            self.devices.push(self.place(&host));
        }
        for (name, to) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
            self.link(&format!("dev/{name}"), &PathBuf::from(format!("/proc/self/fd{to}")))?;
        }
        let shared = self.folder("dev/shm", 0o1777)?;
        memory(&shared, "size=64m,mode=1777", MountFlags::NOEXEC)
    }

    /// Empty places that programs expect.
    fn places(&self, spec: &Spec) -> Outcome<()> {
        let temporary = self.folder("tmp", 0o1777)?;
        let size = format!("size={},mode=1777", spec.temporary_bytes);
        memory(&temporary, &size, MountFlags::empty())?;
        for name in ["proc", "run", "var/lib", "home", "root"] {
            self.folder(name, 0o755)?;
        }
        self.link("var/tmp", Path::new("/tmp"))
    }

    /// Everything shown becomes read-only, but what was asked to be writable. A shown folder may have brought other
    /// mounts with it, so all of them are looked at.
    fn restrict(&self) -> Outcome<()> {
        let table = at("read", Path::new("/proc"), fs::read("/proc/self/mountinfo"))?;
        for (place, mut flags) in mounts(&table) {
            // The memory file systems made here have their flags already; the root itself comes last.
            let made_here = ["", "tmp", "dev/shm"].iter().any(|name| place == self.root.join(name));
            let made_here = made_here && !self.writable.contains(&place);
            if !place.starts_with(self.root) || made_here {
                continue;
            }
            flags |= MountFlags::BIND | MountFlags::NOSUID;
            if !self.devices.contains(&place) {
                flags |= MountFlags::NODEV;
                if !self.writable.iter().any(|writable| place.starts_with(writable)) {
                    flags |= MountFlags::RDONLY;
                }
            }
            at("restrict", &place, mount_remount(&place, flags, c""))?;
        }
        Ok(())
    }

    /// Puts something empty over a path that must not be seen.
    fn cover(&self, hidden: &Path) -> Outcome<()> {
        let place = self.place(hidden);
        let Ok(facts) = fs::symlink_metadata(&place) else { return Ok(()) };
        if facts.is_dir() {
            memory(&place, "size=4k,mode=555", MountFlags::RDONLY)
        } else if facts.is_symlink() {
            Ok(())
        } else {
            at("cover", &place, mount_bind("/dev/null", &place))
        }
    }

    fn proc(&self, protect: bool) -> Outcome<()> {
        let place = self.root.join("proc");
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        at("mount", &place, mount("proc", &place, "proc", flags, c""))?;
        if !protect {
            return Ok(());
        }
        // One more is to come, for the command; it shall not make others, in which it would have rights.
        let _ = fs::write(self.root.join(NAMESPACES_MAX.trim_start_matches('/')), "1");
        for name in PROC_READ_ONLY {
            let part = place.join(name);
            if fs::symlink_metadata(&part).is_err() {
                continue;
            }
            at("cover", &part, mount_bind(&part, &part))?;
            let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
            at("restrict", &part, mount_remount(&part, flags, c""))?;
        }
        Ok(())
    }
}

/// The mount points of `/proc/self/mountinfo` and the flags that a remount must keep.
fn mounts(table: &[u8]) -> Vec<(PathBuf, MountFlags)> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let place = unescape(fields.nth(4)?);
        let options = fields.next()?;
        let flags = options.split(|byte| *byte == b',').map(|option| match option {
            b"ro" => MountFlags::RDONLY,
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            _ => MountFlags::empty(),
        });
        Some((place, flags.fold(MountFlags::empty(), |all, flag| all | flag)))
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Undoes the octal escapes of the table: space, tab, line feed and backslash.
fn unescape(field: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| byte == b'\\');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(escaped) => {
                path.push(escaped);
                rest = &after[3..];
            }
            None => {
                path.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsStr::from_bytes(&path))
}

/// Files that the command makes are readable by others, as usual.
pub(super) fn usual_umask() {
    let _before = rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// Gives a file or folder to another user of the host.
pub(super) fn give(path: &Path, user: u32) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(user), Some(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_flags() {
        let table = b"36 35 98:0 /mnt1 /a\\040b rw,nosuid,noexec,relatime master:1 - ext3 /dev/root rw\n\n1 2 0:1 / / ro - x y z\n";
        let expected = vec![
            (PathBuf::from("/a b"), MountFlags::NOSUID | MountFlags::NOEXEC),
            (PathBuf::from("/"), MountFlags::RDONLY),
        ];
        assert_eq!(mounts(table), expected);
    }
}
