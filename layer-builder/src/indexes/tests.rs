//! Indexes as users configure them, in folders and environments that are made here.

use super::*;

struct Home {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Home {
    /// An environment of these variables; `~` in them is the home folder.
    fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home").display().to_string();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.replace('~', &home)));
        let mut variables: BTreeMap<String, String> = variables.collect();
        variables.insert("XDG_CONFIG_DIRS".to_owned(), folder.path().join("system").display().to_string());
        variables.insert("HOME".to_owned(), home);
        Self { folder, variables }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self) -> Indexes {
        self.read_with(&[])
    }

    fn read_with(&self, wanted: &[Wanted]) -> Indexes {
        Indexes::read(&self.folder.path().join("project"), wanted, &self.variables)
    }
}

/// What a request to `url` would be shown, decoded.
fn shown(indexes: &Indexes, url: &str) -> String {
    use base64::Engine;
    let credentials = indexes.nearest(url).and_then(Index::credentials);
    let decoded = |header: &str| {
        let text = header.strip_prefix("Basic ").unwrap_or_default();
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
    };
    credentials.map(|credentials| decoded(credentials.header())).unwrap_or_default()
}

#[test]
fn variables_of_uv_name_indexes_and_their_credentials() {
    let home = Home::new(&[
        ("UV_DEFAULT_INDEX", "https://a:1@one.test/simple"),
        ("UV_INDEX_URL", "https://b:2@two.test/simple"),
        ("UV_INDEX", "our-own=https://three.test/simple https://d:4@four.test/x/simple"),
        ("UV_EXTRA_INDEX_URL", "https://e:5@five.test/simple https://f%40g:6%2F@six.test/simple"),
        ("UV_INDEX_OUR_OWN_USERNAME", "c"),
        ("UV_INDEX_OUR_OWN_PASSWORD", "3"),
        ("UV_FIND_LINKS", "/some/folder,https://h:7@seven.test/links.html"),
    ]);
    let indexes = home.read();
    for (host, credentials) in [
        ("one", "a:1"),
        ("two", "b:2"),
        ("three", "c:3"),
        ("four", "d:4"),
        ("five", "e:5"),
        ("six", "f@g:6/"),
        ("seven", "h:7"),
        ("eight", ""),
    ] {
        assert_eq!(shown(&indexes, &format!("https://{host}.test/files/x.whl")), credentials);
    }
    assert_eq!(shown(&indexes, "http://one.test/files/x.whl"), "", "another scheme is another server");
    assert_eq!(shown(&indexes, "https://one.test:444/files/x.whl"), "", "and so is another port");
}

#[test]
fn files_of_uv_are_read_from_the_project_to_the_system() {
    let home = Home::new(&[("UV_INDEX_MINE_PASSWORD", "env")]);
    let table = |start: &str, host: &str| {
        format!("[[{start}index]]\nname = \"{host}\"\nurl = \"https://{host}:pw@{host}.test/simple\"\n")
    };
    home.write("project/uv.toml", &table("", "near"));
    home.write("project/pyproject.toml", &table("tool.uv.", "hidden"));
    home.write("pyproject.toml", &table("tool.uv.", "mine"));
    home.write("home/.config/uv/uv.toml", "extra-index-url = [\"https://user:pw@user.test/simple\"]\n[pip]\nindex-url = \"https://pip:pw@pip.test/simple\"\n");
    home.write(
        "system/uv/uv.toml",
        "find-links = [\"/x\", \"https://system:pw@system.test/\"]\nkeyring-provider = \"subprocess\"\n",
    );
    let indexes = home.read();
    for (host, credentials) in [
        ("near", "near:pw"),
        ("hidden", ""),
        ("mine", ":env"),
        ("user", "user:pw"),
        ("pip", "pip:pw"),
        ("system", "system:pw"),
    ] {
        assert_eq!(shown(&indexes, &format!("https://{host}.test/x")), credentials, "{host}");
    }
    assert!(indexes.keyring());
    let mut without = home;
    without.variables.insert("UV_NO_CONFIG".to_owned(), "1".to_owned());
    assert!(without.read().known.is_empty());
    without.write("other.toml", &table("", "other"));
    without.variables.insert("UV_CONFIG_FILE".to_owned(), "../other.toml".to_owned());
    assert_eq!(shown(&without.read(), "https://other.test/x"), "other:pw");
}

