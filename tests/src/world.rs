//! The publisher's world: a project, a proxy that writes every call down, and an account of the local AWS that nobody
//! else uses.

#![expect(
    clippy::unwrap_used,
    clippy::return_self_not_must_use,
    reason = "a test that panics is a test that fails"
)]

use std::io::BufReader;
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use crate::http::Message;
use crate::local_aws::{self, LocalAws};
use crate::project::{LAYER, Project};
use crate::proxy::{Call, Proxy};
use crate::tools::Tool;

/// A project, a proxy, and an account that nobody else uses.
pub struct World {
    /// As it is named.
    pub project: Project,
    /// As it is named.
    pub proxy: Proxy,
    /// As it is named.
    pub account: String,
}

/// One for all tests of this process; it ends with the process, which it watches.
pub fn local_aws() -> &'static LocalAws {
    static ONE: OnceLock<LocalAws> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let guard = STARTING.lock();
    let one = ONE.get_or_init(|| LocalAws::start().unwrap());
    drop(guard);
    one
}

impl World {
    /// A project built once, for these regions.
    pub fn new(regions: &[&str], optional: &[&str]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(200_000_000_000);
        let project = Project::new(regions, optional).unwrap();
        project.build("VERSION = 1\n").unwrap();
        let proxy = Proxy::start(local_aws().address()).unwrap();
        Self { project, proxy, account: NEXT.fetch_add(1, Ordering::SeqCst).to_string() }
    }

