//! Whose credentials are used: every way in which the SDK finds some, each shown to the calls that are signed with them;
//! and what is secret about them stands nowhere afterwards.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::Command;

use tests::project::hex;
use tests::proxy::{Fault, Rule};
use tests::server::{Answer, Server};
use tests::world::{Run, World, local_aws};

const REGION: &str = "eu-west-1";
const SECRET: &str = "SecretOfTheTests";
const TOKEN: &str = "TokenOfTheTests";

struct Setting {
    world: World,
}

impl Setting {
    /// Files of AWS in the home of the project.
    fn new(config: &str, credentials: &str) -> Self {
        let world = World::new(&[REGION], &[]);
        std::fs::create_dir_all(world.project.path(".aws")).unwrap();
        world.project.write(".aws/config", config).unwrap();
        world.project.write(".aws/credentials", credentials).unwrap();
        Self { world }
    }

    /// `publish` as loud as can be, with nothing in the environment that would be a credential.
    fn publish(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(&[&["publish", "--verbose"][..], arguments].concat());
        let ours =
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
        for name in ours {
            command.env_remove(name);
        }
        command.env("RUST_LOG", "trace");
        command
    }

    fn run(&self, command: &mut Command) -> Run {
        // Each has an account of its own, which a ledger of another one would not let through.
        let _ = std::fs::remove_file(self.world.project.path("layer-versions.json"));
        self.world.proxy.take_calls();
        let run = Run::new(command.output().unwrap(), self.world.proxy.take_calls());
        self.nothing_secret(&run);
        run
    }

    #[track_caller]
    fn nothing_secret(&self, run: &Run) {
        for secret in [SECRET, TOKEN] {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}", run.stderr);
            assert!(!self.world.ledger().contains(secret));
            let mut search = Command::new("grep");
            search.args(["-rl", secret, "target", ".cache"]).current_dir(self.world.project.folder());
            assert!(search.output().unwrap().stdout.is_empty(), "it is kept in a file of ours");
        }
    }

    /// Publishes, and every call of Lambda is signed with this key.
    #[track_caller]
    fn signs_with(&self, command: &mut Command, key: &str) -> Run {
        let run = self.run(command).ends_with(0);
        let keys =
            run.calls.iter().filter(|call| call.service == "lambda").map(|call| call.access_key.as_str());
        let keys = keys.collect::<Vec<_>>();
        assert!(!keys.is_empty() && keys.iter().all(|used| *used == key), "{keys:?}, and not {key}");
        run
    }

    /// Publishes, and every call of Lambda is signed with a key that was made for it.
    #[track_caller]
    fn signs_with_new_key(&self, command: &mut Command) -> Run {
        let run = self.run(command).ends_with(0);
        let lambda = run.calls.iter().filter(|call| call.service == "lambda").collect::<Vec<_>>();
        assert!(
            !lambda.is_empty() && lambda.iter().all(|call| call.access_key.starts_with("ASIA")),
            "{lambda:?}"
        );
        run
    }
}

#[test]
fn pypi_keys_of_the_environment_and_of_a_profile() {
    let keys = format!("[dev]\naws_access_key_id = 300000000002\naws_secret_access_key = {SECRET}\n");
    let setting = Setting::new("", &keys);
    let mut command = setting.publish(&[]);
    command.env("AWS_ACCESS_KEY_ID", "300000000001").env("AWS_SECRET_ACCESS_KEY", SECRET);
    setting.signs_with(command.env("AWS_SESSION_TOKEN", TOKEN), "300000000001");
    setting.signs_with(&mut setting.publish(&["-p", "dev"]), "300000000002");
    setting.signs_with(setting.publish(&[]).env("AWS_PROFILE", "dev"), "300000000002");
}

#[cfg(unix)]
#[test]
fn pypi_a_program_that_gives_credentials() {
    let setting = Setting::new("[profile dev]\ncredential_process = sh give.sh\n", "");
    let keys = format!(
        "echo '{{\"Version\": 1, \"AccessKeyId\": \"300000000011\", \"SecretAccessKey\": \"{SECRET}\", \"SessionToken\": \"{TOKEN}\"}}'\n"
    );
    setting.world.project.write("give.sh", keys).unwrap();
    setting.signs_with(&mut setting.publish(&["-p", "dev"]), "300000000011");
    // It fails, and says something that is nobody's business.
    setting.world.project.write("give.sh", format!("echo {SECRET}; exit 3\n")).unwrap();
    setting
        .run(&mut setting.publish(&["-p", "dev"]))
        .ends_with(1)
        .says("error: failed to ask AWS whose credentials");
}

#[test]
fn pypi_a_role_from_another_profile_and_one_for_a_token_of_the_web() {
    let config = "[profile dev]\nrole_arn = arn:aws:iam::300000000021:role/layers\nsource_profile = base\nregion = eu-west-1\n";
    let keys = format!("[base]\naws_access_key_id = 300000000021\naws_secret_access_key = {SECRET}\n");
    let setting = Setting::new(config, &keys);
    let run = setting.signs_with_new_key(&mut setting.publish(&["-p", "dev"]));
    assert_eq!((run.count("AssumeRole"), &*run.calls[0].access_key), (1, "300000000021"));

    setting.world.project.write("token", TOKEN).unwrap();
    let mut command = setting.publish(&[]);
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", setting.world.project.path("token")).env("AWS_REGION", REGION);
    command.env("AWS_ROLE_ARN", "arn:aws:iam::300000000022:role/layers");
    let run = setting.signs_with_new_key(&mut command);
    assert_eq!(run.count("AssumeRoleWithWebIdentity"), 1);
}