#[test]
fn of_several_indexes_on_one_host_the_one_that_shares_the_path_counts() {
    let home = Home::new(&[(
        "UV_INDEX",
        "https://one:1@x.test/projects/1/pypi/simple https://two:2@x.test/projects/2/pypi/simple",
    )]);
    let indexes = home.read();
    assert_eq!(shown(&indexes, "https://x.test/projects/1/pypi/files/a.whl"), "one:1");
    assert_eq!(shown(&indexes, "https://x.test/projects/2/pypi/files/a.whl"), "two:2");
    let first = indexes.nearest("https://x.test/projects/1/pypi/files/a.whl").unwrap();
    assert!(first.covers("https://x.test/projects/1/pypi/files/a.whl"));
    assert!(!first.covers("https://x.test/elsewhere/a.whl"));
    assert!(!first.covers("https://y.test/projects/1/pypi/files/a.whl"));
}

#[test]
fn pip_counts_where_uv_says_nothing() {
    let conf = "[global]\nindex-url = https://me:pw@pip.test/simple\nextra-index-url =\n    https://more.test/simple\n    \
                https://x:y@third.test/simple\nfind-links = ~/links /not/there\ncert = ~/ca.pem\nkeyring-provider = subprocess\n";
    let mut home = Home::new(&[]);
    home.write("home/.config/pip/pip.conf", conf);
    home.write("home/links/here", "");
    let indexes = home.read();
    assert_eq!(shown(&indexes, "https://pip.test/files/x.whl"), "me:pw");
    assert!(indexes.keyring());
    let root = home.folder.path().join("home");
    assert_eq!(indexes.certificates(), Some(root.join("ca.pem").as_path()));
    let handed = indexes.handed();
    let expected = [
        ("SSL_CERT_FILE", root.join("ca.pem").display().to_string()),
        ("UV_DEFAULT_INDEX", "https://me:pw@pip.test/simple".to_owned()),
        ("UV_FIND_LINKS", root.join("links").display().to_string()),
        ("UV_INDEX", "https://more.test/simple https://x:y@third.test/simple".to_owned()),
        ("UV_KEYRING_PROVIDER", "subprocess".to_owned()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(handed.variables.clone().into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(handed.secrets, ["pw", "y"]);

    // The environment goes over the file, and a certificate of the user's own over pip's.
    home.variables.insert("PIP_INDEX_URL".to_owned(), "https://other.test/simple".to_owned());
    home.variables.insert("PIP_NO_INDEX".to_owned(), "1".to_owned());
    home.variables.insert("SSL_CERT_FILE".to_owned(), "/own.pem".to_owned());
    let indexes = home.read();
    assert_eq!(indexes.handed().variables["UV_DEFAULT_INDEX"], "https://other.test/simple");
    assert_eq!(indexes.handed().arguments, ["--no-index"]);
    assert!(!indexes.handed().variables.contains_key("SSL_CERT_FILE") && indexes.certificates().is_none());

    home.variables.insert("PIP_CONFIG_FILE".to_owned(), "/dev/null".to_owned());
    home.variables.remove("PIP_INDEX_URL");
    assert!(home.read().known.is_empty());

    // uv has something to say: pip has nothing.
    home.variables.remove("PIP_CONFIG_FILE");
    home.write("home/.config/uv/uv.toml", "index-url = \"https://uv.test/simple\"\n");
    let indexes = home.read();
    assert!(indexes.handed().variables.is_empty() && indexes.handed().arguments.is_empty());
    assert_eq!(shown(&indexes, "https://pip.test/files/x.whl"), "");
}

#[test]
fn requirements_files_name_indexes_too() {
    let home = Home::new(&[("TOKEN", "t0ken")]);
    home.write(
        "project/more.txt",
        "--extra-index-url https://me:${TOKEN}@files.test/simple # ours\n-r deep/other.txt\nsix\n",
    );
    home.write(
        "project/deep/other.txt",
        "-f links\n--index-url=https://default.test/simple\n-r ../more.txt\n",
    );
    let indexes = home.read_with(&[Wanted::File("more.txt".into())]);
    assert_eq!(shown(&indexes, "https://files.test/x"), "me:t0ken");
    let links = home.folder.path().join("project/deep/links").display().to_string();
    let expected = [
        "--extra-index-url https://me:${TOKEN}@files.test/simple".to_owned(),
        format!("--find-links {links}"),
        "--index-url https://default.test/simple".to_owned(),
    ];
    assert_eq!(indexes.options(), expected);
    let debug = format!("{indexes:?}");
    assert!(!debug.contains("t0ken") && debug.contains("with a password"), "{debug}");
}
