//! A local AWS for tests and for whoever wants to try things out: MiniStack, on a free port of the loopback.
//!
//! It ends when it is dropped, and also when this process ends in any other way: it watches a pipe that only we hold.

pub mod session;

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::http;
use crate::tools::Tool;

/// How long it may take to start on a busy machine.
const START: Duration = Duration::from_mins(1);
/// Somebody else may take the free port before it does.
const TRIES: usize = 3;

/// What it leaves in a folder for temporary files, it leaves in this one, and takes it along.
const FOLDER: &str = "LOCAL_AWS_FOLDER";

/// Runs MiniStack until standard input ends, which it does when its other end is closed or its process is gone.
///
/// ListFunctions of MiniStack 1.5.33 passes over `FunctionVersion=ALL`; that is put right here, page by page, as the API
/// reference has it: every published version, besides `$LATEST`.
const WATCHED: &str = "
import os, shutil, sys, tempfile, threading

folder = tempfile.tempdir = os.environ['TMPDIR'] = os.environ['LOCAL_AWS_FOLDER']

def watch():
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)

threading.Thread(target=watch, daemon=True).start()

from ministack.services import lambda_svc
latest_only = lambda_svc._list_functions

def list_functions(query):
    if lambda_svc._qp_first(query, 'FunctionVersion') != 'ALL':
        return latest_only(query)
    all = []
    for name in sorted(lambda_svc._functions.keys()):
        function = lambda_svc._functions[name]
        all.append(function['config'])
        all.extend(function['versions'][number]['config'] for number in sorted(function['versions'], key=int))
    start = int(lambda_svc._qp_first(query, 'Marker', '0'))
    end = start + min(int(lambda_svc._qp_first(query, 'MaxItems', '50')), 50)
    answer = {'Functions': all[start:end]}
    if end < len(all):
        answer['NextMarker'] = str(end)
    return lambda_svc.json_response(answer)

lambda_svc._list_functions = list_functions
from ministack.app import main
sys.argv = ['ministack']
sys.exit(main())
";

/// The account of callers whose access key is no account's number.
pub const ACCOUNT: &str = "000000000000";

/// An access key that it takes.
pub const ACCESS_KEY: &str = "test";
/// A secret key that it takes.
pub const SECRET_KEY: &str = "test";

/// A local AWS that runs.
#[derive(Debug)]
pub struct LocalAws {
    child: Child,
    // Closing it ends the child.
    lifeline: Option<ChildStdin>,
    address: SocketAddr,
    // Removed after the child has ended.
    _folder: TempDir,
}

impl LocalAws {
    /// Starts it, and waits until it answers.
    pub fn start() -> Result<Self> {
        let tool = Tool::install("local-aws")?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::start_once(&tool) {
                Ok(started) => return Ok(started),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("it was never tried")?).context("failed to start the local AWS")
    }

    fn start_once(tool: &Tool) -> Result<Self> {
        let address = free_port()?;
        let folder = tempfile::Builder::new()
            .prefix("local-aws-")
            .tempdir()
            .context("failed to make a temporary folder")?;
        let mut command = tool.command("python");
        // Ctrl-C is for its owner, who ends it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .args(["-I", "-c", WATCHED])
            .env("GATEWAY_PORT", address.port().to_string())
            .env(FOLDER, folder.path())
            // The default binds all addresses.
            .env("BIND_HOST", address.ip().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("failed to start Python")?;
        let lifeline = child.stdin.take();
        let mut stderr = child.stderr.take().context("there is no standard error")?;
        // What it says is shown only if it does not start; reading on keeps the pipe from filling up.
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        let mut started = Self { child, lifeline, address, _folder: folder };
        match started.wait_until_healthy() {
            Ok(()) => Ok(started),
            Err(error) => {
                drop(started);
                let said = said.join().unwrap_or_default();
                Err(error.context(format!("it said:\n{said}")))
            }
        }
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if http::ask(self.address, "GET", "/_ministack/health", START).is_ok_and(|status| status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("failed to look after it")? {
                bail!("it ended with {status}");
            }
            if start.elapsed() > START {
                bail!("it gave no sign of life on port {} for {} s", self.address.port(), START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AWS_ENDPOINT_URL` gets.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is gone, although nobody has ended it.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Forgets everything that was done with it.
    pub fn reset(&self) -> Result<()> {
        let status =
            http::ask(self.address, "POST", "/_ministack/reset", START).context("failed to reset it")?;
        if status != 200 {
            bail!("resetting it was answered with {status}");
        }
        Ok(())
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // It has nothing to put in order; and it is ours, by its own number.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Points a command at an endpoint, with credentials that a local AWS takes, and at nothing else of the user's.
pub fn point_at(command: &mut Command, url: &str) {
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_CONFIG_FILE", nowhere)
        .env("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1");
}

fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    listener.local_addr().context("failed to read the number of a port")
}
