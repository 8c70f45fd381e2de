//! `cargo xtask local-aws`: it says where it is, and leaves nothing behind, however it ends.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use tests::command::{Reach, binary, clean, run, signal};
use tests::tools::Tool;

/// A running one, and what it prints.
struct Running {
    child: Child,
    lines: Vec<String>,
    address: SocketAddr,
}

fn start(stdin: Stdio, variables: &[(&str, &str)]) -> Running {
    let mut command = clean(binary("local-aws"));
    command.envs(variables.iter().copied()).process_group(0);
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains("AWS_DEFAULT_REGION")) {
        let Some(Ok(line)) = stdout.next() else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it ended after {lines:?}:\n{said}");
        };
        lines.push(line);
    }
    let url = lines.iter().find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL=http://")).unwrap();
    let address = url.parse().unwrap();
    TcpStream::connect(address).unwrap();
    Running { child, lines, address }
}

impl Running {
    #[track_caller]
    fn has_ended(mut self) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        assert!(TcpStream::connect(self.address).is_err(), "the server is still there");
    }
}

#[test]
fn pypi_local_aws_ends_on_signals() {
    // A null device as standard input does not end it: nothing but the signal does.
    for (reach, name) in [(Reach::Process, "TERM"), (Reach::Process, "INT"), (Reach::Group, "INT")] {
        let running = start(Stdio::null(), &[]);
        signal(&running.child, reach, name);
        running.has_ended();
    }
}

#[test]
fn pypi_local_aws_ends_with_its_standard_input() {
    let mut running = start(Stdio::piped(), &[]);
    drop(running.child.stdin.take());
    running.has_ended();
}

#[test]
fn pypi_local_aws_prints_what_tools_need() {
    let in_the_way = [("AWS_PROFILE", "production"), ("AWS_SESSION_TOKEN", "a real one")];
    let mut running = start(Stdio::piped(), &in_the_way);
    assert_eq!(running.lines[0], "unset AWS_PROFILE AWS_SESSION_TOKEN");
    let cli = Tool::install("aws-cli").unwrap().command("aws");
    let script = format!("{}\nexec \"$0\" sts get-caller-identity --query Account", running.lines.join("\n"));
    let mut shell = clean("sh");
    shell.args(["-c", &script]).arg(cli.get_program()).envs(in_the_way);
    assert_eq!(run(&mut shell).expect_code(0).stdout, "\"000000000000\"\n");
    drop(running.child.stdin.take());
    running.has_ended();
}