    /// The publisher with these arguments, through the proxy, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command_at("layer-publisher", &self.proxy.url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).args(arguments);
        command
    }

    /// The publisher with these arguments, through the proxy; the calls are its own.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        self.proxy.take_calls();
        Run::new(command.output().unwrap(), self.proxy.take_calls())
    }

    /// `publish`, without more.
    pub fn publish(&self) -> Run {
        self.run(&["publish"])
    }

    /// The ARN of the layer in a region.
    pub fn arn(&self, region: &str, version: u64) -> String {
        format!("arn:aws:lambda:{region}:{}:layer:{LAYER}:{version}", self.account)
    }

    /// The text of the ledger.
    pub fn ledger(&self) -> String {
        self.project.read("layer-versions.json").unwrap_or_default()
    }

    /// What the AWS CLI says, past the proxy.
    pub fn aws(&self, arguments: &[&str]) -> Value {
        self.aws_of(&self.account, arguments)
    }

    /// The same, in another account.
    pub fn aws_of(&self, account: &str, arguments: &[&str]) -> Value {
        let mut command = Tool::install("aws-cli").unwrap().command("aws");
        local_aws::point_at(&mut command, &local_aws().url());
        command.env("AWS_ACCESS_KEY_ID", account).args(["--output", "json"]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// `cargo xtask` with these arguments, through the proxy.
    pub fn xtask(&self, arguments: &[&str]) -> Run {
        let mut command = self.project.xtask_at(&self.proxy.url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).args(arguments);
        self.proxy.take_calls();
        Run::new(command.output().unwrap(), self.proxy.take_calls())
    }

    /// Runs the SAM CLI in a folder of the project, past the proxy.
    pub fn sam(&self, folder: &str, arguments: &[&str]) -> Run {
        let mut command = Tool::install("sam").unwrap().command("sam");
        local_aws::point_at(&mut command, &local_aws().url());
        command.env("AWS_ACCESS_KEY_ID", &self.account).env("SAM_CLI_TELEMETRY", "0");
        command.env("HOME", self.project.folder()).current_dir(self.project.path(folder)).args(arguments);
        Run::new(command.output().unwrap(), Vec::new())
    }

    /// What Lambda answers to a GET of this path, past the proxy and without any SDK: a CLI takes a second to start.
    pub fn lambda(&self, region: &str, path: &str) -> Value {
        self.lambda_of(&self.account, region, path)
    }

    /// The same, in another account.
    pub fn lambda_of(&self, account: &str, region: &str, path: &str) -> Value {
        let get = format!("GET /2018-10-31/{path} HTTP/1.1");
        ask(account, region, "lambda", get, Vec::new(), Vec::new())
    }

    /// The template of a stack as it was sent, past the proxy and without any SDK: they write JSON anew.
    pub fn template(&self, region: &str, stack: &str) -> String {
        let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let body = format!("Action=GetTemplate&Version=2010-05-15&TemplateStage=Original&StackName={stack}");
        let post = "POST / HTTP/1.1".to_owned();
        let answer = answer(&self.account, region, "cloudformation", post, headers, body.into_bytes());
        let answer = String::from_utf8(answer).unwrap();
        let (_, rest) = answer.split_once("<TemplateBody>").unwrap();
        let (text, _) = rest.split_once("</TemplateBody>").unwrap();
        let marks = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#x27;", "'"),
            ("&apos;", "'"),
            ("&amp;", "&"),
        ];
        marks.iter().fold(text.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
    }

    /// What a pointer holds, past the proxy.
    pub fn parameter(&self, region: &str, name: &str) -> Value {
        let headers = vec![
            ("x-amz-target".to_owned(), "AmazonSSM.GetParameter".to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ];
        let body = format!("{{\"Name\": \"{name}\"}}").into_bytes();
        let answer = ask(&self.account, region, "ssm", "POST / HTTP/1.1".to_owned(), headers, body);
        answer["Parameter"]["Value"].clone()
    }

    /// Makes a bucket, or an object, past the proxy.
    pub fn put(&self, path: &str, text: &str) {
        ask(
            &self.account,
            "us-east-1",
            "s3",
            format!("PUT {path} HTTP/1.1"),
            Vec::new(),
            text.as_bytes().to_vec(),
        );
    }

    /// What an object holds, as JSON; null if there is none.
    pub fn object(&self, path: &str) -> Value {
        ask(&self.account, "us-east-1", "s3", format!("GET {path} HTTP/1.1"), Vec::new(), Vec::new())
    }

    /// The layer's publish table, instead of the one with regions only.
    pub fn configure(&self, publish: &str) {
        let table = self.project.read("layers.toml").unwrap();
        let head = table.split("[layers.demo.publish").next().unwrap().to_owned();
        self.project.write("layers.toml", head + publish).unwrap();
    }

    /// The numbers of the versions that a region has, by the AWS CLI's word.
    pub fn versions(&self, region: &str) -> Vec<u64> {
        let listed = self.aws(&["lambda", "list-layer-versions", "--layer-name", LAYER, "--region", region]);
        let mut versions = listed["LayerVersions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["Version"].as_u64().unwrap())
            .collect::<Vec<_>>();
        versions.sort_unstable();
        versions
    }
}

/// The local AWS believes every signature.
fn ask(
    account: &str,
    region: &str,
    service: &str,
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Value {
    serde_json::from_slice(&answer(account, region, service, first_line, headers, body)).unwrap_or_default()
}

fn answer(
    account: &str,
    region: &str,
    service: &str,
    first_line: String,
    mut headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Vec<u8> {
    let scope = format!("Credential={account}/20260101/{region}/{service}/aws4_request");
    let authorization = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
    headers.extend([
        ("host".to_owned(), local_aws().address().to_string()),
        ("authorization".to_owned(), authorization),
        ("connection".to_owned(), "close".to_owned()),
    ]);
    let mut stream = TcpStream::connect(local_aws().address()).unwrap();
    Message { first_line, headers, body }.write(&mut stream).unwrap();
    Message::read_answer(&mut BufReader::new(stream), "GET").unwrap().body
}

/// What came of one run.
pub struct Run {
    /// As it is named.
    pub code: i32,
    /// As it is named.
    pub stdout: String,
    /// As it is named.
    pub stderr: String,
    /// As it is named.
    pub calls: Vec<Call>,
}

impl Run {
    /// What came of it.
    pub fn new(output: Output, calls: Vec<Call>) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr), calls }
    }

    /// The names of all calls, sorted.
    pub fn operations(&self) -> Vec<&str> {
        let mut operations = self.calls.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>();
        operations.sort_unstable();
        operations
    }

    /// How many calls there were of one kind.
    pub fn count(&self, operation: &str) -> usize {
        self.calls.iter().filter(|call| call.operation == operation).count()
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard error:\n{}", self.stderr);
        self
    }

    /// Checks standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in standard error:\n{}", self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr))
    }

    /// Checks standard output.
    #[track_caller]
    pub fn prints(self, lines: &[String]) -> Self {
        assert_eq!(self.stdout.lines().collect::<Vec<_>>(), lines, "standard error:\n{}", self.stderr);
        self
    }
}
