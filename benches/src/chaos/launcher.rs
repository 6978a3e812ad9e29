//! How the sidecar is started here: with a hosts file and keys that the run rewrites.
//!
//! A launcher, a shell script, gives the sidecar a mount namespace of its own in which `/etc/hosts` is a file of the run's folder, and
//! the resolver knows no server but one that is not there. So the name of the remote resolves, or does not, by the machine's real
//! resolver, and nobody else on the machine notices. Where the machine lets us make no namespace, the remote is named by its address,
//! and the run says so.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::endpoint::SECRET;
use crate::error::{io, Result};

const NAME: &str = "logs.chaos.internal";
const LOCALHOST: &str = "127.0.0.1 localhost";
/// A namespace for mounts alone, as root or as a user that becomes root in one of its own.
const WAYS: [&str; 2] =
    ["unshare --mount --propagation private", "unshare --map-root-user --mount --propagation private"];

#[derive(Debug)]
pub(crate) struct Launcher {
    /// What to run instead of the sidecar.
    pub(crate) program: PathBuf,
    folder: PathBuf,
    /// Why names cannot fail here, if so.
    pub(crate) no_names: Option<String>,
}

impl Launcher {
    /// Writes the launcher and its files into `folder`.
    pub(crate) fn new(splashdam: &Path, folder: &Path) -> Result<Self> {
        let launcher = Self { program: folder.join("launch"), folder: folder.to_owned(), no_names: None };
        launcher.resolve(true)?;
        launcher.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
        launcher.keys(&key(0))?;
        let way = WAYS.into_iter().find(|way| launcher.can(way));
        let no_names = way.is_none().then(|| "this machine lets us make no mount namespace (unshare)".to_owned());
        let exec = |way: &str| format!("exec {way} sh -c '{} && exec \"$0\" \"$@\"'", launcher.mounts());
        let script = format!(
            "#!/bin/sh\nunset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\nexport AWS_SHARED_CREDENTIALS_FILE={}\n{} {} \"$@\"\n",
            quoted(&folder.join("keys")),
            way.map_or_else(|| "exec".to_owned(), exec),
            quoted(splashdam),
        );
        launcher.write("launch", &script)?;
        let executable = fs::set_permissions(&launcher.program, Permissions::from_mode(0o700));
        executable.map_err(io("make executable", launcher.program.display()))?;
        Ok(Self { no_names, ..launcher })
    }

    fn mounts(&self) -> String {
        let mount = |from: &str, to: &str| format!("mount --bind {} {to}", quoted(&self.folder.join(from)));
        // It stands within single quotes.
        [mount("hosts", "/etc/hosts"), mount("resolv.conf", "/etc/resolv.conf")].join(" && ").replace('\'', "\"")
    }

    /// Does the name resolve there, and only there?
    fn can(&self, way: &str) -> bool {
        let script = format!("{way} sh -c '{} && getent hosts {NAME}'", self.mounts());
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// What the sidecar is to call.
    pub(crate) fn url(&self, remote: SocketAddr) -> String {
        match self.no_names {
            None => format!("http://{NAME}:{}", remote.port()),
            Some(_) => format!("http://{remote}"),
        }
    }

    /// Lets the remote's name resolve, or not. In place: the file is mounted.
    pub(crate) fn resolve(&self, resolves: bool) -> Result<()> {
        self.write("hosts", &format!("{LOCALHOST}{}\n", if resolves { format!(" {NAME}") } else { String::new() }))
    }

    /// Gives the sidecar this access key, replacing the file as the kubelet does.
    pub(crate) fn keys(&self, key: &str) -> Result<()> {
        self.write("keys.new", &format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"))?;
        let (new, path) = (self.folder.join("keys.new"), self.folder.join("keys"));
        fs::rename(new, &path).map_err(io("replace", path.display()))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(io("write", path.display()))
    }
}

/// The access key after so many have expired.
pub(crate) fn key(number: usize) -> String {
    format!("AKIDCHAOS{number:07}")
}

/// For a shell. The folders are ours: no quotes are in their names.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
