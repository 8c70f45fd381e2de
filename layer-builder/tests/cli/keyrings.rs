//! Private indexes whose passwords a keyring has: what it is asked, and what uv gets of its answers.

use tests::command::run;
use tests::server::Server;

use crate::logins::{Private, SECRET, holds};

#[test]
fn a_keyring_is_asked_as_uv_and_pip_ask_it() {
    let private = Private::denying(401);
    let trace = private.world.path("trace");
    let program = format!(
        "echo \"$*\" >> {}\ncase \"$*\" in\n  \"get $SERVICE me\") echo '{SECRET}' ;;\n  \"get $SERVICE --mode creds\") printf '%s\\n' me '{SECRET}' ;;\n  *) exit 1 ;;\nesac\n",
        trace.display()
    );
    private.write_program("keyring", &program);
    let port = format!("127.0.0.1:{}", private.world.server.port());
    let index = private.index("");
    let (with_user, subprocess) = (private.index("me"), ("UV_KEYRING_PROVIDER", "subprocess"));
    let traced = || std::fs::read_to_string(&trace).unwrap_or_default();

    // Nobody has allowed it.
    let _ = private.build(&[("UV_INDEX", &with_user), ("SERVICE", &index)]).expect_code(1);
    assert_eq!(traced(), "");
    // With a user before the first request, about the index; then about the host.
    let before = private.asked();
    let _ = private.build(&[("UV_INDEX", &with_user), ("SERVICE", &index), subprocess]).expect_code(0);
    assert_eq!(traced(), format!("get {index} me\n"));
    assert_eq!((private.asked().0 - before.0, private.asked().1 - before.1), (1, 1));
    let _ = private.build(&[("UV_INDEX", &with_user), ("SERVICE", &port), subprocess]).expect_code(0);
    assert!(traced().ends_with(&format!("get {index} me\nget {port} me\n")), "{}", traced());
    // Without one when the server wants to know.
    let _ = private.build(&[("UV_INDEX", &index), ("SERVICE", &index), subprocess]).expect_code(0);
    assert!(traced().ends_with(&format!("get {index} --mode creds\n")), "{}", traced());
    // Allowed in files.
    private.write("uv.toml", &format!("keyring-provider = \"subprocess\"\nindex-url = {with_user:?}\n"));
    let _ = private.build(&[("SERVICE", &index)]).expect_code(0);
    std::fs::remove_file(private.world.path("uv.toml")).unwrap();
    private.write(
        ".config/pip/pip.conf",
        &format!("[global]\nkeyring-provider = import\nindex-url = {with_user}\n"),
    );
    let _ = private.build(&[("SERVICE", &index)]).expect_code(0);
}

/// What uv starts, build backends among it, gets no credentials of AWS: neither where a keyring has no answer, nor where
/// its answer is about an index without a name in a file that uv reads itself.
#[test]
fn uv_is_handed_what_a_keyring_says_and_no_credentials_of_aws() {
    let private = Private::denying(401);
    let trace = private.world.path("trace");
    let uv = format!(
        "[ \"$1\" = --version ] && echo 'uv 0.9.0' && exit\n[ \"$1\" = pip ] || exit 2\nexport -p > {0}\n\
         while read -r line; do echo \"netrc: $line\"; done < \"${{NETRC:-/dev/null}}\" >> {0}\nexit 1\n",
        trace.display()
    );
    private.write_program("uv", &uv);
    private.write(".netrc", "machine other.test login you password own\n");
    let lock = |keyring: &str| {
        private.write_program("keyring", keyring);
        let mut command = private.world.command(&["lock", "--upgrade"]);
        let secrets = [("AWS_PROFILE", "team"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
        command
            .env("PATH", private.world.path("tools"))
            .env("UV_KEYRING_PROVIDER", "subprocess")
            .envs(secrets);
        let outcome = run(&mut command).expect_code(1);
        assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);
        assert!(!holds(&private.world.path("cache"), SECRET));
        let seen = std::fs::read_to_string(&trace).unwrap();
        assert!(seen.contains("UV_KEYRING_PROVIDER"), "{seen}");
        assert!(!seen.contains("AWS_PROFILE") && !seen.contains("AWS_SECRET_ACCESS_KEY"), "{seen}");
        seen
    };
    let answers = format!("[ \"$AWS_PROFILE\" = team ] && echo '{SECRET}'\n");
    let mine = format!("netrc: machine 127.0.0.1 login \"me\" password \"{SECRET}\"\n");
    for index in ["index-url = \"INDEX\"\n", "[[index]]\nurl = \"INDEX\"\n", "find-links = [\"INDEX\"]\n"] {
        private.write("uv.toml", &index.replace("INDEX", &private.index("me")));
        assert!(!lock("exit 1\n").contains("netrc: "), "{index}");
        let seen = lock(&answers);
        assert!(seen.contains(&mine), "{seen}");
        assert!(seen.contains("netrc: machine other.test login you password own\n"), "{seen}");
    }
    // netrc knows no ports: what is for one server is not told to another one.
    let elsewhere = Server::start().url("/simple");
    private.write("uv.toml", &format!("extra-index-url = [{:?}, {elsewhere:?}]\n", private.index("me")));
    assert!(!lock(&answers).contains("netrc: "));
    // An index with a name has variables of its own.
    private.write("uv.toml", &format!("[[index]]\nname = \"ours\"\nurl = {:?}\n", private.index("me")));
    let seen = lock(&answers);
    assert!(seen.contains("UV_INDEX_OURS_PASSWORD=") && !seen.contains("netrc: "), "{seen}");
}