#[test]
fn pypi_single_sign_on_and_its_end() {
    let config = "[profile dev]\nsso_session = corp\nsso_account_id = 300000000031\nsso_role_name = layers\n\
                  [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://example.org/start\n";
    let setting = Setting::new(config, "");
    let folder = setting.world.project.path(".aws/sso/cache");
    std::fs::create_dir_all(&folder).unwrap();
    // Its name is the SHA-1 of the session's.
    let file = folder.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
    let token = |expires: &str| {
        format!(
            "{{\"accessToken\": \"{TOKEN}\", \"expiresAt\": \"{expires}\", \"region\": \"eu-west-1\", \"startUrl\": \"x\"}}"
        )
    };
    let portal = Server::start();
    let keys = format!(
        "{{\"roleCredentials\": {{\"accessKeyId\": \"300000000031\", \"secretAccessKey\": \"{SECRET}\", \
         \"sessionToken\": \"{TOKEN}\", \"expiration\": 4000000000000}}}}"
    );
    let path = "/federation/credentials?role_name=layers&account_id=300000000031";
    portal.answer(path, Answer::File(keys.into_bytes()));

    std::fs::write(&file, token("2100-01-01T00:00:00Z")).unwrap();
    let mut command = setting.publish(&["-p", "dev"]);
    setting.signs_with(command.env("AWS_ENDPOINT_URL_SSO", portal.url("")), "300000000031");

    std::fs::write(&file, token("2020-01-01T00:00:00Z")).unwrap();
    let run = setting.run(&mut setting.publish(&["-p", "dev"])).ends_with(1);
    assert_eq!(run.calls.len(), 0);
    run.says("has expired").says("hint: log in with `aws sso login --profile dev`");

    // The portal does not take the token any more: it was taken back.
    std::fs::write(&file, token("2100-01-01T00:00:00Z")).unwrap();
    portal.answer(path, Answer::Failing(401, 99, Vec::new()));
    let mut command = setting.publish(&["-p", "dev"]);
    let run = setting.run(command.env("AWS_ENDPOINT_URL_SSO", portal.url(""))).ends_with(1);
    run.says("hint: log in with `aws sso login --profile dev`");
}

#[test]
fn pypi_aws_login_and_its_end() {
    let session = "arn:aws:iam::300000000041:user/somebody";
    let setting =
        Setting::new(&format!("[profile dev]\nlogin_session = {session}\nregion = eu-west-1\n"), "");
    // Nobody has logged in yet.
    let hint = "hint: log in with `aws login --profile dev`";
    setting.run(&mut setting.publish(&["-p", "dev"])).ends_with(1).says(hint);

    let folder = setting.world.project.path(".aws/login/cache");
    std::fs::create_dir_all(&folder).unwrap();
    let log_in = |expires: &str| {
        let token = serde_json::json!({
            "accessToken": {
                "accessKeyId": "300000000041",
                "secretAccessKey": SECRET,
                "sessionToken": TOKEN,
                "accountId": "300000000041",
                "expiresAt": expires,
            },
            "tokenType": "aws_sigv4",
            "refreshToken": TOKEN,
            "idToken": TOKEN,
            "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": "no key",
        });
        std::fs::write(folder.join(format!("{}.json", hex(session.as_bytes()))), token.to_string()).unwrap();
    };
    log_in("2100-01-01T00:00:00Z");
    setting.signs_with(&mut setting.publish(&["-p", "dev"]), "300000000041");
    log_in("2020-01-01T00:00:00Z");
    setting.run(&mut setting.publish(&["-p", "dev"])).ends_with(1).says(hint);
}

#[test]
fn pypi_a_container_and_an_instance() {
    let setting = Setting::new("", "");
    let agent = Server::start();
    let keys = format!(
        "{{\"AccessKeyId\": \"300000000051\", \"SecretAccessKey\": \"{SECRET}\", \"Token\": \"{TOKEN}\", \
         \"Expiration\": \"2100-01-01T00:00:00Z\", \"RoleArn\": \"x\"}}"
    );
    agent.answer("/role", Answer::File(keys.into_bytes()));
    let mut command = setting.publish(&[]);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url("/role"));
    setting.signs_with(command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN), "300000000051");
    assert_eq!(agent.authorized(), 1);

    // The local AWS serves the instance's metadata, too.
    let mut command = setting.publish(&[]);
    command.env_remove("AWS_EC2_METADATA_DISABLED");
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", local_aws().url());
    setting.signs_with_new_key(&mut command);
}

#[test]
fn pypi_nothing_secret_is_said_when_aws_refuses() {
    let setting = Setting::new("", "");
    for (code, status) in [
        ("SignatureDoesNotMatch", 403),
        ("InvalidSignatureException", 403),
        ("RequestTimeTooSkewed", 403),
        ("RequestExpired", 400),
        ("ExpiredTokenException", 403),
        ("AccessDeniedException", 403),
        ("InternalFailure", 500),
    ] {
        setting.world.proxy.heal();
        setting.world.proxy.add(Rule::always(Fault::Error { status, code, message: "refused" }));
        let mut command = setting.publish(&[]);
        command.env("AWS_ACCESS_KEY_ID", "300000000061").env("AWS_SECRET_ACCESS_KEY", SECRET);
        let run = setting.run(command.env("AWS_SESSION_TOKEN", TOKEN)).ends_with(1);
        assert!(run.stderr.contains("hint: "), "{code}: {}", run.stderr);
    }
}
