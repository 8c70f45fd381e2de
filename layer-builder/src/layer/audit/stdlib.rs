//! The top-level modules of the standard library, by version: what `sys.stdlib_module_names` says, without the private
//! ones and those of Windows.

use std::collections::HashSet;

use crate::target::PythonVersion;

/// In every version from 3.9 on.
const ALWAYS: &str = "abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 \
    cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib \
    contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings \
    ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt \
    getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib importlib inspect io ipaddress \
    itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder \
    multiprocessing netrc ntpath numbers opcode operator optparse os pathlib pdb pickle pickletools \
    pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data \
    pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve \
    shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat \
    statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios \
    textwrap this threading time timeit tkinter token tokenize trace traceback tracemalloc tty turtle turtledemo types \
    typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser wsgiref xml xmlrpc \
    zipapp zipfile zipimport zlib zoneinfo";
/// Gone in 3.10.
const UNTIL_9: &str = "formatter parser symbol";
/// Gone in 3.11.
const UNTIL_10: &str = "binhex";
/// Gone in 3.12.
const UNTIL_11: &str = "asynchat asyncore distutils imp smtpd";
/// Gone in 3.13.
const UNTIL_12: &str = "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap nis nntplib ossaudiodev \
    pipes sndhdr spwd sunau telnetlib uu xdrlib";
/// Gone in 3.15.
const UNTIL_14: &str = "sre_compile sre_constants sre_parse";
/// Since 3.11.
const FROM_11: &str = "tomllib";
/// Since 3.14.
const FROM_14: &str = "annotationlib compression";
/// Since 3.15.
const FROM_15: &str = "profiling";

/// The standard library of `python`.
pub(super) fn of(python: PythonVersion) -> HashSet<&'static str> {
    let minor = python.minor();
    let parts = [
        (true, ALWAYS),
        (minor <= 9, UNTIL_9),
        (minor <= 10, UNTIL_10),
        (minor <= 11, UNTIL_11),
        (minor <= 12, UNTIL_12),
        (minor <= 14, UNTIL_14),
        (minor >= 11, FROM_11),
        (minor >= 14, FROM_14),
        (minor >= 15, FROM_15),
    ];
    let parts = parts.into_iter().filter(|(is_part, _)| *is_part);
    parts.flat_map(|(_, names)| names.split_ascii_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::interpreter::Interpreter;
    use crate::target::Runtimes;

    /// The list is the same on every system; these are there on Windows only.
    const OF_WINDOWS: &[&str] = &["msilib", "msvcrt", "nt", "nturl2path", "winreg", "winsound"];

    #[test]
    fn the_list_is_that_of_every_interpreter_that_is_here() {
        for python in Runtimes::default().pythons() {
            // 3.9 has no such list.
            let Some(found) = Interpreter::find(python).filter(|_| python.minor() > 9) else { continue };
            let home = tempfile::tempdir().unwrap();
            let program = "import sys; print(*sys.stdlib_module_names)";
            let output = found.isolated(home.path()).args(["-I", "-c", program]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let is_meant = |name: &&str| !name.starts_with('_') && !OF_WINDOWS.contains(name);
            let expected: BTreeSet<&str> = text.split_whitespace().filter(is_meant).collect();
            assert_eq!(of(python).into_iter().collect::<BTreeSet<_>>(), expected, "{python}");
        }
    }

    #[test]
    fn what_came_and_went_is_known_where_no_interpreter_is_here() {
        let has = |python: &str, module: &str| of(python.parse().unwrap()).contains(module);
        for (module, since) in
            [("tomllib", 11), ("annotationlib", 14), ("compression", 14), ("profiling", 15)]
        {
            assert!(has(&format!("3.{since}"), module), "{module}");
            assert!(!has(&format!("3.{}", since - 1), module), "{module}");
        }
        for (module, until) in
            [("formatter", 9), ("parser", 9), ("symbol", 9), ("distutils", 11), ("sre_parse", 14)]
        {
            assert!(has(&format!("3.{until}"), module), "{module}");
            assert!(!has(&format!("3.{}", until + 1), module), "{module}");
        }
    }
}
